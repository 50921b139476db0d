// What tests of the state machine do to a connection of a bench, and expect of it.
import { expect } from '@jest/globals';
import { closeCodeOf, encodeControl, type WireErrorCode } from '../../proto/index.js';
import type { BenchConnection } from './connection-bench.js';

let names = 0;
export const freshName = (): string => `user${++names}`;

/** It was refused with an error of this code, and closed. */
export function expectClosedWith(connection: BenchConnection, code: WireErrorCode): void {
  expect(connection.close).toEqual({ code: closeCodeOf(code), reason: code });
  expect(connection.client.take(connection.frames.at(-1)!)).toEqual({ kind: 'error', code, retryAfterSeconds: 0 });
  expect(connection.connection.isClosed).toBe(true);
}

/** Each message is one letter. */
export const LETTERS = ['L', 'S', 'l', 's', 'w', 'a', 'g'] as const;
export type Letter = (typeof LETTERS)[number];
export const MEANING: Record<Letter, string> = {
  L: 'login-start',
  S: 'signup-start',
  l: 'login-finish',
  s: 'signup-finish',
  w: 'login-finish with a wrong proof',
  a: 'application message',
  g: 'garbage',
};

/** Sends it; what came back: the kind of the message, or the code of the error. */
export async function play(connection: BenchConnection, letter: Letter): Promise<string | undefined> {
  const { client } = connection;
  const zeros = new Uint8Array(64);
  const frames: Record<Letter, () => Uint8Array | undefined> = {
    L: () => client.loginStart('alice', 'correct horse'),
    S: () => client.signupStart(freshName(), 'correct horse'),
    l: () =>
      connection.challenge?.kind === 'loginChallenge'
        ? client.loginFinish(connection.challenge)
        : encodeControl({ kind: 'loginFinish', proof: zeros }),
    s: () =>
      connection.challenge?.kind === 'signupChallenge'
        ? client.signupFinish(connection.challenge)
        : encodeControl({ kind: 'signupFinish', record: new Uint8Array(192), proof: zeros }),
    w: () => client.sent(encodeControl({ kind: 'loginFinish', proof: zeros })),
    a: () => undefined,
    g: () => Uint8Array.of(0xc1, 0x92, 0x16, 0xc4),
  };
  const frame = frames[letter]();
  const before = connection.frames.length;
  if (frame === undefined) connection.step({ type: 'application-frame' });
  else connection.frame(frame);
  await connection.settle();
  const answer = connection.frames[before];
  if (answer === undefined) return undefined;
  if (answer[2] === 11 || answer[2] === 21) {
    connection.challenge = connection.client.takeChallenge(answer).message;
    return connection.challenge.kind;
  }
  const message = connection.client.take(answer);
  return message.kind === 'error' ? message.code : message.kind;
}
