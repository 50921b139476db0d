import { build } from 'esbuild';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from '../../src/server/adapter/ws.js';
import type { EngineOptions } from '../../src/server/index.js';
import { localEngine } from './local-engine.js';

export interface BrowserService {
  /** Shows an empty page; `/client.js` is `blindsalt/client`, `/worker.js` its Worker. Sends back what it gets. */
  readonly origin: string;
  stop(): Promise<void>;
}

/** A server for pages of tests, where `localhost` is a secure context without TLS. */
export async function startBrowserService(engineOptions: Partial<EngineOptions> = {}): Promise<BrowserService> {
  const source = (file: string): string => fileURLToPath(new URL(`../../src/client/${file}`, import.meta.url));
  const bundles = await build({
    entryPoints: { client: source('browser.ts'), worker: source('worker.ts') },
    outdir: '/',
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'error',
  });
  const scripts = new Map(bundles.outputFiles.map(({ path, text }) => [path.replace(/^.*[/\\]/, '/'), text]));
  const server = createServer((request, response) => {
    const script = scripts.get(request.url ?? '');
    if (script !== undefined) {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
      return;
    }
    const policy = request.url === '/no-worker' ? { 'content-security-policy': "worker-src 'none'" } : {};
    response.writeHead(200, { 'content-type': 'text/html', ...policy }).end('<!doctype html><title>empty</title>');
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const engine = await localEngine({ origins: [origin], ...engineOptions });
  const wss = new WebSocketServer({ server, engine });
  wss.on('connection', (socket) => {
    socket.on('message', (data: Buffer, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return {
    origin,
    async stop() {
      await engine.close();
      wss.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
