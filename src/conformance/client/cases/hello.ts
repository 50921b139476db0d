import { randomBytes } from 'node:crypto';
import { Raw, raw } from '../../wire/msgpack.js';
import { encodeMessage } from '../../wire/schema.js';
import { begin, start } from '../attempt.js';
import { define, type ClientCase } from '../define.js';
import type { Fields, PlayedServer } from '../played-server.js';

const connection = define('connection');
const growth = define('growth');

const LEAVE_RULE =
  'Section 5.1: "The client MUST leave (close 4480) if domain is not the one it was configured for, if versions lacks 1, or if it ' +
  'needs a binding or mechanism that is not listed. Sent once, first."';
const STRICT_RULE = 'Section 4: "Decoders MUST reject" what is malformed; 3: a client leaves with 4480.';

/** The client has to leave after what is said instead of an honest `hello`. */
function hello(
  id: string,
  section: string,
  title: string,
  rule: string,
  play: (server: PlayedServer) => void,
): ClientCase {
  return define('hello')(id, section, title, ['login'], async (context, trial) => {
    const server = (await begin(context, trial, rule, 'login')).enter();
    play(server);
    await server.expectLeave();
  });
}

const lying = (id: string, title: string, change: Fields): ClientCase =>
  hello(id, '5.1', title, LEAVE_RULE, (server) => server.sendHello(change));

const malformed = (id: string, title: string, make: (honest: Buffer, server: PlayedServer) => Uint8Array): ClientCase =>
  hello(id, '4', title, STRICT_RULE, (server) =>
    server.sendFrame(make(encodeMessage('hello', server.helloFields()), server)),
  );

/** What has to be ignored: the client goes on. */
function grown(id: string, title: string, change: Fields): ClientCase {
  return growth(id, '13', title, ['login'], async (context, trial) => {
    const rule = 'Section 13: lists in `hello` whose unknown entries are ignored; fields that are empty today.';
    await start(context, trial, rule, 'login', { hello: change });
  });
}

export const HELLO_CASES: readonly ClientCase[] = [
  connection(
    'hello-offer',
    '3',
    'the client offers the subprotocol blindsalt.v1 and no extension',
    ['login'],
    async (context, trial) => {
      const rule =
        'Section 3, 1 and 3: "offering the subprotocol `blindsalt.v1`"; "permessage-deflate MUST NOT be negotiated."';
      const { caller, enter } = await begin(context, trial, rule, 'login');
      const server = enter();
      server.check(
        caller.subprotocols.includes('blindsalt.v1'),
        'blindsalt.v1 in the offer',
        caller.subprotocols.join(', '),
      );
      const extensions = caller.headers['sec-websocket-extensions'];
      server.check(!(extensions ?? '').includes('permessage-deflate'), 'no permessage-deflate', extensions ?? '');
    },
  ),
  connection(
    'hello-subprotocol-not-selected',
    '3',
    'the server does not select the subprotocol: the client sends nothing and leaves',
    ['login'],
    async (context, trial) => {
      const rule = 'Section 3, 1: "a client whose offer was not selected leaves."';
      const server = (await begin(context, trial, rule, 'login')).enter('');
      server.sendHello();
      const came = await server.next();
      // Libraries fail the connection by themselves here, with a code of their own or none.
      if (came?.kind !== 'close' && came?.kind !== 'end') server.fail('the end of the connection', came);
    },
  ),
  lying('hello-domain', 'hello names another domain', { domain: 'other.example' }),
  lying('hello-version', 'hello does not list version 1', { versions: [2, 7] }),
  lying('hello-no-version', 'hello lists no version', { versions: [] }),
  lying('hello-mechanism', 'hello lists another mechanism only', { mechanisms: ['PASSWORD-PLAIN'] }),
  lying('hello-no-mechanism', 'hello lists no mechanism', { mechanisms: [] }),
  hello('hello-missing', '5.1', 'a challenge comes instead of hello', LEAVE_RULE, (server) => {
    const zero = (length: number): Buffer => Buffer.alloc(length);
    const ksf = { ksf: 'argon2id', ksfMemoryKiB: 65_536, ksfIterations: 3, ksfParallelism: 1 };
    const fields = { serverNonce: randomBytes(32), serverKeyId: zero(16), mechanismData: zero(192), proof: zero(64) };
    server.sendFrame(encodeMessage('login-challenge', { ...fields, ...ksf }));
  }),
  hello(
    'hello-text-first',
    '4',
    'a text message before login',
    'Section 4: "Application messages before `welcome`…: a client leaves."',
    (server) => server.sendApplication('welcome!'),
  ),
  hello(
    'hello-binary-first',
    '4',
    'a binary application message before login',
    'Section 4: "Application messages before `welcome`…: a client leaves."',
    (server) => server.sendApplication(Buffer.of(0x92, 1, 2)),
  ),
  malformed('hello-trailing-bytes', 'hello with a byte behind the array', (honest) =>
    Buffer.concat([honest, Buffer.of(0)]),
  ),
  malformed('hello-cut-off', 'hello without its last byte', (honest) => honest.subarray(0, -1)),
  malformed('hello-marker-alone', '0xC1 alone', () => Buffer.of(0xc1)),
  malformed('hello-garbage', 'garbage behind 0xC1', () => Buffer.concat([Buffer.of(0xc1, 0x93), randomBytes(40)])),
  malformed('hello-unknown-type', 'a message of a type that does not exist', () => Buffer.of(0xc1, 0x92, 0x63, 0x01)),
  malformed('hello-long-integer', 'an integer that is not in its shortest encoding', (_honest, server) =>
    encodeMessage('hello', { ...server.helloFields(), versions: [raw(0xcd, 0, 1)] }),
  ),
  malformed('hello-nil', 'nil instead of the puzzle', (_honest, server) =>
    encodeMessage('hello', { ...server.helloFields(), puzzle: raw(0xc0) }),
  ),
  malformed('hello-utf8', 'text that is not valid UTF-8', (_honest, server) =>
    encodeMessage('hello', { ...server.helloFields(), registration: raw(0xa2, 0xc3, 0x28) }),
  ),
  malformed('hello-short-nonce', 'a nonce of 31 bytes', (_honest, server) =>
    encodeMessage('hello', { ...server.helloFields(), serverNonce: randomBytes(31) }),
  ),
  malformed('hello-map', 'a map instead of the array', (honest) => {
    const copy = Buffer.from(honest);
    copy[1] = 0x84;
    return copy;
  }),
  malformed('hello-wrong-direction', 'a message that only clients send', () =>
    encodeMessage('logout', { everywhere: new Raw(Buffer.of(0)) }),
  ),
  grown('growth-versions', 'hello lists versions and mechanisms that are unknown beside the known ones', {
    versions: [1, 1000],
    mechanisms: ['SOMETHING-NEWER', 'SCHNORR-RISTRETTO255'],
    bindings: ['tls-something'],
  }),
  grown('growth-limits', 'hello has more limits than today, and a puzzle that this version ignores', {
    limits: [65_536, 20_000, 5, 1, 2, 3],
    puzzle: randomBytes(16),
  }),
];
