import type { Trial } from '../../case.js';
import { closePayload, OPCODE } from '../../wire/framing.js';
import { codeOf, type Incoming, type Link } from '../../wire/link.js';
import { define, type ServerCase } from '../define.js';

const limits = define('limits and closes');

export const limitCases: readonly ServerCase[] = [
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
        client.link.check(
          codeOf(first) === 'handshake-timeout',
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
      client.link.sendFrame(`a text message of ${longest + 1} bytes`, OPCODE.text, Buffer.alloc(longest + 1, 0x61));
      noteEnd(trial, await endsWith(client.link, 1009), 1009);
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
      client.link.sendFrame('a text message of the bytes FF FE', OPCODE.text, Buffer.of(0xff, 0xfe));
      noteEnd(trial, await endsWith(client.link, 1007), 1007);
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
      client.link.sendFrame('an unmasked frame', OPCODE.binary, Buffer.of(1), { masked: false });
      await endsWith(client.link, 1002);
    },
    { level: 'SHOULD' },
  ),
  limits('reserved-bits', '3', 'reserved bits without an extension: 1002', [], async (context, trial) => {
    const client = await context.client(
      trial,
      'RFC 6455, 5.2: RSV "MUST be 0 unless an extension is negotiated"; section 3, 3: none is.',
    );
    client.link.sendFrame('a frame with RSV1, as if it were compressed', OPCODE.text, Buffer.of(1), { rsv: 4 });
    await endsWith(client.link, 1002);
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
        client.link.sendFrame(`close ${code}`, OPCODE.close, closePayload(code));
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
    client.link.sendFrame('ping', OPCODE.ping, Buffer.from('ping-1'));
    await client.startLogin(context.freshIdentity());
    const { pongs } = client.link.socket;
    client.link.check(
      pongs.some((pong) => pong.toString() === 'ping-1'),
      'a pong with the same payload',
      `${pongs.length} pongs`,
    );
  }),
];

/** What WebSocket libraries do by themselves; some end the connection without a close frame. */
async function endsWith(link: Link, code: number): Promise<Incoming> {
  const came = await link.answer();
  link.check(came.kind === 'end' || (came.kind === 'close' && came.code === code), `close ${code}, or the end`, came);
  return came;
}

function noteEnd(trial: Trial, came: Incoming, code: number): void {
  if (came.kind === 'end') trial.note(`ended without a close frame; section 10 names ${code}`);
}
