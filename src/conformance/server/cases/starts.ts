import { randomBytes } from 'node:crypto';
import { Skip } from '../../case.js';
import type { Change } from '../../wire/conversation.js';
import { targetOf } from '../../wire/link.js';
import type { LoginClient } from '../../wire/login-client.js';
import type { ServerContext } from '../context.js';
import { define, type ServerCase } from '../define.js';

// What section 5.2 checks in every start message. Tried with `login-start` for a name that nobody has.

const start = define('start messages');

/** Sends a start with each change, on connections of their own, and expects the refusal. */
function refuses(
  id: string,
  title: string,
  code: string,
  rule: string,
  changes: (client: LoginClient, context: ServerContext) => readonly Change[],
): ServerCase {
  return start(id, '5.2', title, [], async (context, trial) => {
    for (let i = 0, count = 1; i < count; i += 1) {
      const client = await context.client(trial, rule);
      const all = changes(client, context);
      count = all.length;
      client.link.send('login-start', client.loginStart(context.freshIdentity(), all[i]));
      await client.expectRefusal(code);
      client.link.end();
    }
  });
}

/** Not an element of ristretto255, or none that may be sent: RFC 9496, section 4.3.1 and appendix A.2. */
const BAD_ELEMENTS: readonly (readonly [what: string, hex: string])[] = [
  ['the identity', '00'.repeat(32)],
  ['a field element that is not reduced', `${'ed'}${'ff'.repeat(30)}7f`],
  ['all ones', 'ff'.repeat(32)],
  ['a negative field element', `01${'00'.repeat(31)}`],
  ['a non-square', '26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371'],
  ['the high bit set', `${'00'.repeat(31)}80`],
];

const USERNAMES_REFUSED: readonly (readonly [what: string, username: string])[] = [
  ['an upper-case letter', 'Alice'],
  ['full-width letters', '\uff41lice'],
  ['a letter and a combining accent that NFC composes', 'e\u0301lodie'],
  ['a space', 'two words'],
  ['a no-break space', 'two\u00a0words'],
  ['a zero-width space', 'ali\u200bce'],
  ['a control character', 'ali\u0007ce'],
  ['a symbol', 'snow\u2603man'],
  ['a ligature', '\ufb01sh'],
  ['a code point that Unicode 14.0 has not assigned', 'a\u0378'],
  ['65 code points', 'a'.repeat(65)],
  ['a Cyrillic letter among Latin ones', 'p\u0430ypal'],
  ['digits of two sets', 'a1\u0661'],
  ['right-to-left letters with a Latin one', '\u05d0b'],
];
const USERNAMES_ACCEPTED = ['élodie', 'иван', '名前', 'a'.repeat(64), 'a.b-c_d@example', 'ß', '한국', 'ひらカタ漢a'];

