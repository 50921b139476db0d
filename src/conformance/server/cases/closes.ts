import { randomBytes } from 'node:crypto';
import { Skip, type Trial } from '../../case.js';
import { closePayload } from '../../wire/framing.js';
import type { Incoming, Link } from '../../wire/link.js';
import { bytesOf } from '../../wire/schema.js';
import { define, type ServerCase } from '../define.js';
import { SETUPS } from '../states.js';

const limits = define('limits and closes');
const application = define('application messages');
const nonces = define('nonces');

const EARLY = 'Section 4: "Application messages before `welcome`, of whatever size: the server closes with 4401".';

/** Connections at a time for the counts of nonces. */
const LANES = 8;

export const closeCases: readonly ServerCase[] = [
  limits(
    'handshake-timeout',
    '3',
    'a connection that says nothing: 4451 at the announced time',
    ['handshake-timeout'],
    async (context, trial) => {
      const limitMs = context.limit('handshakeTimeoutMs')!;
      const rule = `Section 3, 5: "closed with 4451" when not at \`welcome\` within the handshake timeout; hello says ${limitMs} ms.`;
      const silent = await context.client(trial, rule);
      const halfway = await context.client(trial, rule);
      const before = performance.now();
      await halfway.startLogin(context.freshIdentity());
      for (const client of [silent, halfway]) {
        const first = await client.link.next(limitMs + 3_000);
        const took = Math.round(performance.now() - before);
        const code =
          first.kind === 'message'
            ? first.message.fields['code']
            : first.kind === 'close' && first.code === 4451
              ? 'handshake-timeout'
              : '';
        client.link.check(
          code === 'handshake-timeout',
          `error handshake-timeout and close 4451 after ${limitMs} ms`,
          first,
        );
        client.link.check(took >= limitMs - 500, `no close before ${limitMs} ms`, `it after ${took} ms`);
        if (first.kind === 'message') await client.link.expectClose(4451);
      }
    },
    { timeoutMs: 60_000 },
  ),
  limits(
    'message-too-long',
    '10',
    'a message over the announced limit: 1009',
    ['message-limit'],
    async (context, trial) => {
      const longest = context.limit('maxMessageBytes')!;
      const client = await context.client(
        trial,
        `Section 10: "WebSocket messages over the announced limit are closed with 1009"; hello says ${longest} bytes.`,
      );
      client.link.logSent(`a text message of ${longest + 1} bytes`);
      client.link.socket.sendFrame(1, Buffer.alloc(longest + 1, 0x61));
      await endsWith(client.link, 1009, trial);
    },
  ),
  limits(
    'invalid-utf8',
    '10',
    'a text message that is not UTF-8, after welcome: 1007',
    ['accounts'],
    async (context, trial) => {
      const client = await context.client(trial, 'Section 10: "invalid UTF-8 with 1007".');
      await client.login(await context.account('main', trial));
      client.link.logSent('a text message of the bytes FF FE');
      client.link.socket.sendFrame(1, Buffer.of(0xff, 0xfe));
      await endsWith(client.link, 1007, trial);
    },
  ),
  limits(
    'unmasked-frame',
    '3',
    'a frame without a mask: 1002',
    [],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'RFC 6455, 5.1: "The server MUST close the connection upon receiving a frame that is not masked."',
      );
      client.link.logSent('an unmasked frame');
      client.link.socket.sendFrame(2, Buffer.of(1), { masked: false });
      const came = await client.link.next();
      client.link.check(
        came.kind === 'end' || (came.kind === 'close' && came.code === 1002),
        'close 1002, or the end',
        came,
      );
    },
    { level: 'SHOULD' },
  ),
  limits('reserved-bits', '3', 'reserved bits without an extension: 1002', [], async (context, trial) => {
    const client = await context.client(
      trial,
      'RFC 6455, 5.2: RSV "MUST be 0 unless an extension is negotiated"; section 3, 3: none is.',
    );
    client.link.logSent('a frame with RSV1, as if it were compressed');
    client.link.socket.sendFrame(1, Buffer.of(1), { rsv: 4 });
    const came = await client.link.next();
    client.link.check(
      came.kind === 'end' || (came.kind === 'close' && came.code === 1002),
      'close 1002, or the end',
      came,
    );
  }),
  limits(
    'close-handshake',
    '11',
    'the server answers a close, also of a client that leaves with 4480',
    [],
    async (context, trial) => {
      for (const code of [1000, 4480]) {
        const client = await context.client(trial, `RFC 6455, 5.5.1: a close is answered. Here: ${code}.`);
        client.link.logSent(`close ${code}`);
        client.link.socket.close(code);
        await client.link.expectClose(code);
        const came = await client.link.next();
        client.link.check(
          came.kind === 'end',
          'the end of the TCP connection',
          came,
          'RFC 6455, 7.1.1: the server closes the TCP connection.',
        );
      }
    },
    { level: 'SHOULD' },
  ),
  limits(
    'close-malformed',
    '3',
    'a close frame with a code that may not be sent: 1002',
    [],
    async (context, trial) => {
      for (const code of [1005, 999, 65_535]) {
        const client = await context.client(trial, 'RFC 6455, 7.4: such codes MUST NOT be in a close frame.');
        client.link.logSent(`close ${code}`);
        client.link.socket.sendFrame(8, closePayload(code));
        const came = await client.link.next();
        client.link.check(
          came.kind === 'end' || (came.kind === 'close' && came.code !== code),
          'close 1002, or the end',
          came,
        );
      }
    },
    { level: 'SHOULD' },
  ),
  limits('ping', '3', 'a ping is answered before login', [], async (context, trial) => {
    const client = await context.client(
      trial,
      'RFC 6455, 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong".',
    );
    client.link.logSent('ping');
    client.link.socket.sendFrame(9, Buffer.from('ping-1'));
    await client.startLogin(context.freshIdentity());
    const { pongs } = client.link.socket;
    client.link.check(
      pongs.some((pong) => pong.toString() === 'ping-1'),
      'a pong with the same payload',
      `${pongs.length} pongs`,
    );
  }),

  application('early-application', '4', 'application messages before welcome: 4401', [], async (context, trial) => {
    const messages: readonly (readonly [string, number, Uint8Array])[] = [
      ['text', 1, Buffer.from('hello')],
      ['empty text', 1, Buffer.alloc(0)],
      ['binary', 2, Buffer.of(1, 2, 3)],
      ['empty binary', 2, Buffer.alloc(0)],
      ['binary that is escaped', 2, Buffer.of(0xc1, 0xc1, 0x91, 0x28)],
      ['text of 5000 bytes', 1, Buffer.alloc(5_000, 0x61)],
      ['binary of 5000 bytes', 2, Buffer.alloc(5_000, 0x61)],
      ['escaped binary of 5000 bytes', 2, Buffer.alloc(5_000, 0xc1)],
    ];
    for (const [what, opcode, data] of messages) {
      const client = await context.client(trial, `${EARLY} Here: ${what}.`);
      client.link.logSent(what);
      client.link.socket.sendFrame(opcode, data);
      await client.expectRefusal('early-frame');
      client.link.end();
    }
  }),
  application(
    'early-application-challenged',
    '4',
    'the same while a challenge is outstanding',
    [],
    async (context, trial) => {
      for (const opcode of [1, 2]) {
        const client = await context.client(trial, EARLY);
        await client.startLogin(context.freshIdentity());
        client.link.logSent('an application message');
        client.link.socket.sendFrame(opcode, Buffer.from('hello'));
        await client.expectRefusal('early-frame');
        client.link.end();
      }
    },
  ),
  application(
    'control-text',
    '4',
    'a control frame as a text message is an application message',
    [],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 4: control frames are *binary* messages; "all other messages … are application messages".',
      );
      // U+0041 and a login-start cannot be told apart by a server that ignores the opcode; 0xC1 is no UTF-8.
      client.link.sendText('\u0092\u0016');
      await client.expectRefusal('early-frame');
    },
  ),
  application(
    'application-survives',
    '11',
    'application messages do not close the connection after welcome',
    ['accounts', 'sessions'],
    async (context, trial) => {
      const open = await SETUPS['refresh']!.begin(
        context,
        trial,
        'Section 4 and 11: application messages after `welcome`.',
      );
      const client = await open();
      client.link.sendText('{"conformance":true}');
      client.link.sendBinary(Buffer.of(1, 2, 3));
      client.link.sendBinary(Buffer.of(0xc1, 0xc1, 0x92, 0x16));
      client.link.sendBinary(Buffer.of(0xc1, 0xc1));
      await client.refresh();
    },
  ),
  application(
    'application-escape',
    '4',
    'what the application sends is escaped',
    ['accounts'],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 4: "a sender MUST put one 0xC1 in front of a binary application message that begins with 0xC1, on every path".',
      );
      await client.login(await context.account('main', trial));
      const bodies = [
        Buffer.of(0xc1),
        Buffer.of(0xc1, 0xc1),
        Buffer.of(0xc1, 0x91, 0x28),
        Buffer.concat([Buffer.of(0xc1, 0x92), randomBytes(40)]),
      ];
      client.link.sendBinary(Buffer.from('echo?'));
      const first = await echoOf(client.link, Buffer.from('echo?'), 1_500);
      if (first !== undefined) throw new Skip('needs an application that echoes binary messages');
      for (const body of bodies) {
        client.link.sendBinary(Buffer.concat([Buffer.of(0xc1), body]));
        const other = await echoOf(client.link, body, 3_000);
        if (other !== undefined)
          client.link.fail(`the application message ${body.toString('hex')} behind one 0xC1`, other);
      }
    },
  ),
  application(
    'application-fragments',
    '4',
    'an application message in fragments, and an escape in pieces',
    ['accounts', 'sessions'],
    async (context, trial) => {
      const open = await SETUPS['refresh']!.begin(
        context,
        trial,
        'RFC 6455, 5.4; section 4: the first two bytes of the *message* decide.',
      );
      const client = await open();
      client.link.logSent('0xC1 0xC1 0x91 0x28 in four fragments, then refresh in two');
      const send = (data: readonly number[]): void => {
        for (const [i, byte] of data.entries()) {
          client.link.socket.sendFrame(i === 0 ? 2 : 0, Buffer.of(byte), { fin: i + 1 === data.length });
        }
      };
      send([0xc1, 0xc1, 0x91, 0x28]);
      send([0xc1, 0x91, 0x28]);
      await client.link.expect('refreshed');
      const more = await client.link.answer(500);
      client.link.check(more.kind === 'silence', 'one answer: the escaped message is none of the server', more);
    },
  ),

  nonces(
    'hello-nonces',
    '5.1',
    'no nonce of hello comes twice',
    [],
    async (context, trial) => {
      const seen = new Set<string>();
      let left = context.helloCount;
      const rule = 'Section 5.1: serverNonce: "fresh random; identifies the connection".';
      const lane = async (goesOn: () => boolean): Promise<void> => {
        while (goesOn() && left-- > 0) {
          const client = await context.client(trial, rule);
          const nonce = bytesOf(client.hello, 'serverNonce').toString('hex');
          client.link.check(!seen.has(nonce), 'a nonce that was not seen before', nonce);
          seen.add(nonce);
          client.link.end();
        }
      };
      await inLanes(trial, lane);
      const link = (await context.client(trial, rule)).link;
      checkSpread(seen, (what) => link.fail('nonces that look random', what));
      trial.note(`${seen.size} connections`);
    },
    { timeoutMs: 300_000 },
  ),
  nonces(
    'challenge-nonces',
    '5.4',
    'no nonce of a challenge comes twice, nor one of hello',
    [],
    async (context, trial) => {
      const seen = new Set<string>();
      const rule = 'Section 5.4: serverNonce: "fresh random for this attempt".';
      const each = Math.min(4, context.limit('starts') ?? 4);
      let left = context.challengeCount;
      const lane = async (goesOn: () => boolean): Promise<void> => {
        while (goesOn() && left > 0) {
          const client = await context.client(trial, rule);
          const take = (nonce: string): void => {
            client.link.check(!seen.has(nonce), 'a nonce that was not seen before', nonce);
            seen.add(nonce);
          };
          take(bytesOf(client.hello, 'serverNonce').toString('hex'));
          for (let i = 0; i < each && left-- > 0; i += 1) {
            const challenge = await client.startLogin(context.freshIdentity());
            take(bytesOf(challenge, 'serverNonce').toString('hex'));
            take(bytesOf(challenge, 'mechanismData').subarray(32, 64).toString('hex'));
          }
          client.link.end();
        }
      };
      await inLanes(trial, lane);
      trial.note(`${seen.size} nonces`);
    },
    { timeoutMs: 120_000 },
  ),
];

