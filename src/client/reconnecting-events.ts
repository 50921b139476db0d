import type { BlindsaltError } from '../../proto/errors.js';
import type { SocketEventMap } from './socket-target.js';

/** The `reconnecting` event: the connection is gone, or an attempt failed, and another one follows. */
export class ReconnectingEvent extends Event {
  readonly error: BlindsaltError;
  /** Of the attempt that follows, from 1. */
  readonly attempt: number;
  readonly delayMs: number;

  /** @internal */
  constructor(error: BlindsaltError, attempt: number, delayMs: number) {
    super('reconnecting');
    this.error = error;
    this.attempt = attempt;
    this.delayMs = delayMs;
  }
}

/** The events `expired` and `revoked`: the session is gone; the credentials are asked for next. */
export class SessionEndEvent extends Event {
  /** `session-expired`; `session-revoked` or `account-disabled`. */
  readonly error: BlindsaltError;

  /** @internal */
  constructor(type: 'expired' | 'revoked', error: BlindsaltError) {
    super(type);
    this.error = error;
  }
}

export interface ReconnectingEventMap extends SocketEventMap {
  /** Connected, by password. */
  authenticated: Event;
  /** Connected, by ticket: the same session as before. */
  resumed: Event;
  reconnecting: ReconnectingEvent;
  expired: SessionEndEvent;
  revoked: SessionEndEvent;
}
