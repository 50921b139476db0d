import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { capture, type CapturedFrame } from '../../scripts/capture.js';
import { oprfInput, type LoginChallenge, type LoginStart, type SignupFinish } from '../../proto/index.js';
import { deriveOprfKey, finalizeOprf, randomizedPassword, recoverCredentials } from '../../src/opaque/index.js';

// What SECURITY.md says about a capture, tried on a real one. Key stretching is replaced by a hash: it changes the price
// of a guess, not what a guess can be compared with.
const username = 'alice';
const password = 'correct horse battery';
const sha512 = (bytes: Uint8Array) => new Uint8Array(createHash('sha512').update(bytes).digest());
const stretch = (oprfOutput: Uint8Array) => Promise.resolve(sha512(oprfOutput));
const utf8 = (text: string) => new TextEncoder().encode(text);

let captured: Awaited<ReturnType<typeof capture>>;
let all: Buffer;
const find = <T>(frames: readonly CapturedFrame[], kind: string) =>
  frames.find((f) => f.message.kind === kind)!.message as T;

beforeAll(async () => {
  captured = await capture({ username, password, stretch });
  all = Buffer.concat([...captured.signup, ...captured.login].map(({ frame }) => frame));
});

describe('a decoded capture of sign-up and login', () => {
  test('has these messages, in this order, and no other', () => {
    expect(captured.signup.map((f) => f.message.kind)).toEqual([
      'hello',
      'signupStart',
      'signupChallenge',
      'signupFinish',
      'welcome',
    ]);
    expect(captured.login.map((f) => f.message.kind)).toEqual([
      'hello',
      'loginStart',
      'loginChallenge',
      'loginFinish',
      'welcome',
    ]);
  });

  test('contains nothing that can be computed from the password without the server’s seed', () => {
    const { crypto, domain } = captured;
    const input = oprfInput(domain, username, utf8(password));
    const mapped = crypto.hashToGroup(input, utf8('HashToGroup-OPRFV1-\0-ristretto255-SHA512'));
    const candidates = [utf8(password), input, mapped, sha512(utf8(password)), sha512(input)].flatMap((bytes) => [
      bytes,
      sha512(bytes).subarray(0, 32),
      createHash('sha256').update(bytes).digest(),
    ]);
    for (const bytes of candidates) expect(all.includes(Buffer.from(bytes).subarray(0, 16))).toBe(false);
    // The mapping is the one that was blinded: unblinding gives it back.
    const { blind, blindedElement } = crypto.oprf.blind(input);
    expect(crypto.ristretto255.multiply(crypto.scalar.invert(blind), blindedElement)).toEqual(mapped);
  });

  test('is different in every secret-bearing field when the same person logs in again', async () => {
    const again = await capture({ username, password, stretch });
    const secretBearing = ({ signup, login }: typeof captured) => {
      const start = find<LoginStart>(login, 'loginStart');
      const challenge = find<LoginChallenge>(login, 'loginChallenge');
      const { record } = find<SignupFinish>(signup, 'signupFinish');
      return [
        start.mechanismData,
        challenge.mechanismData.subarray(0, 32),
        challenge.mechanismData.subarray(64),
        challenge.proof,
        record,
      ];
    };
    const first = secretBearing(captured).map((b) => Buffer.from(b).toString('hex'));
    const second = secretBearing(again).map((b) => Buffer.from(b).toString('hex'));
    first.forEach((field, i) => expect(second[i]).not.toBe(field));
  });

  /** What a guesser does who holds the capture, and a key in place of the server's OPRF key. */
  const guess = async (candidate: string, oprfKey: Uint8Array): Promise<boolean> => {
    const { crypto, domain, login } = captured;
    const input = oprfInput(domain, username, utf8(candidate));
    const { blind, blindedElement } = crypto.oprf.blind(input);
    const output = finalizeOprf(crypto, input, blind, crypto.oprf.blindEvaluate(oprfKey, blindedElement));
    const secret = randomizedPassword(crypto, output, await stretch(output));
    const response = find<LoginChallenge>(login, 'loginChallenge').mechanismData;
    try {
      recoverCredentials(crypto, secret, response, { server: utf8(domain), client: utf8(username) });
      return true;
    } catch {
      return false;
    }
  };

  test('allows guesses to somebody with the OPRF key, and to nobody with another key', async () => {
    const { crypto, keys, credentialIdentifier } = captured;
    const { seed } = keys.oprfSeeds[0]!;
    const right = deriveOprfKey(crypto, seed, credentialIdentifier);
    expect(await guess(password, right)).toBe(true);
    expect(await guess('another password', right)).toBe(false);
    // One bit of the seed, or of the identifier, and the right password looks like any other.
    for (const secret of [seed, credentialIdentifier]) {
      secret[0]! ^= 1;
      expect(await guess(password, deriveOprfKey(crypto, seed, credentialIdentifier))).toBe(false);
      secret[0]! ^= 1;
    }
    for (const secret of [seed, credentialIdentifier, right]) expect(all.includes(Buffer.from(secret))).toBe(false);
  });
});