/** What WebSocket libraries do by themselves; some end the connection without a close frame. */
async function endsWith(link: Link, code: number, trial: Trial): Promise<void> {
  const came = await link.answer();
  link.check(came.kind === 'end' || (came.kind === 'close' && came.code === code), `close ${code}, or the end`, came);
  if (came.kind === 'end') trial.note(`ended without a close frame; section 10 names ${code}`);
}

/** Waits for a binary message, past those that others cause; gives what came last instead, or undefined. */
async function echoOf(link: Link, body: Buffer, timeoutMs: number): Promise<Incoming | undefined> {
  const until = performance.now() + timeoutMs;
  let last: Incoming = { kind: 'silence', timeoutMs };
  for (;;) {
    const came = await link.next(Math.max(1, until - performance.now()));
    if (came.kind === 'silence') return last;
    if (came.kind !== 'application') return came;
    if (!came.isText && came.data.equals(body)) return undefined;
    last = came;
  }
}

/** Several at a time; the first that fails stops all. */
async function inLanes(trial: Trial, lane: (goesOn: () => boolean) => Promise<void>): Promise<void> {
  let hasFailed = false;
  const goesOn = (): boolean => !hasFailed && !trial.signal.aborted;
  const watched = async (): Promise<void> => {
    try {
      await lane(goesOn);
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: LANES }, watched));
}

/** Counters, clocks and short nonces show in bytes that hardly change; so few equal bytes are chance once in 10^9 runs. */
function checkSpread(nonces: ReadonlySet<string>, fail: (what: string) => void): void {
  const all = [...nonces].map((nonce) => Buffer.from(nonce, 'hex'));
  if (all.length < 64) return;
  for (let at = 0; at < 32; at += 1) {
    const counts = new Map<number, number>();
    for (const nonce of all) counts.set(nonce[at]!, (counts.get(nonce[at]!) ?? 0) + 1);
    const most = Math.max(...counts.values());
    if (most > all.length / 4) fail(`byte ${at} has one value in ${most} of ${all.length} nonces`);
  }
}
