/** `blindsalt/client`: the client for browsers, and for other runtimes that have the platform's WebSocket. */
import { CLOSE } from '../../proto/close-codes.js';
import { BlindsaltError } from '../../proto/errors.js';
import { BrowserRunner, type WorkerOption } from './browser-runner.js';
import { createConnector, type Connector } from './connect.js';
import { settle, type ConnectOptions } from './options.js';
import type { Dialled } from './platform.js';
import { createWebSocketClass, type WebSocketClass, type WebSocketClassOptions } from './websocket-class.js';
import type { WasmInput } from './worker-messages.js';

export { browserTickets } from './ticket-store-browser.js';
export * from './public-names.js';

export interface BrowserConnectOptions extends ConnectOptions {
  /**
   * The module Worker in which everything that the password leads to is computed: the URL of the script
   * `blindsalt/client/worker` (a `TrustedScriptURL` in pages with Trusted Types), or a running Worker, which is shared
   * by attempts and not ended; `false` to stay in this thread, which then stands still for about half a second.
   * Default: `worker.js` beside this module, one for each attempt.
   */
  readonly worker?: WorkerOption;
  /**
   * Called when the Worker could not be started (Content-Security-Policy `worker-src`, `file:`, a bundler that left it
   * out) and the attempt is made in this thread instead.
   */
  readonly onWorkerUnavailable?: ((cause: unknown) => void) | undefined;
  /**
   * The core's WebAssembly (`blindsalt/core.wasm`): its URL, bytes, or module, for those who pin or cache it. Default: the
   * copy inside the package. Content-Security-Policy has to allow `'wasm-unsafe-eval'` in any case.
   */
  readonly wasm?: URL | string | ArrayBuffer | WebAssembly.Module | undefined;
}

const OWN_OPTIONS: readonly string[] = [
  'worker',
  'onWorkerUnavailable',
  'wasm',
] satisfies (keyof BrowserConnectOptions)[];

/**
 * Names a server to log in to. Opens nothing yet.
 *
 * ```js
 * const socket = await connect('wss://chat.example').login({ username, password });
 * socket.onmessage = (event) => console.log(event.data);
 * socket.send('hello');
 * ```
 *
 * @param url `wss://…`, or relative to the page; `ws://` for loopback hosts only
 * @throws BlindsaltError `insecure-url`, `domain-invalid`, `option-invalid`
 */
export function connect(url: string | URL, options: BrowserConnectOptions = {}): Connector {
  const base = pageUrl();
  const { worker, wasm, onWorkerUnavailable = () => undefined } = options;
  const input: WasmInput | undefined =
    typeof wasm === 'string' || wasm instanceof URL ? new URL(wasm, base).href : wasm;
  return createConnector(
    {
      origin: pageOrigin(),
      dial,
      createRunner: (sink) => new BrowserRunner({ worker, wasm: input, onWorkerUnavailable }, sink),
    },
    settle(url, options, base, OWN_OPTIONS),
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
export function webSocketClass(options: WebSocketClassOptions<BrowserConnectOptions>): WebSocketClass {
  return createWebSocketClass<BrowserConnectOptions>(connect, options, pageUrl());
}

function pageUrl(): string | undefined {
  return (globalThis as { location?: Location }).location?.href;
}

/** What the browser puts into the Origin header; empty where there is no page. */
function pageOrigin(): string {
  const { origin, location } = globalThis as { origin?: string; location?: Location };
  return location === undefined ? '' : (origin ?? location.origin);
}

function dial(url: string, protocol: string): Dialled {
  if (typeof WebSocket !== 'function') throw new BlindsaltError('environment-unsupported', 'There is no WebSocket.');
  const socket = new WebSocket(url, protocol);
  socket.binaryType = 'arraybuffer';
  return {
    socket,
    bindings: () => [],
    // Browsers tell pages nothing.
    failure: () => undefined,
    leave: () => socket.close(CLOSE.clientLeft),
  };
}
