import { createHash } from 'node:crypto';

/** 16 bytes that follow from the name, so that another process can check. */
const derive = (name: string): Uint8Array =>
  Uint8Array.from(createHash('sha512').update(name).digest().subarray(0, 16));

export const sessionIdOf = (session: string): Uint8Array => derive(`${session}|id`);

/** The serial of the session's ticket number `n`, counted from 0. */
export const serialOf = (session: string, n: number): Uint8Array => derive(`${session}|serial ${n}`);
