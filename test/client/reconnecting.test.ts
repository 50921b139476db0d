// The socket that survives its connections, over real WebSockets with a scripted server.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { memoryTickets, type BlindsaltError, type ReconnectingOptions } from '../../src/client/node.js';
import type { ConnectOptions } from '../../src/client/options.js';
import type { ReconnectingSocket } from '../../src/client/reconnecting.js';
import { ScriptedService } from '../support/scripted-service.js';

const PASSWORD = 'correct horse battery';
const ALICE = { username: 'alice', password: PASSWORD };

let service: ScriptedService;
let made: ReconnectingSocket[] = [];
beforeEach(async () => {
  service = new ScriptedService();
  await service.start();
  for (const username of ['alice', 'bob']) {
    (await service.connect({ tickets: false }).signup({ username, password: PASSWORD })).close();
  }
  service.starts.length = 0;
});
afterEach(async () => {
  for (const socket of made) socket.close();
  made = [];
  await service.stop();
});

interface Watched {
  readonly socket: ReconnectingSocket;
  readonly events: string[];
  readonly reasons: (string | undefined)[];
}

function reconnecting(options: Partial<ReconnectingOptions> = {}, connectOptions: ConnectOptions = {}): Watched {
  const reasons: (string | undefined)[] = [];
  const socket = service.connect(connectOptions).reconnecting({
    initialDelayMs: 10,
    maxDelayMs: 50,
    credentials: (reason) => {
      reasons.push(reason?.code);
      return ALICE;
    },
    ...options,
  });
  made.push(socket);
  const events: string[] = [];
  for (const type of ['open', 'authenticated', 'resumed', 'reconnecting', 'expired', 'revoked', 'error'] as const) {
    socket.addEventListener(type, () => events.push(type));
  }
  socket.addEventListener('close', ({ code }) => events.push(`close ${code}`));
  return { socket, events, reasons };
}

const next = async <T extends Event>(socket: EventTarget, type: string): Promise<T> =>
  (await once(socket, type))[0] as T;

