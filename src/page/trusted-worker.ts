/** The only URL that may become a worker here. */
const WORKER_URL = '/worker.js';

interface ScriptUrl {
  toString(): string;
}
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): ScriptUrl };
}

const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };

/** Its name stands in the page's Content-Security-Policy; browsers without Trusted Types do without. */
const policy = trustedTypes?.createPolicy('blindsalt', {
  createScriptURL(url) {
    if (url !== WORKER_URL) throw new TypeError('not the worker');
    return url;
  },
});

const workerUrl = policy?.createScriptURL(WORKER_URL) ?? WORKER_URL;

let worker: Worker | undefined;

/**
 * The Worker that holds the core, the password and the key while somebody logs in. It is started once and kept, so that
 * an attempt does not wait for it; if it did not start, the next call tries again.
 */
export function sharedWorker(): Worker {
  if (worker === undefined) {
    const started = new Worker(workerUrl as URL, { type: 'module' });
    started.addEventListener('error', () => {
      started.terminate();
      if (worker === started) worker = undefined;
    });
    worker = started;
  }
  return worker;
}
