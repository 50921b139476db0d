import { createServer, STATUS_CODES, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocket, WebSocketServer as PlainWebSocketServer, type ServerOptions } from 'ws';
import {
  BlindsaltError,
  maxBufferedChunks,
  maxFragments,
  SUBPROTOCOL,
  TLS_EXPORTER_BYTES,
  TLS_EXPORTER_LABEL,
} from '../../../proto/index.js';
import type { Engine } from '../api.js';
import { retryAfterSeconds } from '../retry-after.js';
import type { Attributes } from '../store.js';
import type { Peer } from '../transport.js';
import { TrustedProxies } from './proxy.js';
import { WsConnection, type WsHost } from './ws-connection.js';
import { AuthenticatedWebSocket } from './ws-socket.js';

export { createWebSocketStream } from 'ws';
export { AuthenticatedWebSocket } from './ws-socket.js';

const DEFAULT_PING_INTERVAL_MS = 30_000;
const DEFAULT_CLOSE_TIMEOUT_MS = 5_000;
const UPGRADE_PATIENCE_MS = 10_000;

/**
 * Timeouts for `http.createServer` and `https.createServer`, whose own let silent connections live for minutes. Some can
 * be set at creation only: `createServer({ ...SERVER_TIMEOUTS, cert, key })`. Used for the server that `port` makes.
 */
export const SERVER_TIMEOUTS = Object.freeze({
  /** TLS handshake; of https servers. */
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
});

/** The options of `ws`, and `engine`. */
export interface WebSocketServerOptions<A extends object = Attributes> extends Omit<
  ServerOptions,
  'WebSocket' | 'maxPayload' | 'maxFragments' | 'maxBufferedChunks' | 'perMessageDeflate'
> {
  readonly engine: Engine<A>;
  /** CIDRs of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. Default none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Authenticated sockets are pinged so often, and ended when no answer comes until the next. 0: never. Default 30 s. */
  readonly pingIntervalMs?: number | undefined;
  /** How long a closing handshake may take before the socket is destroyed. Default 5 s. */
  readonly closeTimeoutMs?: number | undefined;
  /** Compression beside secrets leaks them; anything but false is refused. */
  readonly perMessageDeflate?: false | undefined;
}

/**
 * The `WebSocketServer` of `ws` with a login in front: `connection` fires with sockets that have authenticated, and
 * `clients` holds no others. `handleProtocols` chooses among the subprotocols that clients offer inside the login.
 */
export class WebSocketServer<A extends object = Attributes> extends PlainWebSocketServer<
  typeof AuthenticatedWebSocket<A>
