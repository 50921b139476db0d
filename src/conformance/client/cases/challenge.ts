import { randomBytes } from 'node:crypto';
import { keyIdOf, LABELS, Transcript } from '../../wire/transcript.js';
import { start } from '../attempt.js';
import type { ClientContext } from '../context.js';
import { define, duringLogin, type ClientCase } from '../define.js';
import type { Fields, Lie, PlayedServer } from '../played-server.js';

const login = define('login');
const signup = define('sign-up');

const KEY_RULE =
  'Section 8, 3: "verifies that serverKeyId fits the server public key found in the envelope, … and the proof under that public ' +
  'key. … in every case of failure it leaves with 4480".';
const KSF_RULE =
  'Section 2.2: "A client MUST refuse parameters below its floors … and above its ceilings", and names that it did not offer.';
const NONCE_RULE = 'Section 8, 3: "checks … that serverNonce is new".';
const SIGNUP_RULE =
  'Section 7, 3: "checks the KSF bounds (2.2), that ksf is one of those it offered, that serverNonce is new, that serverKeyId fits the ' +
  'server public key, … and the proof … Any failure: it leaves (4480)."';

type MakeLie = (context: ClientContext, server: PlayedServer) => Lie;

/** The client has to leave when the challenge of a login lies in this way. */
const lyingLogin = (id: string, title: string, rule: string, lie: MakeLie): ClientCase =>
  duringLogin(login, id, '8', title, rule, (server, context) =>
    server.sendChallenge('login-challenge', lie(context, server)),
  );

/** The same for a sign-up, of another name. */
const lyingSignup = (id: string, title: string, rule: string, lie: MakeLie): ClientCase =>
  signup(id, '7', title, ['signup'], async (context, trial) => {
    const username = `c${randomBytes(6).toString('hex')}`;
    const { server } = await start(context, trial, rule, 'signup', { username });
    server.sendChallenge('signup-challenge', lie(context, server));
    await server.expectLeave();
  });

const foreignKey = ({ world: { crypto } }: ClientContext): NonNullable<Lie['key']> =>
  crypto.oprf.deriveKeyPair(randomBytes(32), Buffer.from('foreign'));

const change =
  (fields: Fields): (() => Lie) =>
  () => ({ fields: (honest) => ({ ...honest, ...fields }) });

/** Changes bytes of mechanismData, and signs that. */
const changeData =
  (edit: (data: Buffer, context: ClientContext) => Buffer) =>
  (context: ClientContext): Lie => ({
    fields: (honest) => ({
      ...honest,
      mechanismData: edit(Buffer.from(honest['mechanismData'] as Uint8Array), context),
    }),
  });

function flipped(data: Buffer, at: number): Buffer {
  data[at] = data[at]! ^ 1;
  return data;
}

const otherElement = ({ world: { crypto } }: ClientContext): Uint8Array =>
  crypto.ristretto255.fromUniformBytes(randomBytes(64));

const argon2id = (memoryKiB: number, iterations: number, parallelism: number): Fields => ({
  ksf: 'argon2id',
  ksfMemoryKiB: memoryKiB,
  ksfIterations: iterations,
  ksfParallelism: parallelism,
});
const pbkdf2 = (iterations: number, memoryKiB = 0): Fields => ({
  ksf: 'pbkdf2-sha512',
  ksfMemoryKiB: memoryKiB,
  ksfIterations: iterations,
  ksfParallelism: 0,
});
const BAD_KSFS: readonly (readonly [string, string, Fields])[] = [
  ['memory-low', 'argon2id with 8 KiB', argon2id(8, 3, 1)],
  ['time-low', 'argon2id with one pass', argon2id(65_536, 1, 1)],
  ['memory-high', 'argon2id with 4 GiB less 1 KiB', argon2id(4_194_303, 3, 1)],
  ['time-high', 'argon2id with 2^32 − 1 passes', argon2id(65_536, 4_294_967_295, 1)],
  ['parallelism-zero', 'argon2id with parallelism 0', argon2id(65_536, 3, 0)],
  ['iterations-low', 'PBKDF2 with 1000 iterations', pbkdf2(1000)],
  ['iterations-high', 'PBKDF2 with 2^32 − 1 iterations', pbkdf2(4_294_967_295)],
  ['pbkdf2-memory', 'PBKDF2 with memory', pbkdf2(210_000, 1)],
  ['unknown', 'a function that nobody offered', { ksf: 'rot13', ksfMemoryKiB: 0, ksfIterations: 1, ksfParallelism: 0 }],
];

