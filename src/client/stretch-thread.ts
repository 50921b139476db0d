import { Worker } from 'node:worker_threads';
import { stretch, type Stretch } from '../opaque/ksf.js';
import { fromErrorRecord } from './errors.js';
import type { KsfAnswer, KsfQuestion } from './ksf-worker.js';

/**
 * Stretches in a worker thread, so that the event loop goes on meanwhile and the memory used is given back. In this
 * thread where the worker's file is not there (sources that a test runs, bundles) or threads cannot start.
 */
export const stretchInThread: Stretch = async (oprfOutput, ksf) => {
  const file = new URL('./ksf-worker.js', import.meta.url);
  let worker: Worker;
  try {
    worker = new Worker(file, { execArgv: [], env: {} });
    // `online` comes before it is known whether the file can be loaded.
    await nextMessage(worker);
  } catch {
    return stretch(oprfOutput, ksf);
  }
  const question: KsfQuestion = { oprfOutput: new Uint8Array(oprfOutput), ksf };
  try {
    const answer = nextMessage(worker);
    worker.postMessage(question, [question.oprfOutput.buffer]);
    const result = (await answer) as KsfAnswer;
    if ('error' in result) throw fromErrorRecord(result.error);
    return result.stretched;
  } finally {
    void worker.terminate();
  }
};

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the worker ended early')));
  });
}
