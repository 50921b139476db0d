import { randomBytes } from 'node:crypto';
import { Failure } from '../../case.js';
import { OPCODE } from '../../wire/framing.js';
import { describeIncoming } from '../../wire/link.js';
import { fieldMutations, frameMutations, type Mutation } from '../../wire/mutations.js';
import { controlFrame, pack } from '../../wire/msgpack.js';
import { MESSAGES, messageType } from '../../wire/schema.js';
import { define, type ServerCase } from '../define.js';
import { SETUPS } from '../states.js';

const decoder = define('decoder strictness');
const RULE =
  'Section 4: "Decoders MUST reject, with 4400 on the server: a wrong number of fields, an unknown type, a type that the ' +
  'other end may not send, bytes behind the array; any encoding but the shortest; lengths outside the bounds of section 5; ' +
  'text that is not valid UTF-8, contains U+0000, or begins with U+FEFF; every other type".';
const TIMEOUT_MS = 60_000;

/** Sends each of the frames on a connection of its own that stands where the message would be right. */
function refusesAll(id: string, section: string, title: string, name: string, make: MakeMutations): ServerCase {
  const setup = SETUPS[name]!;
  return decoder(
    id,
    section,
    title,
    setup.needs,
    async (context, trial) => {
      const open = await setup.begin(context, trial, RULE);
      let tried = 0;
      const wrong: Failure[] = [];
      for (let count = 1; tried < count; tried += 1) {
        const client = await open();
        const mutations = make(setup.values(client));
        count = mutations.length;
        const { what, frame } = mutations[tried]!;
        client.link.rule = `${RULE} Here: ${name} with ${what}.`;
        client.link.sendBinary(frame);
        try {
          await client.expectRefusal('protocol-error');
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          wrong.push(error);
        }
        client.link.end();
      }
      if (wrong.length > 1) trial.note(`${wrong.length} of ${tried} frames were not refused; the first is shown`);
      if (wrong.length > 0) throw wrong[0]!;
      trial.note(`${tried} frames`);
    },
    { timeoutMs: TIMEOUT_MS },
  );
}
type MakeMutations = (values: Parameters<typeof frameMutations>[1]) => readonly Mutation[];

const clientMessages = MESSAGES.filter(({ from }) => from === 'client');

