// Stretches one key in a thread of its own; see stretch-thread.ts.
import { parentPort } from 'node:worker_threads';
import type { KsfParameters } from '../../proto/constants.js';
import { stretch } from '../opaque/ksf.js';
import { asBlindsaltError, toErrorRecord, type ErrorRecord } from './errors.js';

export interface KsfQuestion {
  readonly oprfOutput: Uint8Array<ArrayBuffer>;
  readonly ksf: KsfParameters;
}
export type KsfAnswer = { readonly stretched: Uint8Array<ArrayBuffer> } | { readonly error: ErrorRecord };

parentPort?.once('message', ({ oprfOutput, ksf }: KsfQuestion) => {
  const answer = (value: KsfAnswer, transfer: ArrayBuffer[] = []): void => parentPort?.postMessage(value, transfer);
  stretch(oprfOutput, ksf)
    .then(
      (result) => {
        const stretched = new Uint8Array(result);
        result.fill(0);
        answer({ stretched }, [stretched.buffer]);
      },
      (error: unknown) => answer({ error: toErrorRecord(asBlindsaltError(error, 'environment-unsupported')) }),
    )
    .finally(() => oprfOutput.fill(0));
});
// Only now does the other thread send anything.
parentPort?.postMessage('ready');
