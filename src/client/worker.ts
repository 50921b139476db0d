/**
 * `blindsalt/client/worker`: the script of the Worker in which browsers run the client's core. What is derived from the
 * password stays in here; the page moves frames. Started by `connect`, or given to it (`worker`).
 */
import type { WorkerGreeting } from './worker-messages.js';
import { serve } from './worker-port.js';

addEventListener('message', ({ data }: MessageEvent<Partial<WorkerGreeting> | undefined>) => {
  if (data?.blindsalt === 1 && data.port !== undefined) serve(data.port);
});