export const LYING_LOGIN_CASES: readonly ClientCase[] = [
  lyingLogin('login-signature', 'one bit of the proof is wrong', KEY_RULE, () => ({
    frame: (signed) => flipped(signed, signed.length - 1),
  })),
  lyingLogin('login-signature-zero', 'a proof of 64 zero bytes', KEY_RULE, () => ({
    frame: (signed) => signed.fill(0, signed.length - 64),
  })),
  lyingLogin(
    'login-foreign-key',
    'another key signs, the envelope and key id are the true ones',
    KEY_RULE,
    (context) => ({
      key: { ...context.world.serverKey, privateKey: foreignKey(context).privateKey },
    }),
  ),
  lyingLogin('login-foreign-server', 'another key signs, and its id and public key are shown', KEY_RULE, (context) => ({
    key: foreignKey(context),
  })),
  lyingLogin('login-key-id', 'serverKeyId of another key', KEY_RULE, change({ serverKeyId: randomBytes(16) })),
  lyingLogin('login-key-id-foreign', 'another key signs under its own id', KEY_RULE, (context) => {
    const key = foreignKey(context);
    return {
      key: { ...context.world.serverKey, privateKey: key.privateKey },
      fields: (honest) => ({ ...honest, serverKeyId: keyIdOf(key.publicKey) }),
    };
  }),
  lyingLogin('login-label', 'the proof has the label of sign-up', KEY_RULE, () => ({ label: LABELS.signupServer })),
  lyingLogin('login-domain', 'the proof is for another domain', KEY_RULE, () => ({ domain: 'other.example' })),
  lyingLogin('login-username', 'the proof is for another username', KEY_RULE, () => ({ username: 'somebody-else' })),
  lyingLogin('login-transcript', 'the proof is for another transcript', KEY_RULE, () => ({
    transcript: new Transcript(),
  })),
  lyingLogin(
    'login-envelope',
    'one bit of the envelope is wrong, and that is signed',
    KEY_RULE,
    changeData((data) => flipped(data, 191)),
  ),
  lyingLogin(
    'login-masking-nonce',
    'one bit of the masking nonce is wrong, and that is signed',
    KEY_RULE,
    changeData((data) => flipped(data, 40)),
  ),
  lyingLogin(
    'login-evaluated-other',
    'an element evaluated under another key',
    KEY_RULE,
    changeData((data, context) => {
      data.set(otherElement(context), 0);
      return data;
    }),
  ),
  lyingLogin(
    'login-evaluated-identity',
    'the identity as evaluated element',
    'Section 2: "an element sent by a peer MUST NOT be the identity."',
    changeData((data) => data.fill(0, 0, 32)),
  ),
  lyingLogin(
    'login-evaluated-invalid',
    'bytes that are no element',
    'Section 2: elements "MUST be decoded strictly".',
    changeData((data) => data.fill(0xff, 0, 32)),
  ),
  lyingLogin(
    'login-data-short',
    'mechanismData of 191 bytes',
    'Section 5.7: RFC 9807 CredentialResponse, 192 bytes.',
    changeData((data) => data.subarray(0, 191)),
  ),
  lyingLogin(
    'login-data-long',
    'mechanismData of 193 bytes',
    'Section 5.7: RFC 9807 CredentialResponse, 192 bytes.',
    changeData((data) => Buffer.concat([data, Buffer.of(0)])),
  ),
  lyingLogin('login-nonce-hello', "serverNonce is hello's", NONCE_RULE, (_context, server) =>
    change({ serverNonce: server.helloNonce })(),
  ),
  lyingLogin('login-nonce-client', "serverNonce is the client's own", NONCE_RULE, (_context, server) =>
    change({ serverNonce: server.start.fields['clientNonce'] as Buffer })(),
  ),
  ...BAD_KSFS.map(([id, title, ksf]) => lyingLogin(`login-ksf-${id}`, title, KSF_RULE, change(ksf))),
  login(
    'login-challenge-replayed',
    '8',
    'the challenge of an earlier login is sent again',
    ['account'],
    async (context, trial) => {
      const { server: first } = await start(context, trial, KEY_RULE, 'login');
      first.sendChallenge('login-challenge');
      await first.expect('login-finish');
      first.sendError('login-failed');
      first.visit.close(1001);
      const { server: second } = await start(context, trial, KEY_RULE, 'login');
      second.sendFrame(first.challenge.frame);
      await second.expectLeave();
    },
  ),
  duringLogin(
    login,
    'login-challenge-of-signup',
    '8',
    'a signup-challenge answers login-start',
    'Section 8: `login-start` is answered by `login-challenge`.',
    (server) => server.sendChallenge('signup-challenge'),
  ),
];

export const LYING_SIGNUP_CASES: readonly ClientCase[] = [
  lyingSignup('signup-signature', 'one bit of the proof is wrong', SIGNUP_RULE, () => ({
    frame: (signed) => flipped(signed, signed.length - 1),
  })),
  lyingSignup('signup-foreign-key', 'another key signs than the one shown', SIGNUP_RULE, (context) => ({
    key: { ...context.world.serverKey, privateKey: foreignKey(context).privateKey },
  })),
  lyingSignup('signup-key-id', 'serverKeyId of another key', SIGNUP_RULE, change({ serverKeyId: randomBytes(16) })),
  lyingSignup('signup-label', 'the proof has the label of login', SIGNUP_RULE, () => ({ label: LABELS.loginServer })),
  lyingSignup('signup-username', 'the proof is for another username', SIGNUP_RULE, () => ({
    username: 'somebody-else',
  })),
  lyingSignup('signup-transcript', 'the proof is for another transcript', SIGNUP_RULE, () => ({
    transcript: new Transcript(),
  })),
  lyingSignup('signup-nonce', "serverNonce is hello's", SIGNUP_RULE, (_context, server) =>
    change({ serverNonce: server.helloNonce })(),
  ),
  lyingSignup(
    'signup-evaluated-identity',
    'the identity as evaluated element',
    'Section 2: "an element sent by a peer MUST NOT be the identity."',
    changeData((data) => data.fill(0, 0, 32)),
  ),
  lyingSignup(
    'signup-data-short',
    'mechanismData of 63 bytes',
    'Section 5.4: RFC 9807 RegistrationResponse, 64 bytes.',
    changeData((data) => data.subarray(0, 63)),
  ),
  ...BAD_KSFS.map(([id, title, ksf]) => lyingSignup(`signup-ksf-${id}`, title, KSF_RULE, change(ksf))),
];
