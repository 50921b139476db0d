// The scripted server over real WebSockets on loopback: what whole clients are tried against, and what they may suffer.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { CONTROL_MARK } from '../../proto/constants.js';
import { closeCodeOf, isWireErrorCode } from '../../proto/errors.js';
import { decodeControl, encodeControl } from '../../proto/codec.js';
import { createConnector, type Connector } from '../../src/client/connect.js';
import { settle, type ConnectOptions } from '../../src/client/options.js';
import type { Dialled } from '../../src/client/platform.js';
import { InlineRunner } from '../../src/client/runner.js';
import { loadCrypto } from '../../src/crypto/index.js';
import { ScriptedExchanges, type ExchangeLies } from '../client/scripted-exchanges.js';
import { fastStretch, ScriptedServer, type Lies, type ScriptedConnection } from '../client/scripted-server.js';

export interface Peer {
  readonly socket: WebSocket;
  readonly connection: ScriptedConnection;
  readonly exchanges: ScriptedExchanges;
  /** Application messages, text. */
  readonly messages: string[];
  notice(message: Parameters<typeof encodeControl>[0]): void;
}

export class ScriptedService {
  readonly server = new ScriptedServer();
  readonly peers: Peer[] = [];
  /** What each connection's first control frame was answered to. */
  readonly starts: string[] = [];
  lies: Lies = {};
  exchangeLies: ExchangeLies = {};
  /** Takes what the next connections do instead, once each: cut before the answer is sent, refuse, never answer. */
  readonly mishaps: (
    'cut-hello' | 'cut-welcome' | 'silent' | { readonly error: string; readonly retryAfter?: number }
  )[] = [];
  /** The client logs out. */
  onLogout: (peer: Peer) => void = ({ socket }) => socket.close(1000);
  #wss: WebSocketServer | undefined;

  async start(): Promise<void> {
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'blindsalt.v1' });
    this.#wss = wss;
    wss.on('connection', (socket) => this.#serve(socket));
    await once(wss, 'listening');
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#wss!.address() as AddressInfo).port}/`;
  }

  /** As `connect` does it, but that stretching is one hash. */
  connect(options: ConnectOptions = {}): Connector {
    return createConnector(
      {
        origin: '',
        dial,
        createRunner: (sink) =>
          new InlineRunner({ loadCrypto, stretch: (secret) => Promise.resolve(fastStretch(secret)) }, sink),
      },
      settle(this.url, { domain: this.server.domain, timeoutMs: 10_000, ...options }),
    );
  }

  get last(): Peer {
    return this.peers.at(-1)!;
  }

  async stop(): Promise<void> {
    for (const client of this.#wss!.clients) client.terminate();
    await new Promise((resolve) => this.#wss!.close(resolve));
  }

  #serve(socket: WebSocket): void {
    const mishap = this.mishaps.shift();
    if (mishap === 'cut-hello') {
      socket.terminate();
      return;
    }
    const connection = this.server.connect(this.lies);
    const exchanges = new ScriptedExchanges(connection);
    exchanges.lies = this.exchangeLies;
    const messages: string[] = [];
    const send = (frame: Uint8Array): void => socket.send(frame);
    const peer: Peer = { socket, connection, exchanges, messages, notice: (message) => send(encodeControl(message)) };
    let isWelcome = false;
    send(connection.hello());
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary || data[0] !== CONTROL_MARK) {
        messages.push(isBinary ? `0x${data.toString('hex')}` : data.toString());
        return;
      }
      const frame = new Uint8Array(data);
      if (isWelcome) {
        if (decodeControl(frame, 'client').kind === 'logout') {
          exchanges.received.push('logout');
          this.onLogout(peer);
          return;
        }
        for (const answer of exchanges.answers(frame)) send(answer);
        return;
      }
      const { kind } = decodeControl(frame, 'client');
      if (kind.endsWith('Start') || kind === 'resume') this.starts.push(kind);
      if (mishap === 'silent') return;
      if (typeof mishap === 'object') {
        send(connection.error(mishap.error, mishap.retryAfter));
        refuse(socket, mishap.error);
        return;
      }
      const answer = connection.answer(frame);
      const message = decodeControl(answer, 'server');
      if (message.kind === 'welcome') {
        if (mishap === 'cut-welcome') {
          socket.terminate();
          return;
        }
        isWelcome = true;
        this.peers.push(peer);
      }
      send(answer);
      if (message.kind === 'error') refuse(socket, message.code);
    });
  }
}

function dial(url: string, protocol: string): Dialled {
  const socket = new WebSocket(url, [protocol], { perMessageDeflate: false });
  socket.binaryType = 'arraybuffer';
  let failure: unknown;
  socket.on('error', (error) => (failure = error));
  return { socket, bindings: () => [], failure: () => failure, leave: () => socket.close(4480) };
}

function refuse(socket: WebSocket, code: string): void {
  const closeCode = isWireErrorCode(code) ? closeCodeOf(code) : undefined;
  if (closeCode !== undefined) socket.close(closeCode, code);
}
