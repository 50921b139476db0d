import { randomBytes } from 'node:crypto';
import { Skip } from '../../case.js';
import { OPCODE } from '../../wire/framing.js';
import type { Incoming, Link } from '../../wire/link.js';
import { define, type ServerCase } from '../define.js';
import { SETUPS } from '../states.js';

const application = define('application messages');

const EARLY = 'Section 4: "Application messages before `welcome`, of whatever size: the server closes with 4401".';

export const applicationCases: readonly ServerCase[] = [
  application('early-application', '4', 'application messages before welcome: 4401', [], async (context, trial) => {
    const messages: readonly (readonly [string, number, Uint8Array])[] = [
      ['text', OPCODE.text, Buffer.from('hello')],
      ['empty text', OPCODE.text, Buffer.alloc(0)],
      ['binary', OPCODE.binary, Buffer.of(1, 2, 3)],
      ['empty binary', OPCODE.binary, Buffer.alloc(0)],
      ['binary that is escaped', OPCODE.binary, Buffer.of(0xc1, 0xc1, 0x91, 0x28)],
      ['text of 5000 bytes', OPCODE.text, Buffer.alloc(5_000, 0x61)],
      ['binary of 5000 bytes', OPCODE.binary, Buffer.alloc(5_000, 0x61)],
      ['escaped binary of 5000 bytes', OPCODE.binary, Buffer.alloc(5_000, 0xc1)],
    ];
    for (const [what, opcode, data] of messages) {
      const client = await context.client(trial, `${EARLY} Here: ${what}.`);
      client.link.sendFrame(what, opcode, data);
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
      for (const opcode of [OPCODE.text, OPCODE.binary]) {
        const client = await context.client(trial, EARLY);
        await client.startLogin(context.freshIdentity());
        client.link.sendFrame('an application message', opcode, Buffer.from('hello'));
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
          client.link.socket.sendFrame(i === 0 ? OPCODE.binary : OPCODE.continuation, Buffer.of(byte), {
            fin: i + 1 === data.length,
          });
        }
      };
      send([0xc1, 0xc1, 0x91, 0x28]);
      send([0xc1, 0x91, 0x28]);
      await client.link.expect('refreshed');
      const more = await client.link.answer(500);
      client.link.check(more.kind === 'silence', 'one answer: the escaped message is none of the server', more);
    },
  ),
];

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
