// The class that logs in: credentials, refusals and close codes. What any WebSocket object does is in test/libraries.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket as PlainSocket } from 'ws';
import {
  AuthenticatedWebSocket,
  BlindsaltError,
  BlindsaltSocket,
  CLOSE,
  FAILURE_CLOSE,
  type LoginErrorEvent,
  memoryTickets,
  retryAfterClose,
  webSocketClass,
  type WebSocketClass,
} from '../../src/client/node.js';
import { PASSWORD, startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';

const alice = { username: 'alice', password: PASSWORD };
let server: AuthenticatedServer;
let dialled = 0;
beforeAll(async () => {
  server = await startAuthenticatedServer({ limits: { maxUnauthenticated: 2 } });
  server.wss.on('connection', (socket) => socket.send(`hello ${socket.session.username}`));
  server.wss.on('headers', () => dialled++);
  await server.member('alice');
});
beforeEach(() => {
  dialled = 0;
});
afterAll(async () => {
  await server.stop();
});

const next = <E extends Event>(socket: AuthenticatedWebSocket, type: string): Promise<E> =>
  new Promise((resolve) => socket.addEventListener(type, (event: Event) => resolve(event as E), { once: true }));

interface Outcome {
  readonly code: string | undefined;
  readonly close: number;
  readonly reason: string;
}

/** How a socket ends that does not open. */
async function failure(socket: AuthenticatedWebSocket): Promise<Outcome> {
  const opened = next(socket, 'open').then(() => Promise.reject(new Error('it opened')));
  opened.catch(() => undefined);
  const error = next<LoginErrorEvent>(socket, 'error');
  const close = await Promise.race([next<CloseEvent>(socket, 'close'), opened]);
  const told = (await error).error;
  expect(told.closeCode).toBe(close.code);
  return { code: told.code, close: close.code, reason: close.reason };
}

const open = async (Class: WebSocketClass): Promise<AuthenticatedWebSocket> => {
  const socket = new Class(server.url);
  await next(socket, 'open');
  return socket;
};

const refused = { code: 'login-failed', close: 4449, reason: 'login-failed' };

describe('credentials', () => {
  test('an object, a function, a promise; the session is there from open on', async () => {
    for (const source of [alice, () => alice, async () => alice]) {
      const socket = new (server.classFor(source))(server.url);
      expect(socket).toBeInstanceOf(AuthenticatedWebSocket);
      expect([socket.session, socket.authenticated]).toEqual([undefined, undefined]);
      expect((await next<MessageEvent>(socket, 'message')).data).toBe('hello alice');
      expect(socket.session).toMatchObject({ username: 'alice', roles: [] });
      expect(socket.authenticated).toBeInstanceOf(BlindsaltSocket);
      expect(socket.authenticated?.session).toBe(socket.session);
      socket.close();
    }
  });

  test('are asked for before every attempt, with the refusal when there was one', async () => {
    const asked: (string | undefined)[] = [];
    const answers = [{ ...alice, password: 'typed wrong' }, alice, alice];
    const Class = server.classFor((refusal) => {
      asked.push(refusal?.code);
      return answers[asked.length - 1];
    });
    expect(await failure(new Class(server.url))).toEqual(refused);
    (await open(Class)).close();
    (await open(Class)).close();
    expect(asked).toEqual([undefined, 'login-failed', undefined]);
  });

  test('that were refused are not sent again, until there are others', async () => {
    let credentials = { ...alice, password: 'typed wrong' };
    const Class = server.classFor(() => ({ ...credentials }));
    for (let i = 0; i < 3; i++) expect(await failure(new Class(server.url))).toEqual(refused);
    expect(dialled).toBe(1);
    credentials = { username: 'alic', password: 'etyped wrong' };
    expect(await failure(new Class(server.url))).toEqual(refused);
    expect(dialled).toBe(2);
    credentials = alice;
    (await open(Class)).close();
    expect(dialled).toBe(3);
  });

  test('several sockets at once with a wrong password are one guess; with the right one all open', async () => {
    const Wrong = server.classFor({ ...alice, password: 'typed wrong' });
    const outcomes = await Promise.all([1, 2, 3].map(() => failure(new Wrong(server.url))));
    expect(outcomes).toEqual([refused, refused, refused]);
    expect(dialled).toBe(1);
    const Right = server.classFor(alice);
    for (const socket of await Promise.all([1, 2, 3].map(() => open(Right)))) socket.close();
  });

  test('none, or a failure to get them: 4449, and nothing is dialled', async () => {
    const sources = [
      () => null,
      () => undefined,
      () => {
        throw new Error('no keychain');
      },
      () => Promise.reject(new Error('cancelled')),
    ];
    for (const source of sources) {
      expect(await failure(new (server.classFor(source))(server.url))).toEqual({
        code: 'aborted',
        close: FAILURE_CLOSE.loginFailed,
        reason: 'aborted',
      });
    }
    expect(dialled).toBe(0);
  });

  test('close while somebody is being asked; the next socket asks anew', async () => {
    let asked = 0;
    const Class = server.classFor(() => (++asked === 1 ? new Promise(() => undefined) : alice));
    const socket = new Class(server.url);
    await delay(10);
    socket.close();
    expect((await next<CloseEvent>(socket, 'close')).code).toBe(1006);
    (await open(Class)).close();
    expect([asked, dialled]).toEqual([2, 1]);
  });
});

describe('sessions', () => {
  const closed = async (...sockets: AuthenticatedWebSocket[]): Promise<void> => {
    await Promise.all(
      sockets.map((socket) => {
        const close = next(socket, 'close');
        socket.close();
        return close;
      }),
    );
  };
  const idOf = ({ session }: AuthenticatedWebSocket): string => session!.sessionId;

  test('the next socket goes on with the session, and the password is not asked for', async () => {
    let asked = 0;
    const password = (): string => {
      asked += 1;
      return PASSWORD;
    };
    const Class = server.classFor(() => ({ username: 'Alice', password }));
    const first = await open(Class);
    await closed(first);
    for (let i = 0; i < 3; i++) {
      const socket = await open(Class);
      expect(socket.session).toMatchObject({ sessionId: idOf(first), level: 'resumed' });
      await closed(socket);
    }
    expect(asked).toBe(1);
  });

  test('sockets that are open at a time have sessions of their own; a store keeps them for the next class', async () => {
    const tickets = memoryTickets();
    const pair = async (Class: WebSocketClass) => [await open(Class), await open(Class)] as const;
    const first = await pair(server.classFor(alice, { tickets }));
    const ids = new Set(first.map(idOf));
    expect(ids.size).toBe(2);
    await closed(...first);
    const second = await pair(server.classFor(alice, { tickets }));
    expect(new Set(second.map(idOf))).toEqual(ids);
    expect(second.map(({ session }) => session!.level)).toEqual(['resumed', 'resumed']);
    await closed(...second);
  });

  test('another user gets a session of his own, and nobody one without credentials', async () => {
    await server.member('bob');
    let who: object | undefined = alice;
    const Class = server.classFor(() => who as never);
    const first = await open(Class);
    await closed(first);
    who = undefined;
    expect((await failure(new Class(server.url))).code).toBe('aborted');
    who = { username: 'bob', password: PASSWORD };
    const second = await open(Class);
    expect(second.session).toMatchObject({ username: 'bob', level: 'password' });
    expect(idOf(second)).not.toBe(idOf(first));
    await closed(second);
  });

  test('a session that was ended, by its user or by others: the password decides', async () => {
    const Class = server.classFor(alice);
    const first = await open(Class);
    const gone = next(first, 'close');
    await first.authenticated!.logout();
    await gone;
    const second = await open(Class);
    expect(second.session!.level).toBe('password');
    await closed(second);
    await server.engine.admin.endSessions('alice', { sessionId: idOf(second) });
    const third = await open(Class);
    expect(third.session!.level).toBe('password');
    await closed(third);
  });

  test('tickets: false', async () => {
    const Class = server.classFor(alice, { tickets: false });
    const first = await open(Class);
    await closed(first);
    const second = await open(Class);
    expect(second.session!.level).toBe('password');
    await closed(second);
  });

  test('a wrong URL uses up no place', async () => {
    const Class = server.classFor(alice);
    const first = await open(Class);
    await closed(first);
    for (let i = 0; i < 20; i++) expect(() => new Class('ws://chat.example/')).toThrow();
    const second = await open(Class);
    expect(idOf(second)).toBe(idOf(first));
    await closed(second);
  });
});

describe('failures', () => {
  test.each<[string, object, Outcome]>([
    [
      'a username that is none',
      { username: 'a b' },
      { code: 'username-invalid', close: 4449, reason: 'username-invalid' },
    ],
    ['an empty password', { password: '' }, { code: 'password-invalid', close: 4449, reason: 'password-invalid' }],
  ])('%s', async (_name, change, outcome) => {
    const Class = server.classFor({ ...alice, ...change });
    expect(await failure(new Class(server.url))).toEqual(outcome);
    expect(retryAfterClose(outcome.close)).toBe('login');
  });

  test('what cannot work unchanged: 4429, and the reason says what', async () => {
    const Class = server.classFor(alice, { serverKey: new Uint8Array(32).fill(1) });
    // The envelope opens, and what is in it is not the pinned key.
    expect(await failure(new Class(server.url))).toEqual({
      code: 'server-key-mismatch',
      close: FAILURE_CLOSE.refused,
      reason: 'server-key-mismatch',
    });
    expect(retryAfterClose(FAILURE_CLOSE.refused)).toBe('never');
  });

  test('what the server closed with', async () => {
    const Class = server.classFor(alice, { domain: 'localhost' });
    const url = new URL(server.url);
    url.hostname = '127.0.0.1';
    expect(await failure(new Class(url))).toEqual({
      code: 'target-refused',
      close: CLOSE.targetRefused,
      reason: 'target-refused',
    });
  });

  test('a connection that cannot be made, here because of its certificate: 1006', async () => {
    const Class = webSocketClass({ credentials: alice });
    expect(await failure(new Class(server.url))).toEqual({ code: 'connection-failed', close: 1006, reason: '' });
  });

  test('no room: 4450; and the time to wait is kept by the next socket', async () => {
    const raw = [1, 2].map(() => new PlainSocket(server.url, ['blindsalt.v1'], { ca: server.ca }));
    await Promise.all(raw.map((socket) => new Promise((resolve) => socket.once('open', resolve))));
    const Class = server.classFor(alice);
    expect(await failure(new Class(server.url))).toEqual({
      code: 'try-later',
      close: CLOSE.tryLater,
      reason: 'try-later',
    });
    for (const socket of raw) socket.terminate();
    while (!server.engine.hasRoom) await delay(5);
    dialled = 0;
    const patient = new Class(server.url);
    await delay(200);
    expect([patient.readyState, dialled]).toEqual([0, 0]);
    patient.close();
    await next(patient, 'close');
  });

  test('the application’s signal ends what is under way, and everything after', async () => {
    const ending = new AbortController();
    const Class = server.classFor(alice, { signal: ending.signal });
    const socket = await open(Class);
    const connecting = new Class(server.url);
    ending.abort();
    const aborted = { code: 'aborted', close: 4449, reason: 'aborted' };
    expect(await failure(connecting)).toEqual(aborted);
    expect(await failure(new Class(server.url))).toEqual(aborted);
    expect(socket.readyState).toBe(1);
    socket.close();
  });
});

describe('options and URLs', () => {
  test('wrong options are told when the class is made', () => {
    const make = (options: object | undefined) => () => webSocketClass(options as never);
    for (const options of [
      undefined,
      {},
      { credentials: alice, serverKeys: [] },
      { credentials: 7 },
      { credentials: alice, protocols: 'x' },
      { credentials: alice, timeoutMs: -1 },
    ]) {
      expect(make(options)).toThrow(expect.objectContaining({ code: 'option-invalid' }));
    }
    expect(make({ credentials: alice, domain: 'not a domain' })).toThrow(BlindsaltError);
  });

  test('SecurityError for ws:// beyond loopback; SyntaxError for a name in the URL and too many subprotocols', () => {
    const Class = server.classFor(alice);
    expect(() => new Class('ws://chat.example/')).toThrow(expect.objectContaining({ name: 'SecurityError' }));
    for (const url of ['wss://alice:secret@localhost/', 'wss://alice@localhost/']) {
      expect(() => new Class(url)).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
    }
    const many = Array.from({ length: 9 }, (_, i) => `p${i}`);
    expect(() => new Class(server.url, many)).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
  });

  test('messages that come before the first listener wait for it', async () => {
    const socket = await open(server.classFor(alice));
    await delay(50);
    expect((await next<MessageEvent>(socket, 'message')).data).toBe('hello alice');
    socket.close();
  });

  // Checked by tsc: what asks for the platform's class takes this.
  test('its type is that of the platform’s class', () => {
    const asPlatform: typeof WebSocket = server.classFor(alice);
    expect(asPlatform.OPEN).toBe(1);
  });
});
