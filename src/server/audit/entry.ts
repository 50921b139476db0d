import { hash as digest } from 'node:crypto';
import { fromHex, toHex } from '../hex.js';
import { AUDIT_EVENTS, type AuditEvent } from './events.js';

/** One link of the chain. */
export interface AuditRow {
  /** 1 for the first entry, one more for each; no number is left out. */
  readonly seq: number;
  /** Hash of the entry before, 32 bytes; zeros for the first. */
  readonly prev: Uint8Array;
  /** JSON text with the members in the order of `encodeBody`. The chain is made over these very bytes. */
  readonly body: string;
  /** SHA-256 of what `entryHash` says, 32 bytes. */
  readonly hash: Uint8Array;
}

/** What a body says, decoded. */
export interface AuditBody {
  readonly at: number;
  readonly event: string;
  readonly user?: string;
  readonly session?: string;
  readonly from?: string;
  readonly connection?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly actor?: string;
  readonly count?: number;
  readonly detail?: string;
  /** Of checkpoints: 8 bytes of the key's id in hexadecimal, and an Ed25519 signature in base64url. */
  readonly key?: string;
  readonly signature?: string;
}

export const HASH_BYTES = 32;
export const NO_HASH = new Uint8Array(HASH_BYTES);
const LABEL = Buffer.from('blindsalt.v1 audit entry\0');
const SESSION_BYTES = 8;
/** Words of our own. Anything else would be a stranger's text, and is recorded as `other`. */
const WORD = /^[A-Za-z0-9][A-Za-z0-9_.:@/,= +-]{0,199}$/;

const word = (text: string | undefined): string | undefined => (text === undefined || WORD.test(text) ? text : 'other');

/** A member whose text JSON need not escape: hexadecimal digits, base64url, a word of ours. */
const member = (name: keyof AuditBody, text: string | undefined): string =>
  text === undefined ? '' : `,"${name}":"${text}"`;

/** The body's text, as `JSON.stringify` would make it; members that are undefined are left out. */
export function encodeBody(
  event: AuditEvent,
  signed: { readonly key?: string; readonly signature?: string } = {},
): string {
  const { userId, sessionId, count } = event;
  return (
    `{"at":${event.atMs},"event":"${event.event}"` +
    member('user', userId && toHex(userId)) +
    member('session', sessionId && toHex(sessionId.subarray(0, SESSION_BYTES))) +
    member('from', word(event.addressPrefix)) +
    member('connection', word(event.connectionId)) +
    member('code', word(event.code)) +
    member('reason', word(event.reason)) +
    member('actor', word(event.actor)) +
    (count === undefined ? '' : `,"count":${count}`) +
    member('detail', word(event.detail)) +
    member('key', signed.key) +
    member('signature', signed.signature) +
    '}'
  );
}

/** A number as 8 bytes, big-endian. */
export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Where messages are put together for the hash: memory of its own for each would cost more. */
const scratch = Buffer.allocUnsafeSlow(2048);

/** SHA-256("blindsalt.v1 audit entry" ‖ 0x00 ‖ seq, 8 bytes big-endian ‖ prev ‖ body in UTF-8). */
export function entryHash(seq: number, prev: Uint8Array, body: string): Uint8Array {
  const at = LABEL.length;
  const length = at + 8 + HASH_BYTES + Buffer.byteLength(body);
  const message = length > scratch.length ? Buffer.allocUnsafeSlow(length) : scratch.subarray(0, length);
  message.set(LABEL);
  message.writeUInt32BE(Math.floor(seq / 2 ** 32), at);
  message.writeUInt32BE(seq >>> 0, at + 4);
  message.set(prev, at + 8);
  message.write(body, at + 8 + HASH_BYTES);
  // By way of text, since a buffer of the runtime's making costs as much as the hash.
  return fromHex(digest('sha256', message, 'hex'));
}

/** The entry as one line of an export, without a newline. */
export function encodeLine({ seq, prev, body, hash }: AuditRow): string {
  return `{"seq":${seq},"prev":"${toHex(prev)}","entry":${body},"hash":"${toHex(hash)}"}`;
}

const LINE = /^\{"seq":([1-9]\d{0,15}),"prev":"([0-9a-f]{64})","entry":(\{[^\n]*\}),"hash":"([0-9a-f]{64})"\}$/;

/** The row that a line tells; undefined for anything that `encodeLine` would not have written. Hashes are not checked. */
export function decodeLine(line: string): AuditRow | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, seq, prev, body, hash] = match as unknown as [string, string, string, string, string];
  if (!Number.isSafeInteger(Number(seq))) return undefined;
  return { seq: Number(seq), prev: fromHex(prev), body, hash: fromHex(hash) };
}

/** What a body says; undefined when it is no entry's. */
export function decodeBody(body: string): AuditBody | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { at, event } = value as Record<string, unknown>;
  const isKnown = Number.isSafeInteger(at) && (AUDIT_EVENTS as readonly unknown[]).includes(event);
  return isKnown ? (value as AuditBody) : undefined;
}
