import cluster from 'node:cluster';
import type { DataFolder } from '../data-folder.js';
import { answerForMetrics } from './cluster-metrics.js';
import { createLog } from './log.js';
import { Monitor } from './monitor.js';
import type { ServeOptions } from './options.js';
import { startServing } from './process.js';
import { onReloadSignal } from './signals.js';
import { Channel, PORT_VARIABLE, type WorkerMessage } from './worker-messages.js';

/** One of the processes of `serve --workers`: resolves when it was told to stop, and has. */
export async function serveAsWorker(given: ServeOptions, data: DataFolder): Promise<void> {
  const worker = cluster.worker!;
  const options = { ...given, port: Number(process.env[PORT_VARIABLE] ?? given.port) };
  const primary = new Channel((message, callback) => process.send!(message, undefined, undefined, callback));
  const stop = new Promise<void>((resolve) => {
    process.on('message', (message: WorkerMessage) => message.kind === 'stop' && resolve());
    process.on('SIGTERM', () => resolve());
    // Ctrl-C comes to all processes of a terminal; the first one says what is to be done.
    process.on('SIGINT', () => {});
  });
  const log = createLog(options.logLevel, worker.id);
  try {
    const publish = (message: string): void => primary.send({ kind: 'chat', message });
    const monitor = new Monitor();
    answerForMetrics(monitor.registry);
    const serving = await startServing({ options, data, log, publish, monitor });
    const reload = (): void => void serving.reload();
    if (!options.dev) onReloadSignal(reload);
    process.on('message', (message: WorkerMessage) => {
      if (message.kind === 'chat') serving.tell(message.message);
      if (message.kind === 'reload') reload();
    });
    primary.send({ kind: 'listening', port: serving.port });
    await stop;
    await serving.close();
  } catch (error) {
    await tellFailure(error);
  } finally {
    worker.disconnect();
  }
}

function tellFailure(error: unknown): Promise<void> {
  const { code = 'unexpected', message, cause } = error as Partial<Error & { code: string }>;
  return new Promise((resolve) => {
    const failure: WorkerMessage = {
      kind: 'failed',
      code,
      message: message ?? String(error),
      cause: cause instanceof Error ? cause.message : undefined,
    };
    process.send!(failure, undefined, undefined, () => resolve());
  });
}
