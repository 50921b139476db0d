// What a server may send before the client knows that it is the right one, when the runner is busy as a Worker is.
import { expect, test } from '@jest/globals';
import { Attempt, type AttemptJob } from '../../src/client/attempt.js';
import { settle } from '../../src/client/options.js';

function start() {
  const left: string[] = [];
  const socket = {
    ...{ binaryType: '', readyState: 1, bufferedAmount: 0, extensions: '', protocol: 'blindsalt.v1', url: '' },
    onopen: null as (() => void) | null,
    onmessage: null as ((event: { data: ArrayBuffer | string }) => void) | null,
    ...{ onclose: null, onerror: null },
    send: () => undefined,
    close: () => undefined,
  };
  const runner = {
    prepare: async () => undefined,
    open: () => undefined,
    receive: () => new Promise<void>(() => undefined),
    dispose: () => void left.push('runner'),
  };
  const platform = {
    origin: '',
    dial: () => ({ socket, bindings: () => [], failure: () => undefined, leave: () => void left.push('socket') }),
    createRunner: () => runner,
  };
  const job = { mode: 'login', password: new Uint8Array(8) } as unknown as AttemptJob;
  const result = new Attempt(platform, settle('wss://a.example', {}), job).run();
  return { socket, left, result };
}

test.each<[string, number, () => ArrayBuffer | string]>([
  ['large messages', 16, () => new ArrayBuffer(65_536)],
  ['texts', 8, () => 'x'.repeat(65_536)],
  ['empty messages', 8193, () => ''],
])('over 1 MiB behind a welcome that is not known to be true yet: %s', async (_name, count, message) => {
  const { socket, left, result } = start();
  await new Promise((resolve) => setImmediate(resolve));
  socket.onopen!();
  socket.onmessage!({ data: Uint8Array.of(0xc1, 0x91, 2).buffer });
  for (let i = 1; i < count; i++) socket.onmessage!({ data: message() });
  expect(left).toEqual([]);
  socket.onmessage!({ data: message() });
  await expect(result).rejects.toMatchObject({ code: 'protocol-error', message: expect.stringContaining('1 MiB') });
  expect(left).toEqual(['runner', 'socket']);
});
