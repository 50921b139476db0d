import { asBlindsaltError, toErrorRecord } from './errors.js';
import { inlineRunner } from './inline.js';
import type { Runner } from './runner.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** Makes the attempt that the other end of the port asks for. */
export function serve(port: MessagePort): void {
  const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  let runner: Runner | undefined;
  const createRunner = (wasm: Extract<ToWorker, { op: 'prepare' }>['wasm']): Runner =>
    inlineRunner(
      {
        send: (bytes) => {
          const frame = new Uint8Array(bytes);
          post({ op: 'send', frame }, [frame.buffer]);
        },
        progress: (stage) => post({ op: 'progress', stage }),
        life: (life) => post({ op: 'life', life }),
        done: (welcome, connection) => post({ op: 'done', welcome, connection }),
        failed: (error, fatal) => post({ op: 'failed', error: toErrorRecord(error), fatal }),
      },
      wasm,
    );
  const handle = async (message: ToWorker): Promise<void> => {
    switch (message.op) {
      case 'prepare':
        try {
          runner = createRunner(message.wasm);
          await runner.prepare(message.request);
          post({ op: 'prepared' });
        } catch (error) {
          post({ op: 'refused', error: toErrorRecord(asBlindsaltError(error, 'environment-unsupported')) });
        }
        break;
      case 'open':
        // A browser shows no TLS exporter to anybody.
        runner?.open([]);
        break;
      case 'receive':
        await runner?.receive(message.frame);
        post({ op: 'received' });
        break;
      case 'dispose':
        runner?.dispose();
        port.close();
        break;
    }
  };
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => void handle(data);
  post({ op: 'ready' });
}