export const startCases: readonly ServerCase[] = [
  start(
    'username-unprepared',
    '2.1',
    'a username that preparation would change is refused',
    [],
    async (context, trial) => {
      for (const [what, username] of USERNAMES_REFUSED) {
        const rule = `Section 2.1: "the server MUST refuse a username that preparation would change" or refuse. Here: ${what}.`;
        const client = await context.client(trial, rule);
        client.send('login-start', client.loginStart({ username, password: randomBytes(8) }));
        await client.expectRefusal('username-invalid');
        client.link.end();
      }
    },
  ),
  start(
    'username-prepared',
    '2.1',
    'usernames that are prepared are taken, in any script',
    [],
    async (context, trial) => {
      for (const username of USERNAMES_ACCEPTED) {
        const client = await context.client(
          trial,
          'Section 2.1: this username is prepared; section 12: it is answered.',
        );
        await client.startLogin({ username, password: randomBytes(8) });
        client.link.end();
      }
    },
  ),
  start(
    'username-invalid-stays-open',
    '10',
    'after username-invalid another start may follow',
    [],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 10: "Otherwise the connection stays open for another start message."',
      );
      client.send('login-start', client.loginStart({ username: 'Alice', password: randomBytes(8) }));
      await client.expectError('username-invalid');
      await client.startLogin(context.freshIdentity());
    },
  ),
  refuses(
    'target-refused',
    'a target that is not on the list: 4404',
    'target-refused',
    'Section 5.2: "target on its list (`target-refused`)"; 2.1: host in lower case, the port always present.',
    ({ link }) => {
      const target = targetOf(link.place.url);
      const host = target.replace(/:\d+$/, '');
      const others = [
        'evil.example:443',
        host,
        `${host}:`,
        `${host}:0`,
        `${host}:65536`,
        `${host}:0443`,
        `${host}.:443`,
      ];
      const upper = host.toUpperCase();
      const more = [
        `https://${target}`,
        `x.${target}`,
        ...(upper === host ? [] : [`${upper}${target.slice(host.length)}`]),
      ];
      return [...others, ...more].map((changed) => ({ target: changed }));
    },
  ),
  refuses(
    'origin-differs',
    'an origin that is not the Origin header: 4403',
    'origin-refused',
    'Section 5.2: "origin: equal to the Origin header and on the list, or both absent and native clients allowed".',
    ({ link }) => {
      const claims = ['https://evil.example', `https://${link.place.url.host}`, 'null'];
      const differing = claims.filter((origin) => origin !== link.place.origin).map((origin) => ({ origin }));
      return link.place.origin === '' ? differing : [...differing, { origin: '' }];
    },
  ),
  refuses(
    'binding-unoffered',
    'a binding that hello does not offer: 4406',
    'binding-refused',
    'Section 5.2: "binding offered in hello".',
    ({ hello }) => {
      const offered = hello.fields['bindings'] as readonly string[];
      const all = ['tls-unique', 'tls-server-end-point', 'tls-exporter', 'x'];
      return all.filter((binding) => !offered.includes(binding)).map((binding) => ({ binding }));
    },
  ),
  refuses(
    'puzzle-answer-unasked',
    'a puzzleAnswer that was not asked for: 4400',
    'protocol-error',
    'Section 5.2: "A deviceProof or puzzleAnswer that the server did not ask for is refused (4400)."',
    ({ hello }) => {
      if ((hello.fields['puzzle'] as Buffer).length > 0) throw new Skip('the server asks for puzzle answers');
      return [{ puzzleAnswer: randomBytes(1) }, { puzzleAnswer: randomBytes(64) }];
    },
  ),
  refuses(
    'element-invalid',
    'a blinded element that does not decode, or is the identity: 4400',
    'protocol-error',
    'Section 5.2: "mechanismData (its length, a canonical element, not the identity; 4400)"; RFC 9496, 4.3.1.',
    () => BAD_ELEMENTS.map(([, hex]) => ({ mechanismData: Buffer.from(hex, 'hex') })),
  ),
  refuses(
    'element-length',
    'mechanismData of another length than 32: 4400',
    'protocol-error',
    'Section 5.2: "mechanismData (its length …; 4400)"; 5.6: blinded element, 32 bytes.',
    ({ crypto }) => {
      const element = crypto.ristretto255.fromUniformBytes(new Uint8Array(randomBytes(64)));
      const of = (...parts: Uint8Array[]): Change => ({ mechanismData: Buffer.concat(parts) });
      return [of(), of(element.subarray(1)), of(element, Buffer.of(0)), of(element, element)];
    },
  ),
  start('signup-element-invalid', '5.3', 'the same for signup-start', ['open-registration'], async (context, trial) => {
    const rule = 'Section 5.2: "mechanismData (its length, a canonical element, not the identity; 4400)".';
    for (const [what, hex] of [...BAD_ELEMENTS, ['31 bytes', '07'.repeat(31)], ['no bytes', '']] as const) {
      const client = await context.client(trial, `${rule} Here: ${what}.`);
      const mechanismData = Buffer.from(hex, 'hex');
      client.send('signup-start', client.signupStart(context.freshIdentity(), '', { mechanismData }));
      await client.expectRefusal('protocol-error');
      client.link.end();
    }
  }),
  start('nonce-of-hello', '5.2', "a clientNonce that is hello's: 4400", [], async (context, trial) => {
    const client = await context.client(
      trial,
      'Section 5.2: clientNonce "differs from every nonce seen on this connection".',
    );
    const clientNonce = client.hello.fields['serverNonce'] as Buffer;
    client.send('login-start', client.loginStart(context.freshIdentity(), { clientNonce }));
    await client.expectRefusal('protocol-error');
  }),
  start('nonce-of-challenge', '5.2', "a clientNonce that is the last challenge's: 4400", [], async (context, trial) => {
    const client = await context.client(
      trial,
      'Section 5.2: clientNonce "differs from every nonce seen on this connection".',
    );
    const challenge = await client.startLogin(context.freshIdentity());
    const clientNonce = challenge.fields['serverNonce'] as Buffer;
    client.send('login-start', client.loginStart(context.freshIdentity(), { clientNonce }));
    await client.expectRefusal('protocol-error');
  }),
  start('nonce-repeated', '5.2', 'a clientNonce that was used before: 4400', [], async (context, trial) => {
    const clientNonce = randomBytes(32);
    const client = await context.client(
      trial,
      'Section 5.2: clientNonce "differs from every nonce seen on this connection".',
    );
    await client.startLogin(context.freshIdentity(), { clientNonce });
    client.send('login-start', client.loginStart(context.freshIdentity(), { clientNonce }));
    await client.expectRefusal('protocol-error');
  }),
  start(
    'mechanism-unsupported',
    '8',
    'a mechanism that was not offered: mechanism-unsupported',
    [],
    async (context, trial) => {
      const client = await context.client(
        trial,
        'Section 8, 2: "mechanism offered, else `mechanism-unsupported`", and 10: no close.',
      );
      for (const mechanism of ['OPAQUE-3DH', 'schnorr-ristretto255']) {
        client.send('login-start', client.loginStart(context.freshIdentity(), { mechanism }));
        await client.expectError('mechanism-unsupported');
      }
      await client.startLogin(context.freshIdentity());
    },
  ),
  start('check-order', '5.2', 'the checks have their order', [], async (context, trial) => {
    const bad: Readonly<Record<string, Change>> = {
      'protocol-error': {},
      'target-refused': { target: 'evil.example:443' },
      'origin-refused': { origin: 'https://evil.example' },
      'binding-refused': { binding: 'tls-unique' },
      'username-invalid': { username: 'Alice' },
    };
    const codes = Object.keys(bad);
    for (const [i, first] of codes.entries()) {
      for (const second of codes.slice(i + 1)) {
        const rule = `Section 5.2: "The server checks in this order": ${first} comes before ${second}.`;
        const client = await context.client(trial, rule);
        const nonce = first === 'protocol-error' ? { clientNonce: client.hello.fields['serverNonce'] as Buffer } : {};
        const change = { ...bad[first], ...bad[second], ...nonce };
        client.send('login-start', client.loginStart(context.freshIdentity(), change));
        await client.expectRefusal(first);
        client.link.end();
      }
    }
  }),
  start('check-order-element-last', '5.2', 'mechanismData is checked last', [], async (context, trial) => {
    const client = await context.client(
      trial,
      'Section 5.2: "then the fields of the message itself, mechanismData … last".',
    );
    const mechanismData = Buffer.alloc(32);
    client.send('login-start', client.loginStart(context.freshIdentity(), { username: 'Alice', mechanismData }));
    await client.expectError('username-invalid');
    client.send('login-start', client.loginStart(context.freshIdentity(), { mechanism: 'x', mechanismData }));
    await client.expectError('mechanism-unsupported');
  }),
  start('start-limit', '5.2', 'a start message beyond the limit: 4430', ['start-limit'], async (context, trial) => {
    const limit = context.limit('starts')!;
    const client = await context.client(
      trial,
      `Section 10: 4430, "a start message beyond the limit"; hello says ${limit}.`,
    );
    for (let i = 0; i < limit; i += 1) {
      await client.startLogin(
        context.freshIdentity(),
        {},
        `Section 5.1: limits: ${limit} start messages, and this is number ${i + 1}.`,
      );
    }
    client.send('login-start', client.loginStart(context.freshIdentity()));
    await client.expectRefusal('too-many-attempts');
  }),
];
