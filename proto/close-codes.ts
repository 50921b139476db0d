/**
 * WebSocket close codes of blindsalt.v1. The range says what a client may do:
 * 4400–4429 do not try again unchanged; 4430–4449 the person has to log in again; 4450–4479 try again later by itself;
 * 4480–4499 are sent by clients. 4429 and 4449 are never sent: a client's own words for failures of these kinds.
 */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 4400,
  earlyFrame: 4401,
  subprotocolRefused: 4402,
  originRefused: 4403,
  targetRefused: 4404,
  tlsRequired: 4405,
  bindingRefused: 4406,
  frameTooLarge: 4407,
  tooManyAttempts: 4430,
  sessionExpired: 4431,
  sessionRevoked: 4432,
  accountDisabled: 4433,
  resumeFailed: 4434,
  /** Another connection has taken over this session. */
  sessionReplaced: 4435,
  /** The user has as many sessions as are allowed. */
  tooManySessions: 4436,
  tryLater: 4450,
  handshakeTimeout: 4451,
  serverError: 4452,
  /** Sent by a client that leaves the handshake; the same whatever its reason. */
  clientLeft: 4480,
} as const;
export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

/** What a close code allows a client to do next. */
export type Retry = 'never' | 'login' | 'later';

/** Classifies a close code by its range; codes outside 4400–4479 count as `later` (a lost connection). */
export function retryAfterClose(code: number): Retry {
  if (code >= 4400 && code <= 4429) return 'never';
  if (code >= 4430 && code <= 4449) return 'login';
  return 'later';
}
