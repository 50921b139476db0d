import { TYPE } from '../../proto/index.js';
import type { ConnectionContext } from './connection-state.js';
import type { Stage } from './observer.js';
import { toHex } from './hex.js';
import type { Input } from './steps.js';
import type { Peer } from './transport.js';

const CONNECTION_ID_BYTES = 8;
const EXPORTER_BYTES = 32;

/** Messages that begin something. */
const STARTS: ReadonlySet<number | undefined> = new Set([TYPE.loginStart, TYPE.signupStart, TYPE.resume]);

/** The type follows the mark and the array's header (PROTOCOL.md 4). */
const typeOf = (frame: Uint8Array): number | undefined => frame[2];

/** Whether a control frame, valid or not, would begin a login, a sign-up or a resumption. */
export const isStart = (frame: Uint8Array): boolean => STARTS.has(typeOf(frame));

/** What an input makes the state machine compute, where that is worth measuring. */
export function stageOf(input: Input): Stage | undefined {
  if (input.type === 'answer') return input.answer.to === 'login' ? 'evaluate' : undefined;
  return input.type === 'control-frame' && typeOf(input.frame) === TYPE.loginFinish ? 'verify' : undefined;
}

/** Names a connection in the log; no secret, so a failing source of randomness is no reason to have none. */
export function logId({ random }: ConnectionContext): string {
  try {
    return toHex(random(CONNECTION_ID_BYTES));
  } catch {
    return 'unknown';
  }
}

/** The `tls-exporter` value of a connection, 32 bytes, where there is one. */
export function exporterOf(peer: Peer): Uint8Array | undefined {
  try {
    const value = peer.tlsExporter?.();
    return value?.length === EXPORTER_BYTES ? value : undefined;
  } catch {
    // The connection is gone, or no TLS 1.3 after all: no channel binding is offered.
    return undefined;
  }
}
