// Benches of the state machine whose clocks the test sets, with members on them; and what members ask after welcome.
import { beforeAll, expect } from '@jest/globals';
import {
  closeCodeOf,
  decodeControl,
  encodeControl,
  type Message,
  type Welcome,
  type WireErrorCode,
} from '../../proto/index.js';
import type { ServerKeys } from '../../src/server/index.js';
import { createBench, type Bench, type BenchConnection, type ConnectOptions } from './connection-bench.js';
import type { DriverTicket } from './client-driver.js';

/** What the benches of a test file go by. */
export const clock = { nowMs: 1_700_000_000_000, stopwatchMs: 0 };
/** Made before the tests of the file that imports this. */
export let bench: Bench;
let names = 0;
const freshName = (): string => `user${++names}`;

export const createTimedBench = (change: Parameters<typeof createBench>[0] = {}): Promise<Bench> =>
  createBench({ now: () => clock.nowMs, monotonicMs: () => clock.stopwatchMs, ...change });

beforeAll(async () => {
  bench = await createTimedBench();
});

export async function member(name = freshName(), options: ConnectOptions = {}, at = bench) {
  const connection = at.connect(options);
  const welcome = (await connection.signup(name)) as Welcome;
  expect(welcome.kind).toBe('welcome');
  return { connection, welcome, name };
}

export async function resume(ticket: DriverTicket, options: ConnectOptions = {}, at = bench) {
  const connection = at.connect(options);
  const answer = await request(connection, connection.client.resume(ticket));
  return { connection, answer: answer as Welcome };
}

/** A frame after which the server's next one is the answer; it stays out of the transcript after welcome. */
export async function request(connection: BenchConnection, frame: Uint8Array): Promise<Message> {
  const before = connection.frames.length;
  connection.frame(frame);
  await connection.settle();
  return decodeControl(connection.frames[before]!, 'server');
}

export const ask = (connection: BenchConnection, message: Message): Promise<Message> =>
  request(connection, encodeControl(message));

export const isClosedWith = (connection: BenchConnection, code: WireErrorCode): void => {
  expect(connection.close).toEqual({ code: closeCodeOf(code), reason: code });
};

export async function stepUp(
  connection: BenchConnection,
  welcome: Welcome,
  password = 'correct horse',
): Promise<Message> {
  const before = connection.frames.length;
  const challenge = await request(connection, connection.client.stepUpStart(welcome, password));
  if (challenge.kind !== 'stepUpChallenge') return challenge;
  const { finish, isProven } = connection.client.stepUpFinish(connection.frames[before]!);
  expect(isProven).toBe(password === 'correct horse');
  return request(connection, finish);
}

export async function reregister(
  connection: BenchConnection,
  welcome: Welcome,
  password: string,
  options: { endOthers?: number; wrong?: 'old' | 'new'; keys?: ServerKeys } = {},
): Promise<Message> {
  const before = connection.frames.length;
  const challenge = await request(connection, connection.client.reregisterStart(welcome, password));
  if (challenge.kind !== 'reregisterChallenge') return challenge;
  const { publicKey } = (options.keys ?? bench.keys).serverKeys[0]!;
  const { finish, isProven } = connection.client.reregisterFinish(connection.frames[before]!, publicKey, options);
  expect(isProven).toBe(true);
  return request(connection, finish);
}