describe('a lost connection', () => {
  test.each([
    ['cut', (): void => service.last.socket.terminate()],
    ['server stopped', (): void => service.last.socket.close(1001)],
    ['try later', (): void => service.last.socket.close(4450)],
  ])('(%s) is resumed by ticket, nobody is asked, messages go on', async (_name, lose) => {
    const { socket, events, reasons } = reconnecting();
    expect([socket.readyState, socket.session]).toEqual([0, undefined]);
    socket.send('early');
    await next(socket, 'authenticated');
    expect(socket.readyState).toBe(1);
    const { sessionId } = socket.session!;
    const heard: unknown[] = [];
    socket.onmessage = ({ data }) => heard.push(data);
    // What is under way when a connection breaks may be lost.
    while (service.last.messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    lose();
    await next(socket, 'reconnecting');
    expect(socket.readyState).toBe(0);
    socket.send('meanwhile');
    socket.send(Uint8Array.of(1));
    await next(socket, 'resumed');
    expect(socket.session).toMatchObject({ sessionId, level: 'resumed' });
    service.last.socket.send('back');
    await next(socket, 'message');
    expect(heard).toEqual(['back']);
    expect(service.peers.at(-2)!.messages).toEqual(['early']);
    expect(service.last.messages[0]).toBe('meanwhile');
    expect(events).toEqual(['open', 'authenticated', 'reconnecting', 'resumed']);
    expect(reasons).toEqual([undefined]);
  });

  test('many times, with failures in between, and answers that get lost', async () => {
    const { socket, reasons } = reconnecting();
    await next(socket, 'authenticated');
    for (let i = 0; i < 5; i++) {
      service.mishaps.push('cut-hello', 'cut-welcome', { error: 'server-error' }, 'cut-welcome');
      service.last.socket.terminate();
      await next(socket, 'resumed');
    }
    expect(reasons).toEqual([undefined]);
    expect(service.server.sessions.size).toBe(3);
  });

  test('retry-after is obeyed, by the ticket too; clocks that are set do not matter', async () => {
    const { socket } = reconnecting();
    await next(socket, 'authenticated');
    service.mishaps.push({ error: 'try-later', retryAfter: 1 });
    const now = Date.now;
    Date.now = () => now() - 86_400_000;
    try {
      service.last.socket.terminate();
      await next(socket, 'reconnecting');
      const event = await next<Event & { delayMs: number; error: BlindsaltError }>(socket, 'reconnecting');
      expect(event.error).toMatchObject({ code: 'try-later', retryAfterMs: 1000 });
      expect(event.delayMs).toBeGreaterThanOrEqual(1000);
      Date.now = () => now() + 86_400_000;
      await next(socket, 'resumed');
    } finally {
      Date.now = now;
    }
  });

  test('a server that is not there at first', async () => {
    service.mishaps.push('cut-hello', 'cut-hello');
    const { socket, events } = reconnecting();
    await next(socket, 'authenticated');
    expect(events).toEqual(['reconnecting', 'reconnecting', 'open', 'authenticated']);
  });
});

describe('a session that is over', () => {
  test.each([
    ['expired', 4431, 'session-expired'],
    ['revoked', 4432, 'session-revoked'],
    ['revoked', 4433, 'account-disabled'],
  ])('%s by close %i: the application is asked, and told why', async (type, code, reason) => {
    const { socket, events, reasons } = reconnecting();
    await next(socket, 'authenticated');
    const { sessionId } = socket.session!;
    service.last.socket.close(code);
    await next(socket, 'authenticated');
    expect(socket.session!.sessionId).not.toBe(sessionId);
    expect(events).toEqual(['open', 'authenticated', type, 'reconnecting', 'authenticated']);
    expect(reasons).toEqual([undefined, reason]);
  });

  test('found out when it is resumed', async () => {
    const { socket, events, reasons } = reconnecting();
    await next(socket, 'authenticated');
    service.mishaps.push({ error: 'session-expired' });
    service.last.socket.terminate();
    await next(socket, 'authenticated');
    expect(events).toEqual(['open', 'authenticated', 'reconnecting', 'expired', 'authenticated']);
    expect(reasons).toEqual([undefined, 'session-expired']);
    service.mishaps.push({ error: 'resume-failed' });
    service.last.socket.terminate();
    await next(socket, 'authenticated');
    expect(reasons.at(-1)).toBe('resume-failed');
  });

  test('somebody else logs in: what waited is dropped', async () => {
    let user = 'alice';
    const { socket } = reconnecting({ credentials: () => ({ username: user, password: PASSWORD }) });
    await next(socket, 'authenticated');
    service.mishaps.push('cut-hello', { error: 'session-revoked' });
    service.last.socket.terminate();
    await next(socket, 'reconnecting');
    socket.send('of alice');
    user = 'bob';
    await next(socket, 'authenticated');
    socket.send('of bob');
    await once(service.last.socket, 'message');
    expect(service.last.messages).toEqual(['of bob']);
  });
});

describe('it ends', () => {
  test.each([1000, 4400, 4404, 4435])('when the server closes with %i', async (code) => {
    const { socket, events } = reconnecting();
    await next(socket, 'authenticated');
    service.last.socket.close(code);
    await next(socket, 'close');
    expect(events).toEqual(['open', 'authenticated', `close ${code}`]);
    expect(socket.readyState).toBe(3);
    expect(() => socket.send('late')).not.toThrow();
  });

  test('with a refused password, which is sent once, whoever gives it', async () => {
    const wrong = { username: 'alice', password: 'wrong' };
    for (const credentials of [wrong, () => wrong]) {
      service.starts.length = 0;
      const { socket, events } = reconnecting({ credentials });
      const error = await next<Event & { error: BlindsaltError }>(socket, 'error');
      expect(error.error.code).toBe('login-failed');
      expect(service.starts).toEqual(['loginStart']);
      await new Promise((resolve) => setTimeout(resolve));
      expect(events.at(-1)).toBe('close 4449');
    }
  });

  test('when the user has too many sessions: nobody is asked again', async () => {
    service.mishaps.push({ error: 'too-many-sessions' });
    const { socket, events, reasons } = reconnecting();
    expect(await next(socket, 'close')).toMatchObject({ code: 4436, reason: 'too-many-sessions' });
    expect(events).toEqual(['error', 'close 4436']);
    expect(reasons).toEqual([undefined]);
    expect(service.starts).toEqual(['loginStart']);
  });

  test('not with a mistyped one, if there is somebody to ask', async () => {
    const typed = ['wrong', 'also wrong', PASSWORD];
    const reasons: unknown[] = [];
    const { socket } = reconnecting({
      credentials: (reason) => {
        reasons.push(reason?.code);
        return { username: 'alice', password: typed.shift()! };
      },
    });
    await next(socket, 'authenticated');
    expect(reasons).toEqual([undefined, 'login-failed', 'login-failed']);
  });

  test('when nobody gives credentials', async () => {
    const { socket } = reconnecting({ credentials: () => undefined });
    expect(await next(socket, 'close')).toMatchObject({ code: 4449, reason: 'aborted' });
    expect(service.starts).toEqual([]);
  });

  test('when it is closed: under way, waiting, live, by signal', async () => {
    const live = reconnecting().socket;
    await next(live, 'authenticated');
    live.close(4000, 'done');
    expect(await next(live, 'close')).toMatchObject({ code: 4000 });

    service.mishaps.push('silent');
    const busy = reconnecting().socket;
    await new Promise((resolve) => setTimeout(resolve, 100));
    busy.close();
    expect(await next(busy, 'close')).toMatchObject({ code: 1006 });

    service.mishaps.push('cut-hello');
    const waiting = reconnecting({ initialDelayMs: 60_000, maxDelayMs: 60_000 }).socket;
    await next(waiting, 'reconnecting');
    waiting.close();
    await next(waiting, 'close');

    const controller = new AbortController();
    const aborted = reconnecting({}, { signal: controller.signal }).socket;
    await next(aborted, 'authenticated');
    controller.abort();
    await next(aborted, 'close');
    expect(aborted.readyState).toBe(3);
  });

  test('by logout, also without a connection', async () => {
    const tickets = memoryTickets();
    const { socket } = reconnecting({}, { tickets });
    await next(socket, 'authenticated');
    await socket.logout();
    expect(socket.readyState).not.toBe(1);
    await expect(service.connect({ tickets }).resume()).rejects.toMatchObject({ reason: 'no-ticket' });

    const offline = reconnecting({ initialDelayMs: 60_000, maxDelayMs: 60_000 }, { tickets }).socket;
    await next(offline, 'authenticated');
    service.last.socket.terminate();
    await next(offline, 'reconnecting');
    await expect(offline.logout({ everywhere: true })).rejects.toMatchObject({ code: 'connection-closed' });
    await offline.logout();
    await expect(service.connect({ tickets }).resume()).rejects.toMatchObject({ reason: 'no-ticket' });
  });
});

describe('messages that wait', () => {
  test('reject-new: those that do not fit are refused; the others go out in order', async () => {
    const { socket } = reconnecting({ maxQueuedBytes: 10 });
    socket.send('12345');
    const bytes = Uint8Array.of(49, 50);
    socket.send(bytes);
    bytes.fill(0);
    expect(socket.bufferedAmount).toBe(7);
    expect(() => socket.send('1234')).toThrow(expect.objectContaining({ name: 'QuotaExceededError' }));
    socket.send('abc');
    await next(socket, 'authenticated');
    await once(service.last.socket, 'message');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(service.last.messages).toEqual(['12345', '0x3132', 'abc']);
    expect(socket.bufferedAmount).toBe(0);
  });

  test('drop-oldest', async () => {
    const { socket } = reconnecting({ maxQueuedBytes: 10, whenFull: 'drop-oldest' });
    for (const text of ['first', 'second', 'ab']) socket.send(text);
    expect(() => socket.send('longer than all')).toThrow(expect.objectContaining({ name: 'QuotaExceededError' }));
    await next(socket, 'authenticated');
    await once(service.last.socket, 'message');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(service.last.messages).toEqual(['second', 'ab']);
  });
});

test('options that make no sense', () => {
  for (const options of [{ credentials: 1 }, { maxQueuedBytes: -1 }, { initialDelayMs: 0.5 }, { whenFull: 'x' }]) {
    expect(() => reconnecting(options as never)).toThrow(expect.objectContaining({ code: 'option-invalid' }));
  }
  expect(() => service.connect({}).reconnecting(undefined as never)).toThrow(
    expect.objectContaining({ code: 'option-invalid', message: expect.stringContaining('credentials must be') }),
  );
});
