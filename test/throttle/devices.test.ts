// PROTOCOL.md 8.1: what makes a device known, and what does not.
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Welcome } from '../../proto/index.js';
import type { Crypto } from '../../src/crypto/index.js';
import type { ServerKeys } from '../../src/server/index.js';
import { issueDevice, knownDevice, MAX_DEVICE_DAYS, type DeviceClaim } from '../../src/server/throttle/devices.js';
import { createBench, type Bench } from '../support/connection-bench.js';

const DAY_MS = 86_400_000;
const NOW = 20_000 * DAY_MS;

let bench: Bench;
let crypto: Crypto;
let keys: ServerKeys;

beforeAll(async () => {
  bench = await createBench();
  ({ crypto, keys } = bench);
});

async function signUp(username: string): Promise<Welcome> {
  const connection = bench.connect();
  const welcome = await connection.signup(username, 'correct horse');
  return welcome as Welcome;
}

describe('a device', () => {
  test('is given out by sign-up and login, with another id each time', async () => {
    const first = await signUp('dora');
    const second = (await bench.connect().login('dora', 'correct horse')) as Welcome;
    expect([first.deviceId.length, first.deviceSecret.length]).toEqual([16, 32]);
    expect([second.deviceId.length, second.deviceSecret.length]).toEqual([16, 32]);
    expect(second.deviceId).not.toEqual(first.deviceId);
  });

  test('is not given out by a resumption', async () => {
    const welcome = await signUp('resa');
    const connection = bench.connect();
    const resumed = (await connection.exchange(connection.client.resume(welcome))) as Welcome;
    expect([resumed.kind, resumed.deviceId.length, resumed.deviceSecret.length]).toEqual(['welcome', 0, 0]);
  });

  test.each([
    ['its own', (welcome: Welcome) => welcome],
    ['a foreign one', () => undefined],
    ['a broken secret', (welcome: Welcome) => ({ ...welcome, deviceSecret: new Uint8Array(32) })],
    ['an unknown id', (welcome: Welcome) => ({ ...welcome, deviceId: new Uint8Array(16) })],
  ])('%s changes nothing in the answer', async (name, choose) => {
    const username = `eve-${name.replaceAll(/\W/g, '')}`;
    const welcome = await signUp(username);
    const shown = choose(welcome) ?? (await signUp(`${username}2`));
    const connection = bench.connect();
    const challenge = await connection.exchange(connection.client.loginStartFrom(shown, username, 'correct horse'));
    expect(challenge.kind).toBe('loginChallenge');
    expect(connection.isProven).toBe(true);
  });

  test('may be shown in login-start only', () => {
    for (const kind of ['signupStart', 'resume'] as const) {
      const connection = bench.connect();
      const deviceProof = new Uint8Array(80);
      connection.frame(
        kind === 'resume'
          ? connection.client.resume(
              { ticketId: new Uint8Array(32), ticketSecret: new Uint8Array(64) },
              { deviceProof },
            )
          : connection.client.signupStart('sina', 'correct horse', { deviceProof }),
      );
      expect(connection.close).toMatchObject({ code: 4400 });
    }
  });
});

describe('what is known', () => {
  const owner = { userId: new Uint8Array(16).fill(7), recordVersion: 3, username: 'alice' };

  function claimOf(device: { deviceId: Uint8Array; deviceSecret: Uint8Array }, username = 'alice'): DeviceClaim {
    const { client } = bench.connect();
    const clientNonce = crypto.randomBytes(32);
    const proof = client.deviceProof(device, username, clientNonce);
    const hash = client.transcript.hash('blindsalt.v1 device', { type: '', value: new Uint8Array(0) });
    return { proof, clientNonce, transcriptHash: hash };
  }
  const issue = (change: Partial<typeof owner> = {}, nowMs = NOW): ReturnType<typeof issueDevice> =>
    issueDevice(crypto, keys, (length) => crypto.randomBytes(length), { ...owner, ...change }, nowMs);

  test('the device of this user, for this password', () => {
    const device = issue();
    expect(knownDevice(crypto, keys, owner, claimOf(device), NOW)).toEqual(device.deviceId);
  });

  test.each([
    ['of another user', { userId: new Uint8Array(16) }],
    ['of an earlier password', { recordVersion: 2 }],
    ['of a later password', { recordVersion: 4 }],
  ])('not one %s', (_name, change) => {
    expect(knownDevice(crypto, keys, owner, claimOf(issue(change)), NOW)).toBeUndefined();
  });

  test('not for another username, nonce, or connection', () => {
    const device = issue();
    const claim = claimOf(device);
    expect(knownDevice(crypto, keys, owner, claimOf(device, 'bob'), NOW)).toBeUndefined();
    for (const field of ['clientNonce', 'transcriptHash'] as const) {
      expect(
        knownDevice(crypto, keys, owner, { ...claim, [field]: crypto.randomBytes(claim[field].length) }, NOW),
      ).toBeUndefined();
    }
  });

  test('not with any bit of the proof changed', () => {
    const claim = claimOf(issue());
    for (let i = 0; i < 80; i++) {
      const proof = Uint8Array.from(claim.proof);
      proof[i]! ^= 1 << (i % 8);
      expect(knownDevice(crypto, keys, owner, { ...claim, proof }, NOW)).toBeUndefined();
    }
  });

  test('for so many days, and not longer', () => {
    const device = issue();
    const after = (days: number): Uint8Array | undefined =>
      knownDevice(crypto, keys, owner, claimOf(device), NOW + days * DAY_MS);
    expect(after(MAX_DEVICE_DAYS)).toEqual(device.deviceId);
    expect(after(MAX_DEVICE_DAYS + 1)).toBeUndefined();
  });

  test('under an older ticket key too', () => {
    const device = issue();
    const fresh = { id: crypto.randomBytes(16), key: crypto.randomBytes(64) };
    const rotated = { ...keys, ticketKeys: [fresh, ...keys.ticketKeys] };
    expect(knownDevice(crypto, rotated, owner, claimOf(device), NOW)).toEqual(device.deviceId);
    expect(knownDevice(crypto, { ...keys, ticketKeys: [fresh] }, owner, claimOf(device), NOW)).toBeUndefined();
  });
});
