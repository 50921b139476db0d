/** `blindsalt/client/node`: the client for Node, over `ws`. */
import type { Agent, IncomingMessage } from 'node:http';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { WebSocket, type ClientOptions } from 'ws';
import { BINDING_TLS_EXPORTER, TLS_EXPORTER_BYTES, TLS_EXPORTER_LABEL } from '../../proto/constants.js';
import { maxBufferedChunks, maxFragments } from '../../proto/buffering.js';
import { CLOSE } from '../../proto/close-codes.js';
import { BlindsaltError } from '../../proto/errors.js';
import type { Binding } from '../../proto/transcript.js';
import { loadCrypto } from '../crypto/index.js';
import { createConnector, type Connector } from './connect.js';
import { checkPlainHost, distrustOf } from './node-trust.js';
import { invalid, settle, type ConnectOptions } from './options.js';
import type { Dialled } from './platform.js';
import { InlineRunner } from './runner.js';
import { stretchInThread } from './stretch-thread.js';
import { createWebSocketClass, type WebSocketClass, type WebSocketClassOptions } from './websocket-class.js';

export { fileTickets, type FileTickets } from './ticket-store-node.js';
export * from './public-names.js';

/** As `ConnectOptions`, and how to connect. Certificates are always verified, whatever `agent` says. */
export interface NodeConnectOptions extends ConnectOptions {
  /** Certificates of the CAs to trust instead of those that Node comes with: PEM text, not the name of a file. */
  readonly ca?: SecureContextOptions['ca'];
  /** The client's certificate chain and private key (PEM), where the server asks for them. */
  readonly cert?: SecureContextOptions['cert'];
  readonly key?: SecureContextOptions['key'];
  readonly passphrase?: string | undefined;
  /** Lowest TLS version. Default `TLSv1.3`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** Further headers of the opening handshake. `Origin` is not allowed: this is not a browser. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For proxies. Connections that it makes are refused unless verified, for this host, and of `minVersion`. */
  readonly agent?: Agent | undefined;
  /** Longest message that is accepted, bytes. Default 16 MiB. */
  readonly maxMessageBytes?: number | undefined;
}

/** How long a connection that was left may take to close before it is cut. */
const LEAVE_MS = 1000;

const OWN_OPTIONS: readonly string[] = [
  'ca',
  'cert',
  'key',
  'passphrase',
  'minVersion',
  'headers',
  'agent',
  'maxMessageBytes',
] satisfies (keyof NodeConnectOptions)[];

/**
 * Names a server to log in to. Opens nothing yet.
 *
 * ```js
 * const socket = await connect('wss://chat.example').login({ username, password });
 * socket.onmessage = (event) => console.log(event.data);
 * socket.send('hello');
 * ```
 *
 * @param url `wss://…`; `ws://` for localhost, 127.0.0.0/8 and [::1] only
 * @throws BlindsaltError `insecure-url`, `domain-invalid`, `option-invalid`
 */
export function connect(url: string | URL, options: NodeConnectOptions = {}): Connector {
  const settings = settle(url, options, undefined, OWN_OPTIONS);
  checkPlainHost(settings.url);
  const socketOptions = toSocketOptions(options);
  return createConnector(
    {
      origin: '',
      dial: (href, protocol) => dial(href, protocol, socketOptions),
      createRunner: (sink) => new InlineRunner({ loadCrypto, stretch: stretchInThread }, sink),
    },
    settings,
  );
}

/**
 * A WebSocket class for libraries that take one: its sockets log in while they are CONNECTING.
 *
 * ```js
 * const WebSocket = webSocketClass({ credentials: () => ({ username, password }) });
 * const client = createClient({ url: 'wss://chat.example', webSocketImpl: WebSocket });
 * ```
 *
 * A login that fails is told by `error` (`LoginErrorEvent`) and `close`, whose code says whether to try again
 * (`retryAfterClose`): never, when somebody has typed (`FAILURE_CLOSE.loginFailed`), or later. Refused credentials are not
 * sent twice in succession by the sockets of one class, and a time to wait that the server named is kept. A socket that
 * follows a closed one goes on with its session by a ticket, if it is the same user's.
 *
 * @throws BlindsaltError `option-invalid`
 */
export function webSocketClass(options: WebSocketClassOptions<NodeConnectOptions>): WebSocketClass {
  return createWebSocketClass<NodeConnectOptions>(connect, options);
}

function toSocketOptions(options: NodeConnectOptions): ClientOptions {
  const { ca, cert, key, passphrase, headers, agent, minVersion, maxMessageBytes } = options;
  // Node takes the name of a file without a word, and then trusts nobody.
  if ([ca].flat().some((pem) => typeof pem === 'string' && !pem.includes('-----BEGIN'))) {
    invalid('ca', 'ca must be the text of a PEM file, not its name');
  }
  const maxPayload = maxMessageBytes ?? 16 * 1024 * 1024;
  if (!Number.isInteger(maxPayload) || maxPayload < 1) invalid('maxMessageBytes');
  for (const name of Object.keys(headers ?? {})) {
    if (/^(?:origin|sec-websocket-.*)$/i.test(name)) invalid('headers', `the header ${name} cannot be set`);
  }
  return {
    perMessageDeflate: false,
    followRedirects: false,
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
    // Of resumed TLS sessions Node shows no certificate that could be checked; agents keep sessions unless this is there.
    ...{ session: undefined },
    minVersion: minVersion ?? 'TLSv1.3',
    maxPayload,
    maxFragments: maxFragments(maxPayload),
    maxBufferedChunks: maxBufferedChunks(maxPayload),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
    ...(agent === undefined ? {} : { agent }),
  };
}

function dial(url: string, protocol: string, options: ClientOptions): Dialled {
  const socket = new WebSocket(url, [protocol], options);
  let failure: unknown;
  let tls: Partial<TLSSocket> | undefined;
  socket.binaryType = 'arraybuffer';
  socket.on('upgrade', (response) => {
    tls = response.socket as Partial<TLSSocket>;
    const distrust = distrustOf(url, tls, options.minVersion ?? 'TLSv1.3');
    if (distrust === undefined) return;
    failure = distrust;
    socket.terminate();
  });
  // Also keeps an error after we left from being thrown.
  socket.on('error', (error) => {
    failure ??= error;
  });
  socket.on('unexpected-response', (_request, response) => {
    failure = refusalOf(response);
    socket.terminate();
  });
  return {
    socket,
    bindings: () => tlsExporter(tls),
    failure: () => failure,
    leave() {
      socket.close(CLOSE.clientLeft);
      setTimeout(() => socket.terminate(), LEAVE_MS).unref();
    },
  };
}

/** A server without room answers 503 instead of upgrading. */
function refusalOf(response: IncomingMessage): Error {
  const cause = new Error(`the server answered ${response.statusCode ?? 0} to the opening handshake`);
  if (response.statusCode !== 503) return cause;
  const seconds = Number(response.headers['retry-after']);
  const retryAfterMs = Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : undefined;
  return new BlindsaltError('try-later', undefined, { cause, retryAfterMs });
}

/** RFC 9266: on TLS 1.3 only. */
function tlsExporter(socket: Partial<TLSSocket> | undefined): Binding[] {
  if (socket?.exportKeyingMaterial === undefined || socket.getProtocol?.() !== 'TLSv1.3') return [];
  const value = socket.exportKeyingMaterial(TLS_EXPORTER_BYTES, TLS_EXPORTER_LABEL, Buffer.alloc(0));
  return [{ type: BINDING_TLS_EXPORTER, value: new Uint8Array(value) }];
}
