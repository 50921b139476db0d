import { createInterface } from 'node:readline';
import { BlindsaltError } from '../../proto/index.js';
import { errorOfClose } from '../client/errors.js';
import type { BlindsaltSocket } from '../client/websocket.js';
import { output, shown } from './output.js';

interface Options {
  /** Frames as JSON, one a line. */
  readonly json: boolean;
}

/** How long the other end may take to answer one frame. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Sends each line of standard input as a text frame and prints each frame, until either end closes.
 * @param options `leave` is called at the end of the input, and closes the connection
 */
export async function talk(
  socket: BlindsaltSocket,
  { leave, ...options }: Options & { readonly leave: () => void },
): Promise<void> {
  socket.binaryType = 'arraybuffer';
  const lines = createInterface({ input: process.stdin, terminal: false });
  const end = new Promise<void>((resolve, reject) => {
    let leaving = false;
    const finish = (): void => {
      leaving = true;
      leave();
    };
    lines.on('line', (line) => socket.send(line));
    lines.on('close', finish);
    // After --password-stdin it was read to its end already, and does not end again.
    if (process.stdin.readableEnded) finish();
    socket.addEventListener('close', ({ code, reason }) => {
      if (leaving) resolve();
      else reject(lostConnection(code, reason));
    });
    // Last, so that nothing is missed: messages wait for this listener.
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => print(data, options));
  });
  try {
    await end;
  } finally {
    lines.close();
  }
}

/** Sends one text frame, prints the first frame that comes. */
export async function sendOne(socket: BlindsaltSocket, text: string, options: Options): Promise<void> {
  socket.binaryType = 'arraybuffer';
  let timer: NodeJS.Timeout | undefined;
  const answer = new Promise<string | ArrayBuffer>((resolve, reject) => {
    timer = setTimeout(() => reject(new BlindsaltError('timeout', 'The server sent no answer.')), ANSWER_TIMEOUT_MS);
    socket.addEventListener('close', ({ code, reason }) => reject(lostConnection(code, reason)));
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => resolve(data));
  });
  try {
    socket.send(text);
    print(await answer, options);
  } finally {
    clearTimeout(timer);
  }
}

function lostConnection(code: number, reason: string): BlindsaltError {
  const error = errorOfClose(code);
  if (error.code !== 'connection-closed') return error;
  const why = reason === '' ? '' : ` (${reason})`;
  return new BlindsaltError('connection-closed', `The other end closed the connection: ${code}${why}.`, {
    closeCode: code,
  });
}

function print(data: string | ArrayBuffer, { json }: Options): void {
  const isText = typeof data === 'string';
  const content = isText ? data : Buffer.from(data).toString('base64');
  if (json) output.json({ type: isText ? 'text' : 'binary', data: content });
  else output.line(isText ? shown(content) : `<binary, base64> ${content}`);
}