const fieldCases = clientMessages.flatMap((message) =>
  message.fields.map(([field]) =>
    refusesAll(
      `decode-${message.name}-${kebab(field)}`,
      message.section,
      `${message.name}: a malformed ${field} is refused`,
      message.name,
      (values) => fieldMutations(message, values, field),
    ),
  ),
);
const frameCases = clientMessages.map((message) =>
  refusesAll(
    `decode-${message.name}-frame`,
    '4',
    `${message.name}: a malformed array is refused`,
    message.name,
    (values) => frameMutations(message, values),
  ),
);

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export const decoderCases: readonly ServerCase[] = [
  decoder('decode-server-messages', '4', 'messages that only servers send are refused', [], async (context, trial) => {
    const rule = 'Section 4: reject "a type that the other end may not send".';
    for (const { name, type, fields } of MESSAGES.filter(({ from }) => from === 'server')) {
      const client = await context.client(trial, `${rule} Here: ${name}.`);
      const values = fields.map(([, field]) => {
        switch (field.is) {
          case 'uint':
            return 0;
          case 'bin':
            return randomBytes(field.lengths.at(-1)!);
          case 'bytes':
            return randomBytes(field.min);
          case 'text':
            return 'a'.repeat(field.min);
          case 'texts':
          case 'uints':
            return [];
        }
      });
      client.link.sendBinary(controlFrame(type, values));
      await client.expectRefusal('protocol-error');
      client.link.end();
    }
  }),
  decoder(
    'decode-unknown-types',
    '4',
    'types that PROTOCOL.md does not name are refused',
    [],
    async (context, trial) => {
      const known = new Set(MESSAGES.map(({ type }) => type));
      const types = Array.from({ length: 128 }, (_, type) => type).filter((type) => !known.has(type));
      for (const type of [...types.filter((_, i) => i % 4 === 0), 13, 23, 31, 42, 73, 127, 128, 255, 256, 65_536]) {
        const client = await context.client(trial, 'Section 13: "A receiver refuses a type that it does not know."');
        client.link.sendBinary(controlFrame(type, [randomBytes(64)]));
        await client.expectRefusal('protocol-error');
        client.link.end();
      }
    },
  ),
  decoder(
    'decode-no-array',
    '4',
    '0xC1 alone, or before anything but an array, is refused',
    [],
    async (context, trial) => {
      const bodies: readonly (readonly [string, Uint8Array])[] = [
        ['0xC1 alone', Buffer.alloc(0)],
        ['an empty array', Buffer.of(0x90)],
        ['nil', Buffer.of(0xc0)],
        ['an integer', Buffer.of(20)],
        ['text', pack('login-start')],
        ['bytes', pack(randomBytes(32))],
        ['a map', Buffer.of(0x81, 20, 20)],
        ['an extension', Buffer.of(0xd4, 1, 0)],
        ['noise', Buffer.concat([Buffer.of(0x9c), randomBytes(200)])],
      ];
      for (const [what, body] of bodies) {
        const rule =
          'Section 4: "A control frame is 0xC1 followed by exactly one msgpack array"; 0xC1 alone is malformed.';
        const client = await context.client(trial, `${rule} Here: ${what}.`);
        client.link.sendBinary(Buffer.concat([Buffer.of(0xc1), body]));
        await client.expectRefusal('protocol-error');
        client.link.end();
      }
    },
  ),
  decoder('frame-too-large', '4', 'control frames over 4096 bytes before welcome: 4407', [], async (context, trial) => {
    const rule = 'Section 4: "Before `welcome`, frames over 4096 bytes are refused with 4407 (`frame-too-large`)."';
    for (const length of [4097, 8192, 60_000]) {
      if (length > (context.limit('maxMessageBytes') ?? 65_536)) continue;
      const client = await context.client(trial, `${rule} Here: ${length} bytes.`);
      const frame = Buffer.alloc(length, 7);
      frame.set([0xc1, 0x92, 22]);
      client.link.sendBinary(frame);
      await client.expectRefusal('frame-too-large');
      client.link.end();
    }
  }),
  decoder(
    'frame-of-4096',
    '4',
    'a malformed frame of exactly 4096 bytes is malformed, not too large',
    [],
    async (context, trial) => {
      const client = await context.client(trial, 'Section 4: only frames *over* 4096 bytes are refused with 4407.');
      const frame = Buffer.alloc(4096, 7);
      frame.set([0xc1, 0x92, 22]);
      client.link.sendBinary(frame);
      await client.expectRefusal('protocol-error');
    },
  ),
  decoder(
    'decode-longest-accepted',
    '5.2',
    'fields of their greatest length are accepted',
    [],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 5.2: list(8, text(1..64)), text(0..64): these lengths are allowed.',
      );
      const change = {
        subprotocols: Array.from({ length: 8 }, (_, i) => `${i}`.repeat(64)),
        deviceLabel: 'é'.repeat(32),
      };
      await client.startLogin(context.freshIdentity(), change);
    },
  ),
  decoder('decode-odd-text-accepted', '5.2', 'text that is odd but valid is accepted', [], async (context, trial) => {
    const rule = 'Section 5.2: "deviceLabel is text of a stranger": only what section 4 lists is refused.';
    for (const deviceLabel of ['\u0001\u001b[2J', 'a\ufeffb', '\u202e', '𝔘𝔫𝔦', '\uffff', '\r\n']) {
      const client = await context.client(trial, rule);
      await client.startLogin(context.freshIdentity(), { deviceLabel });
      client.link.end();
    }
  }),
  decoder(
    'decode-fragments',
    '4',
    'a control frame in WebSocket fragments is one message',
    [],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 4: a control frame is a whole WebSocket message (RFC 6455, 5.4).',
      );
      const frame = Buffer.from(
        controlFrame(messageType('login-start').type, startValues(client.loginStart(context.freshIdentity()))),
      );
      client.link.logSent('login-start in five fragments, with pings in between');
      const cuts = [0, 1, 2, 3, 60, frame.length];
      for (let i = 0; i + 1 < cuts.length; i += 1) {
        const isLast = i + 2 === cuts.length;
        client.link.socket.sendFrame(
          i === 0 ? OPCODE.binary : OPCODE.continuation,
          frame.subarray(cuts[i], cuts[i + 1]),
          { fin: isLast },
        );
        if (i === 1 || i === 3) client.link.socket.sendFrame(OPCODE.ping, Buffer.from('p'));
      }
      const came = await client.receive();
      client.link.check(
        came.kind === 'message' && came.message.name === 'login-challenge',
        'login-challenge',
        describeIncoming(came),
      );
    },
  ),
  ...frameCases,
  ...fieldCases,
];

function startValues(fields: Readonly<Record<string, unknown>>) {
  return messageType('login-start').fields.map(([name]) => fields[name] as string);
}
