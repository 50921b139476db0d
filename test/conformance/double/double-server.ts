// A server for the conformance suite to be tried on: our engine behind plain `ws`, with one rule broken, or none.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type ServerOptions } from 'ws';
import { KSF_FLOOR, SUBPROTOCOL } from '../../../proto/index.js';
import { loadCrypto, type Crypto } from '../../../src/crypto/index.js';
import { createEngine, silentLogger, type Engine, type EngineOptions, type Store } from '../../../src/server/index.js';
import type { Settings } from '../../../src/server/options.js';
import { openMemoryStore } from '../../../src/server/store/memory.js';
import type { Administrator } from '../../../src/conformance/server/context.js';
import { makeServerKeys } from '../../support/server-keys.js';

/** One connection of the double, as a mutant may use it. */
export interface Wire {
  readonly crypto: Crypto;
  readonly engine: Engine;
  /** Past the taps: to the client. */
  send(frame: Uint8Array): void;
  /** Past the taps: closes. */
  close(code: number, reason: string): void;
  /** Past the taps: to the engine. */
  deliver(frame: Uint8Array): void;
}

/** What a mutant does to what passes. Undefined: as it is; null: nothing passes. */
export interface Taps {
  input?(frame: Buffer): Uint8Array | null | undefined;
  text?(data: Buffer): Uint8Array | null | undefined;
  output?(frame: Uint8Array): Uint8Array | null | undefined;
  close?(code: number, reason: string): readonly [code: number, reason: string] | null | undefined;
  /** What the application sends. */
  application?(data: Uint8Array): Uint8Array;
}

export interface Mutant {
  /** After the rule that it breaks. */
  readonly name: string;
  /** Id of the case that has to fail. */
  readonly caughtBy: string;
  readonly options?: (place: { readonly crypto: Crypto; readonly store: Store }) => Partial<EngineOptions>;
  readonly settings?: (settings: Settings) => Partial<Settings>;
  readonly sockets?: ServerOptions;
  readonly isPeerRight?: boolean;
  readonly wire?: (wire: Wire) => Taps;
}

export interface Double {
  readonly url: string;
  readonly engine: Engine;
  readonly administrator: Administrator;
  stop(): Promise<void>;
}

export async function startDouble(mutant?: Mutant, change: Partial<EngineOptions> = {}): Promise<Double> {
  const crypto = await loadCrypto();
  const store = openMemoryStore();
  const engine = await createEngine({
    domain: 'localhost',
    targets: ['127.0.0.1'],
    store,
    keys: makeServerKeys(crypto, 'localhost'),
    ksf: [KSF_FLOOR['pbkdf2-sha512']],
    logger: silentLogger,
    ...change,
    ...mutant?.options?.({ crypto, store }),
  });
  const http = createServer();
  const sockets = new WebSocketServer({
    server: http,
    perMessageDeflate: false,
    maxPayload: engine.limits.maxMessageBytes,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    ...mutant?.sockets,
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  // The port is known only now.
  const { context } = engine as unknown as { context: { settings: Settings } };
  context.settings = { ...context.settings, targets: new Set([`127.0.0.1:${port}`]), targetHosts: new Set() };
  context.settings = { ...context.settings, ...mutant?.settings?.(context.settings) };

  sockets.on('connection', (socket, request) => {
    socket.on('error', () => {});
    const send = (frame: Uint8Array): void => {
      if (socket.readyState === socket.OPEN) socket.send(frame, { binary: true });
    };
    const wire: Wire = {
      crypto,
      engine,
      send,
      close: (code, reason) => socket.close(code, reason),
      deliver: (frame) => take(frame),
    };
    const taps = mutant?.wire?.(wire) ?? {};
    let isOpen = false;
    const handle = engine.accept(
      {
        send: (frame) => {
          const passed = taps.output === undefined ? frame : taps.output(frame);
          if (passed !== null) send(passed ?? frame);
        },
        close: (code, reason) => {
          const passed = taps.close?.(code, reason);
          if (passed !== null) socket.close(...(passed ?? ([code, reason] as const)));
        },
      },
      {
        address: '127.0.0.1',
        secure: 'loopback',
        origin: mutant?.isPeerRight === true ? undefined : request.headers.origin,
        subprotocolOffered: mutant?.isPeerRight === true || socket.protocol === SUBPROTOCOL,
      },
      { onAuthenticated: () => (isOpen = true) },
    );
    const escaped = (data: Uint8Array): Uint8Array =>
      data[0] === 0xc1 ? Buffer.concat([Buffer.of(0xc1), data]) : data;
    const take = (frame: Uint8Array): void => {
      const data = handle.receive(frame);
      if (data !== undefined && isOpen) send((taps.application ?? escaped)(data));
    };
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        const passed = taps.input?.(data);
        if (passed !== null) take(passed ?? data);
        return;
      }
      const passed = taps.text?.(data);
      if (passed === null) return;
      if (passed !== undefined) take(passed);
      else if (handle.receiveText()) socket.send(data, { binary: false });
    });
    socket.on('close', () => handle.closed());
  });

  return {
    url: `ws://127.0.0.1:${port}`,
    engine,
    administrator: { disable: async (username) => engine.admin.disableUser(username) },
    async stop() {
      await engine.close();
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