> {
  readonly #engine: Engine<A>;
  readonly #proxies: TrustedProxies;
  readonly #host: WsHost<A>;
  #handleProtocols: WebSocketServerOptions<A>['handleProtocols'];
  readonly #unauthenticated = new Set<WsConnection<A>>();
  readonly #authenticated = new Set<WsConnection<A>>();
  readonly #pingTimer: ReturnType<typeof setInterval> | undefined;
  #server: HttpServer | HttpsServer | undefined;
  #stopListening: () => void = () => {};
  #ownServer: HttpServer | undefined;

  /** @throws BlindsaltError `option-invalid` */
  constructor(options: WebSocketServerOptions<A>, callback?: () => void) {
    checkOptions(options);
    const { engine, trustedProxies, pingIntervalMs, closeTimeoutMs, handleProtocols, server, port, ...rest } = options;
    super({
      ...rest,
      noServer: true,
      WebSocket: AuthenticatedWebSocket<A>,
      perMessageDeflate: false,
      // Our sockets answer pings themselves.
      autoPong: false,
      maxPayload: engine.limits.maxMessageBytes,
      maxFragments: maxFragments(engine.limits.maxMessageBytes),
      maxBufferedChunks: maxBufferedChunks(engine.limits.maxMessageBytes),
      handleProtocols: selectOurs,
      // An option of `ws` that its types lack.
      ...{ closeTimeout: closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS },
    });
    this.#engine = engine;
    this.#proxies = new TrustedProxies(trustedProxies);
    this.#handleProtocols = handleProtocols;
    this.#host = this.#makeHost(options.autoPong !== false);
    // Libraries put theirs here: it chooses among the subprotocols inside the login, and `blindsalt.v1` stays outside.
    Object.defineProperty(this.options, 'handleProtocols', {
      enumerable: true,
      get: () => selectOurs,
      set: (chosen: WebSocketServerOptions<A>['handleProtocols']) => (this.#handleProtocols = chosen),
    });
    if (server) this.#listenOn(server);
    if (port !== undefined && port !== null) {
      this.#ownServer = createServer(SERVER_TIMEOUTS, (_request, response) => {
        response.writeHead(426, { 'Content-Type': 'text/plain' }).end(STATUS_CODES[426]);
      });
      this.#listenOn(this.#ownServer);
      this.#ownServer.listen({ port, host: options.host, backlog: options.backlog }, callback);
    }
    const interval = pingIntervalMs ?? DEFAULT_PING_INTERVAL_MS;
    if (interval > 0) this.#pingTimer = setInterval(() => this.#pingAll(), interval).unref();
  }

  #listenOn(server: HttpServer | HttpsServer): void {
    const onListening = (): boolean => this.emit('listening');
    const onError = (error: Error): boolean => this.emit('error', error);
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      if (this.shouldHandle(request)) {
        this.handleUpgrade(request, socket, head, (ws) => this.emit('connection', ws, request));
      } else if (isOursToRefuse(server, this, request)) {
        const others = server.listenerCount('upgrade') - oursOn(server).size;
        if (others === 0) answerHttp(socket, 404);
        else refuseUnlessTaken(socket);
      }
    };
    server.on('listening', onListening).on('error', onError).on('upgrade', onUpgrade);
    this.#server = server;
    const ours = oursOn(server).add(this);
    this.#stopListening = () => {
      ours.delete(this);
      server.off('listening', onListening).off('error', onError).off('upgrade', onUpgrade);
    };
  }

  /** Like `ws`: the address of the HTTP server; throws with `noServer`. */
  override address(): AddressInfo | string | null {
    if (this.#server === undefined) return super.address();
    return this.#server.address();
  }

  /** Like `ws`; `callback` is called when, and only if, the client has logged in. */
  override handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: (client: AuthenticatedWebSocket<A>, request: IncomingMessage) => void,
  ): void {
    if (!this.#engine.hasRoom) return answerHttp(socket, 503, `Retry-After: ${retryAfterSeconds()}\r\n`);
    // The answer to the upgrade and `hello` leave in one piece.
    socket.cork();
    try {
      super.handleUpgrade(request, socket, head, (ws) => this.#accept(ws, request, callback));
    } finally {
      socket.uncork();
    }
  }

  #accept(
    ws: AuthenticatedWebSocket<A>,
    request: IncomingMessage,
    callback: (client: AuthenticatedWebSocket<A>, request: IncomingMessage) => void,
  ): void {
    this.clients?.delete(ws);
    const connection = new WsConnection(this.#host, ws, request, callback);
    this.#unauthenticated.add(connection);
    connection.start(this.#peer(request));
  }

  #makeHost(answersPings: boolean): WsHost<A> {
    return {
      engine: this.#engine,
      answersPings,
      selectSubprotocol: (offered, request) =>
        this.#handleProtocols ? this.#handleProtocols(new Set(offered), request) || '' : offered[0],
      authenticated: (connection) => {
        this.#unauthenticated.delete(connection);
        this.#authenticated.add(connection);
        this.clients?.add(connection.socket);
      },
      gone: (connection) => {
        this.#unauthenticated.delete(connection);
        this.#authenticated.delete(connection);
      },
    };
  }

  #peer(request: IncomingMessage): Peer {
    const { socket, headers } = request;
    const tls = 'encrypted' in socket && socket.encrypted === true ? (socket as TLSSocket) : undefined;
    const { address, secure, viaProxy } = this.#proxies.classify({
      remoteAddress: socket.remoteAddress,
      encrypted: tls !== undefined,
      forwardedFor: headers['x-forwarded-for'],
      forwardedProto: headers['x-forwarded-proto'],
    });
    const bindable = tls !== undefined && !viaProxy && tls.getProtocol() === 'TLSv1.3';
    const offered = headers['sec-websocket-protocol'] ?? '';
    return {
      address,
      secure,
      origin: headers.origin,
      subprotocolOffered: offered.split(',').some((name) => name.trim() === SUBPROTOCOL),
      tlsExporter: bindable
        ? () => tls.exportKeyingMaterial(TLS_EXPORTER_BYTES, TLS_EXPORTER_LABEL, Buffer.alloc(0))
        : undefined,
    };
  }

  #pingAll(): void {
    for (const connection of this.#authenticated) {
      const { socket } = connection;
      if (!connection.isAlive) {
        socket.terminate();
      } else if (socket.readyState === WebSocket.OPEN) {
        connection.isAlive = false;
        socket.ping();
      }
    }
  }

  /** Like `ws`: no new connections, authenticated ones go on. Connections that have not authenticated are ended. */
  override close(callback?: (error?: Error) => void): void {
    clearInterval(this.#pingTimer);
    this.#stopListening();
    this.#ownServer?.close();
    this.#ownServer = this.#server = undefined;
    for (const { socket } of this.#unauthenticated) socket.terminate();
    super.close(callback);
  }
}

function selectOurs(offered: ReadonlySet<string>): string | false {
  return offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false;
}

type AnyServer = Pick<PlainWebSocketServer, 'shouldHandle'>;
const SERVERS = new WeakMap<HttpServer | HttpsServer, Set<AnyServer>>();

/** The WebSocket servers of ours on one HTTP server. */
function oursOn(server: HttpServer | HttpsServer): Set<AnyServer> {
  const ours = SERVERS.get(server) ?? new Set();
  SERVERS.set(server, ours);
  return ours;
}

/** An upgrade that none of ours takes is for the first of ours to refuse. */
function isOursToRefuse(server: HttpServer | HttpsServer, self: AnyServer, request: IncomingMessage): boolean {
  const ours = [...oursOn(server)];
  return ours[0] === self && !ours.some((one) => one.shouldHandle(request) !== false);
}

/** Listeners of others may take their time; an upgrade that none of them has answered must not stay open for ever. */
function refuseUnlessTaken(socket: Duplex): void {
  const { bytesWritten } = socket as Socket;
  const timer = setTimeout(() => {
    if (!socket.destroyed && (socket as Socket).bytesWritten === bytesWritten) answerHttp(socket, 404);
  }, UPGRADE_PATIENCE_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

function checkOptions(options: WebSocketServerOptions<never>): void {
  const refuse = (message: string): never => {
    throw new BlindsaltError('option-invalid', message);
  };
  if (typeof options?.engine?.accept !== 'function') refuse('engine must be what createEngine gave');
  const places = [
    options.port !== undefined && options.port !== null,
    Boolean(options.server),
    Boolean(options.noServer),
  ];
  if (places.filter(Boolean).length !== 1) refuse('give exactly one of port, server and noServer');
  if (options.perMessageDeflate) refuse('perMessageDeflate must stay off');
  for (const name of ['maxPayload', 'maxFragments', 'maxBufferedChunks']) {
    if (name in options) refuse(`${name} follows from the limit maxMessageBytes of the engine`);
  }
  if ('WebSocket' in options) refuse('WebSocket cannot be replaced');
  if ('maxPendingAutoPongs' in options) refuse('maxPendingAutoPongs has no use: one pong waits at most');
  for (const name of ['pingIntervalMs', 'closeTimeoutMs'] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value < 2 ** 31)) {
      refuse(`${name} must be milliseconds`);
    }
  }
}

/** Ends an upgrade with a plain HTTP answer. */
function answerHttp(socket: Duplex, status: number, headers = ''): void {
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n${headers}\r\n`);
}
