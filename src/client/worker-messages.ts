// What crosses between the page and the Worker: one MessagePort for each attempt.
import type { ProvenLifeFields, Welcome } from '../../proto/messages.js';
import type { Connection } from './conversation.js';
import type { ErrorRecord } from './errors.js';
import type { RunnerRequest } from './runner.js';

/** To the Worker itself: here is a port for one more attempt. */
export interface WorkerGreeting {
  readonly blindsalt: 1;
  readonly port: MessagePort;
}

/** Where the core's WebAssembly comes from, if not from the Worker's own code: a URL, its bytes, or the module. */
export type WasmInput = string | ArrayBuffer | WebAssembly.Module;

export type ToWorker =
  | { readonly op: 'prepare'; readonly request: RunnerRequest; readonly wasm: WasmInput | undefined }
  | { readonly op: 'open' }
  | { readonly op: 'receive'; readonly frame: Uint8Array<ArrayBuffer> }
  | { readonly op: 'dispose' };

export type FromWorker =
  | { readonly op: 'ready' }
  | { readonly op: 'prepared' }
  | { readonly op: 'refused'; readonly error: ErrorRecord }
  | { readonly op: 'send'; readonly frame: Uint8Array<ArrayBuffer> }
  | { readonly op: 'progress'; readonly stage: 'stretching' | 'finishing' }
  | { readonly op: 'received' }
  | { readonly op: 'life'; readonly life: ProvenLifeFields }
  | { readonly op: 'done'; readonly welcome: Welcome | undefined; readonly connection: Connection }
  | { readonly op: 'failed'; readonly error: ErrorRecord; readonly fatal: boolean };
