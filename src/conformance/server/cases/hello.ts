import type { Case } from '../../case.js';
import { textOf } from '../../wire/schema.js';
import { DialError } from '../../wire/dial.js';
import type { ServerContext } from '../context.js';
import { define } from '../define.js';

const hello = define('hello and transport');

export const helloCases: readonly Case<ServerContext>[] = [
  hello('hello-first', '3', 'the server selects blindsalt.v1 and sends hello at once', [], async (context, trial) => {
    const rule = 'Section 3, 1 and 5: the server selects `blindsalt.v1`, and "sends `hello` at once".';
    const link = await context.link(trial, rule);
    const selected = link.socket.headers.get('sec-websocket-protocol');
    link.check(selected === 'blindsalt.v1', 'Sec-WebSocket-Protocol: blindsalt.v1', String(selected));
    await link.expect('hello');
  }),
  hello('hello-domain', '5.1', 'hello names the domain', [], async (context, trial) => {
    const client = await context.client(trial, 'Section 2.1: the client takes the domain from its own configuration.');
    client.link.check(
      client.domain === context.domain,
      `hello.domain ${JSON.stringify(context.domain)} (if the server has another one on purpose: --domain)`,
      JSON.stringify(client.domain),
    );
    const isName = /^[a-z0-9:]([a-z0-9.:-]*[a-z0-9:])?$/.test(client.domain);
    client.link.check(isName, 'a host name in lower case, or an address', client.domain, 'Section 2.1: domain.');
  }),
  hello('hello-versions', '5.1', 'hello lists version 1', [], async (context, trial) => {
    const client = await context.client(trial, 'Section 5.1: versions "MUST contain 1".');
    const versions = client.hello.fields['versions'] as readonly number[];
    client.link.check(versions.includes(1), 'versions with 1', `[${versions.join(', ')}]`);
  }),
  hello('hello-mechanisms', '5.1', 'hello lists SCHNORR-RISTRETTO255', [], async (context, trial) => {
    const client = await context.client(trial, 'Section 5.1: mechanisms: `SCHNORR-RISTRETTO255`.');
    const mechanisms = client.hello.fields['mechanisms'] as readonly string[];
    client.link.check(mechanisms.includes('SCHNORR-RISTRETTO255'), 'SCHNORR-RISTRETTO255', mechanisms.join(', '));
  }),
  hello('hello-registration', '5.1', 'registration is open, invite or closed', [], async (context, trial) => {
    const client = await context.client(trial, 'Section 5.1: registration: `open`, `invite` or `closed`.');
    const policy = textOf(client.hello, 'registration');
    client.link.check(['open', 'invite', 'closed'].includes(policy), 'open, invite or closed', policy);
  }),
  hello('hello-puzzle-empty', '5.1', 'puzzle is empty in this version', [], async (context, trial) => {
    const client = await context.client(trial, 'Section 5.1: puzzle: "empty in this version".');
    const puzzle = client.hello.fields['puzzle'] as Buffer;
    client.link.check(puzzle.length === 0, 'an empty puzzle', `${puzzle.length} bytes`);
  }),
  hello('hello-once', '5.1', 'hello is sent once', [], async (context, trial) => {
    const client = await context.client(trial, 'Section 5.1: "Sent once, first."');
    const came = await client.link.next(700);
    client.link.check(came.kind === 'silence', 'nothing behind hello', came);
  }),
  hello('subprotocol-missing', '3', 'no offer of blindsalt.v1: close 4402', [], async (context, trial) => {
    const rule = 'Section 3, 1 and 4: "Without that offer the server closes with 4402", the close alone.';
    for (const subprotocols of [[], ['chat'], ['BLINDSALT.V1'], ['blindsalt.v2']]) {
      const link = await context.link(trial, rule, { subprotocols });
      link.logSent(`Sec-WebSocket-Protocol: ${subprotocols.join(', ') || '(none)'}`);
      await link.expectClose(4402);
      link.end();
    }
  }),
  hello('subprotocol-among-others', '3', 'blindsalt.v1 is selected among others', [], async (context, trial) => {
    const link = await context.link(trial, 'Section 3, 1: the client offers `blindsalt.v1`, the server selects it.', {
      subprotocols: ['chat', 'blindsalt.v1', 'graphql-ws'],
    });
    link.logSent('Sec-WebSocket-Protocol: chat, blindsalt.v1, graphql-ws');
    const selected = link.socket.headers.get('sec-websocket-protocol');
    link.check(selected === 'blindsalt.v1', 'Sec-WebSocket-Protocol: blindsalt.v1', String(selected));
    await link.expect('hello');
  }),
  hello('no-extensions', '3', 'no WebSocket extension is negotiated', [], async (context, trial) => {
    const link = await context.link(trial, 'Section 3, 3: "permessage-deflate MUST NOT be negotiated."', {
      headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits, permessage-deflate' },
    });
    link.logSent('Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, permessage-deflate');
    const selected = link.socket.headers.get('sec-websocket-extensions');
    link.check(selected === undefined, 'no Sec-WebSocket-Extensions', `Sec-WebSocket-Extensions: ${selected}`);
    await link.expect('hello');
  }),
  hello('tls-version', '3', 'TLS 1.3', ['tls'], async (context, trial) => {
    const link = await context.link(trial, 'Section 3, 1: TLS 1.3 (1.2 only where configured on both ends).');
    link.check(link.socket.tlsVersion === 'TLSv1.3', 'TLSv1.3', String(link.socket.tlsVersion));
  }),
  hello('origin-stranger', '3', 'an Origin that is not on the list: close 4403', [], async (context, trial) => {
    const rule =
      "Section 3, 4: an Origin header that is not on the server's list is refused with 4403, the close alone.";
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example', 'https://']) {
      try {
        const link = await context.link(trial, rule, { origin });
        link.logSent(`Origin: ${origin}`);
        await link.expectClose(4403);
        link.end();
      } catch (error) {
        if (!(error instanceof DialError)) throw error;
        throw new Error(`Origin: ${origin}: ${error.message}; expected an upgrade, then close 4403. ${rule}`, {
          cause: error,
        });
      }
    }
  }),
  hello('framing-of-server', '3', 'frames of the server are as RFC 6455 has them', [], async (context, trial) => {
    const client = await context.client(trial, 'RFC 6455, section 5: what servers send is not masked and uses no RSV.');
    client.link.sendText('early');
    await client.link.next();
    const faults = client.link.socket.framingFaults;
    client.link.check(faults.length === 0, 'no masked frames, no reserved bits', faults.join('; '));
  }),
];
