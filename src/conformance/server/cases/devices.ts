import { randomBytes } from 'node:crypto';
import type { LoginClient } from '../../wire/login-client.js';
import { bytesOf, type WireMessage } from '../../wire/schema.js';
import { hmacSha512, LABELS, len16 } from '../../wire/transcript.js';
import { define, type ServerCase } from '../define.js';

const devices = define('known devices');

interface Device {
  readonly id: Buffer;
  readonly secret: Buffer;
}
const deviceOf = (message: WireMessage): Device => ({
  id: bytesOf(message, 'deviceId'),
  secret: bytesOf(message, 'deviceSecret'),
});

/** Section 8.1; the transcript ends before `login-start`. */
function deviceProof(client: LoginClient, device: Device, username: string, clientNonce: Uint8Array): Buffer {
  const hash = client.transcript.hash(LABELS.device, client.binding);
  const message = Buffer.concat([len16(client.domain), len16(username), clientNonce, hash]);
  return Buffer.concat([device.id, hmacSha512(device.secret, message)]);
}

export const deviceCases: readonly ServerCase[] = [
  devices(
    'device-given',
    '8.1',
    'every proof of the password gives out a device',
    ['accounts'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const rule =
        'Section 8.1: "After a proof of the password, by sign-up, login, `step-up` or `re-register`, the server gives out a device".';
      const client = await context.client(trial, rule);
      const logins = [account.welcome, await client.login(account)];
      for (const message of logins) {
        const { id, secret } = deviceOf(message);
        client.link.check(
          id.length === 16 && secret.length === 32,
          'an id of 16 bytes and a secret of 32',
          `${id.length} and ${secret.length} bytes`,
        );
      }
      const [first, second] = logins.map(deviceOf) as [Device, Device];
      client.link.check(
        !first.id.equals(second.id),
        'another id than before',
        'the same',
        'Section 8.1: "The id is different after each login".',
      );
    },
    { level: 'SHOULD' },
  ),
  devices(
    'device-not-by-resume',
    '5.9',
    'resume gives out no device',
    ['accounts', 'sessions'],
    async (context, trial) => {
      const account = await context.freshAccount(trial);
      const client = await context.client(trial, 'Section 5.9: deviceId: "empty: none, and after `resume`".');
      const { id, secret } = deviceOf(await client.resume(account.ticket!));
      client.link.check(
        id.length === 0 && secret.length === 0,
        'both empty',
        `${id.length} and ${secret.length} bytes`,
      );
    },
  ),
  devices('device-login', '8.1', 'a login that shows a device', ['accounts'], async (context, trial) => {
    const account = await context.account('main', trial);
    const client = await context.client(trial, 'Section 8.1: deviceProof.');
    const device = deviceOf(account.welcome);
    const clientNonce = randomBytes(32);
    const shown = { id: device.id.length === 16 ? device.id : randomBytes(16), secret: device.secret };
    await client.login(account, {
      clientNonce,
      deviceProof: deviceProof(client, shown, account.username, clientNonce),
    });
  }),
  devices(
    'device-unknown',
    '8.1',
    'a proof of no device, or a wrong one, is as if there were none',
    ['accounts'],
    async (context, trial) => {
      const account = await context.account('main', trial);
      const other = await context.account('resuming', trial);
      const rule =
        'Section 8.1: a proof "that is of no device of this username, or not valid, is to the server as if there were none".';
      const foreign = deviceOf(other.welcome);
      for (const make of [
        () => randomBytes(80),
        () => Buffer.alloc(80),
        (client: LoginClient, nonce: Buffer) =>
          deviceProof(client, { ...foreign, id: randomBytes(16) }, account.username, nonce),
        (client: LoginClient, nonce: Buffer) =>
          deviceProof(
            client,
            { ...foreign, id: foreign.id.length === 16 ? foreign.id : randomBytes(16) },
            account.username,
            nonce,
          ),
      ]) {
        const client = await context.client(trial, rule);
        const clientNonce = randomBytes(32);
        await client.login(account, { clientNonce, deviceProof: make(client, clientNonce) });
        client.link.end();
      }
      const stranger = await context.client(trial, rule);
      await stranger.startLogin(context.freshIdentity(), { deviceProof: randomBytes(80) });
    },
  ),
  devices(
    'device-elsewhere',
    '5.2',
    'a deviceProof in another message than login-start: 4400',
    [],
    async (context, trial) => {
      const rule = 'Section 5.2: "A deviceProof in any message but `login-start` … refused (4400)."';
      const signup = await context.client(trial, rule);
      if (context.registration === 'open') {
        signup.send('signup-start', signup.signupStart(context.freshIdentity(), '', { deviceProof: randomBytes(80) }));
        await signup.expectRefusal('protocol-error');
      }
      const resume = await context.client(trial, rule);
      const ticket = { ticketId: randomBytes(32), ticketSecret: randomBytes(64) };
      resume.sendFrame(resume.resumeFrame(ticket, { deviceProof: randomBytes(80) }), 'resume');
      await resume.expectRefusal('protocol-error');
    },
  ),
];
