/** The `close` event of an authenticated socket; the platform's CloseEvent, where there is one. */
export interface SocketCloseEvent extends Event {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

interface CloseInit {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** For Node before 23, which has no CloseEvent. */
class PlainCloseEvent extends Event implements SocketCloseEvent {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;

  constructor(init: CloseInit) {
    super('close');
    this.code = init.code;
    this.reason = init.reason;
    this.wasClean = init.wasClean;
  }
}

export function closeEvent(init: CloseInit): SocketCloseEvent {
  return typeof CloseEvent === 'function' ? new CloseEvent('close', init) : new PlainCloseEvent(init);
}

/** The `expiring` event: the session ends soon. */
export class ExpiringEvent extends Event {
  readonly secondsLeft: number;
  /** `idle`: any message, or `refresh`, prevents it; `absolute`: only `stepUp` does. */
  readonly limit: 'idle' | 'absolute';

  /** @internal */
  constructor(secondsLeft: number, limit: 'idle' | 'absolute') {
    super('expiring');
    this.secondsLeft = secondsLeft;
    this.limit = limit;
  }
}

/** The `userchanged` event: the user has these roles from now on. */
export class UserChangedEvent extends Event {
  readonly roles: readonly string[];

  /** @internal */
  constructor(roles: readonly string[]) {
    super('userchanged');
    this.roles = roles;
  }
}

/** Calls back in a task of its own, as the platform delivers each event: microtasks run in between. */
export function nextTask(task: () => void): void {
  if (typeof setImmediate === 'function') {
    setImmediate(task);
    return;
  }
  // Not a timer: those wait for a second in hidden pages.
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    task();
  };
  port2.postMessage(undefined);
}
