// Servers on uWebSockets.js for tests: one engine, one app on loopback, members and strangers.
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { TemplatedApp } from 'uWebSockets.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { createEngine, type Engine, type EngineOptions } from '../../src/server/index.js';
import {
  authenticate,
  createSslApp,
  type AuthenticatedBehavior,
  type AuthenticatedSocket,
} from '../../src/server/adapter/uws.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { openRaw, signedUp, type OpenOptions } from './raw-client.js';
import { makeServerKeys } from './server-keys.js';
import { certificateFiles, listen, listenShared, uws, type CertificateFiles } from './uws.js';

export interface TestData {
  readonly room?: string;
}
export type TestBehavior = AuthenticatedBehavior<TestData>;
export type TestSocket = AuthenticatedSocket<TestData>;

type Opened = ReturnType<typeof openRaw>;
type Member = ReturnType<typeof signedUp>;

export interface Serving {
  readonly engine: Engine;
  readonly app: TemplatedApp;
  readonly port: number;
  readonly open: (path?: string, options?: OpenOptions) => Opened;
  readonly member: (username: string, path?: string, options?: OpenOptions) => Member;
  readonly stopListening: () => void;
}

type Change = Partial<EngineOptions> & { readonly app?: TemplatedApp; readonly isShared?: boolean };

/** Call it where tests are declared; everything it starts ends after each test. */
export class UwsServers {
  #crypto!: Crypto;
  #certificate!: CertificateFiles;
  readonly #cleanUps: (() => unknown)[] = [];

  constructor() {
    beforeAll(async () => {
      [this.#crypto, this.#certificate] = await Promise.all([loadCrypto(), certificateFiles()]);
    });
    afterEach(async () => {
      for (const cleanUp of this.#cleanUps.splice(0).reverse()) await cleanUp();
    });
    afterAll(() => this.#certificate.remove());
  }

  get crypto(): Crypto {
    return this.#crypto;
  }

  get certificate(): CertificateFiles {
    return this.#certificate;
  }

  /** Called after the test. */
  after(cleanUp: () => unknown): void {
    this.#cleanUps.push(cleanUp);
  }

  async app(): Promise<TemplatedApp> {
    const { cert_file_name, key_file_name } = this.#certificate;
    const app = await createSslApp({ cert_file_name, key_file_name });
    this.after(() => app.close());
    return app;
  }

  async engine(change: Partial<EngineOptions> = {}): Promise<Engine> {
    const place = { store: openMemoryStore(), keys: makeServerKeys(this.#crypto, 'localhost') };
    const engine = await createEngine({ domain: 'localhost', targets: ['localhost'], ...place, ...change });
    this.after(() => engine.close());
    return engine;
  }

  /** A server on loopback; `routes` says what it serves. Given an app, it is one without TLS. */
  async serve(routes: (app: TemplatedApp, engine: Engine) => void, change: Change = {}): Promise<Serving> {
    const { app = await this.app(), isShared = false, ...options } = change;
    // A socket that goes on listening keeps the process alive.
    if (change.app !== undefined) this.after(() => app.close());
    const engine = await this.engine(options);
    routes(app, engine);
    const { port, token } = isShared ? listenShared(app) : listen(app);
    const target = `localhost:${port}`;
    const base = `${change.app === undefined ? 'wss' : 'ws'}://${target}`;
    const kept = async <C extends Awaited<Opened>>(opening: Promise<C>): Promise<C> => {
      const client = await opening;
      this.after(() => client.socket.terminate());
      return client;
    };
    return {
      engine,
      app,
      port,
      open: (path = '/ws', given = {}) => kept(openRaw(base + path, this.#crypto, { target, ...given })),
      member: (username, path = '/ws', given = {}) =>
        kept(signedUp(base + path, this.#crypto, username, { target, ...given })),
      stopListening: () => uws.us_listen_socket_close(token),
    };
  }

  /** The same with one pattern, `/ws`. */
  one(behavior: TestBehavior, change: Change = {}): Promise<Serving> {
    return this.serve((app, engine) => void authenticate(app, '/ws', behavior, { engine }), change);
  }
}
