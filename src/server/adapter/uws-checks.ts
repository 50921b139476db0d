import type { TemplatedApp } from 'uWebSockets.js';
import { BlindsaltError } from '../../../proto/index.js';
import type { Attributes } from '../store.js';
import type { AuthenticatedBehavior, AuthenticateOptions } from './uws-types.js';

const HANDLERS = [
  'upgrade',
  'open',
  'message',
  'dropped',
  'drain',
  'close',
  'ping',
  'pong',
  'subscription',
  'sessionChanged',
] as const satisfies readonly (keyof AuthenticatedBehavior)[];

export function refuse(message: string): never {
  throw new BlindsaltError('option-invalid', message);
}

/** Whether an app of uWebSockets.js ends TLS itself. */
export function isTlsApp(app: TemplatedApp): boolean {
  switch (app?.constructor?.name) {
    case 'uWS.SSLApp':
      return true;
    case 'uWS.App':
      return false;
    default:
      return refuse('app must be what SSLApp or App of uWebSockets.js gave');
  }
}

/** What uWebSockets.js would end the process for, or what would undo a limit, is refused here. */
export function checkBehavior(behavior: AuthenticatedBehavior<never, never>, maxMessageBytes: number): void {
  if (typeof behavior !== 'object' || behavior === null) refuse('behavior must be an object, as for app.ws');
  for (const name of HANDLERS) {
    const handler: unknown = behavior[name];
    if (handler !== undefined && typeof handler !== 'function') refuse(`behavior.${name} must be a function`);
  }
  if (behavior.compression) refuse('behavior.compression must stay off: compression beside secrets leaks them');
  const { maxPayloadLength, idleTimeout, maxLifetime, maxBackpressure } = behavior;
  if (maxPayloadLength !== undefined && maxPayloadLength !== maxMessageBytes) {
    refuse(`behavior.maxPayloadLength is the engine's limit maxMessageBytes, ${maxMessageBytes}: set it there`);
  }
  if (idleTimeout !== undefined && !isWithin(idleTimeout, 8, 960)) {
    refuse('behavior.idleTimeout must be 8 to 960 seconds: lower ones end the process, 0 keeps dead sockets for ever');
  }
  if (maxLifetime !== undefined && !isWithin(maxLifetime, 0, 240)) {
    refuse('behavior.maxLifetime must be 0 to 240 minutes');
  }
  if (maxBackpressure !== undefined && !isWithin(maxBackpressure, 1024, 2 ** 31 - 1)) {
    refuse(
      'behavior.maxBackpressure must be at least 1024 bytes: without it a peer that does not read fills the memory',
    );
  }
}

export function checkOptions(options: AuthenticateOptions<Attributes> | undefined): void {
  const { engine, protocols } = options ?? {};
  if (typeof engine?.accept !== 'function') refuse('engine must be what createEngine gave');
  if (protocols !== undefined && !(Array.isArray(protocols) && protocols.every((name) => typeof name === 'string'))) {
    refuse('protocols must be a list of names');
  }
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
