import cluster from 'node:cluster';
import path from 'node:path';
import { createDataFolder, type DataFolder } from '../data-folder.js';
import { output } from '../output.js';
import type { Action } from '../program.js';
import type { Logger } from '../../server/logger.js';
import { ClusterMonitor } from './cluster-metrics.js';
import { createLog } from './log.js';
import { Monitor } from './monitor.js';
import { serveOperations, type Operations } from './operations.js';
import { readServeOptions, type RawServeOptions, type ServeOptions } from './options.js';
import { startServing } from './process.js';
import { onReloadSignal, stopSignal } from './signals.js';
import { startWorkers } from './worker-pool.js';
import { serveAsWorker } from './worker.js';

/** `blindsalt serve`: resolves after a signal, when everything is closed. */
export const serve: Action = async (raw) => {
  const options = readServeOptions(raw as unknown as RawServeOptions);
  const data = createDataFolder(options.data);
  if (cluster.isWorker) return serveAsWorker(options, data);
  const stop = stopSignal();
  const log = createLog(options.logLevel);
  const { serving, operations } = await startAll(options, data, log);
  const port = options.operationsPort;
  const watched =
    port === undefined
      ? undefined
      : await serveOperations(port, operations, log).catch(async (error: unknown) => {
          await serving.close();
          throw error;
        });
  // Development certificates do not change while the server runs; and the end of the terminal is to be its end.
  if (!options.dev) onReloadSignal(() => void serving.reload());

  const url = urlOf(options, serving.port);
  output.line(`blindsalt listening on ${url}`);
  for (const hint of hintsOf(options, url, data)) output.note(hint);
  if (watched !== undefined) output.note(`  operations: http://127.0.0.1:${watched.port}/metrics, /healthz, /readyz`);
  log.info({ url, registration: options.registration, workers: options.workers }, 'listening');

  log.info({ signal: await stop }, 'stopping');
  operations.drains();
  await serving.close();
  await watched?.close();
};

interface Serving {
  readonly port: number;
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** One process, or several behind this one. */
async function startAll(
  options: ServeOptions,
  data: DataFolder,
  log: Logger,
): Promise<{ readonly serving: Serving; readonly operations: Operations & { drains(): void } }> {
  const { workers, drain } = options;
  if (workers > 1) {
    const serving = await startWorkers(workers, log, drain.delayMs + drain.windowMs);
    return { serving, operations: new ClusterMonitor(serving) };
  }
  const monitor = new Monitor();
  return { serving: await startServing({ options, data, log, monitor }), operations: monitor };
}

/** The address that a person types: that of the first target. */
function urlOf(options: ServeOptions, port: number): string {
  return new URL(`https://${options.targets(port)[0]}`).origin;
}

function hintsOf({ dev }: ServeOptions, url: string, { certificates, folder }: DataFolder): readonly string[] {
  const signup = `npx blindsalt signup ${url.replace('https', 'wss')} alice`;
  return [
    'Next:',
    `  open ${url}`,
    ...(dev ? [`  the browser warns until the development CA is trusted: npx blindsalt certs --data ${folder}`] : []),
    `  or, from a terminal: ${signup}${dev ? ` --ca ${path.join(certificates, 'ca.pem')}` : ''}`,
    '  Ctrl-C stops the server',
  ];
}
