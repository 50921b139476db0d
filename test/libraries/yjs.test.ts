// Yjs documents that converge over authenticated connections: y-websocket's provider, and y-protocols behind our server.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { retryAfterClose, type WebSocketClass } from '../../src/client/node.js';
import { startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';
import { serveDocuments } from '../support/yjs-server.js';

let server: AuthenticatedServer;
let Alice: WebSocketClass;
let Bob: WebSocketClass;
let endDocuments: () => void;
const authors: string[] = [];
beforeAll(async () => {
  server = await startAuthenticatedServer();
  endDocuments = serveDocuments(server.wss, (socket) => authors.push(socket.session.username));
  [Alice, Bob] = [await server.member('alice'), await server.member('bob')];
});
const providers: WebsocketProvider[] = [];
afterEach(() => {
  for (const provider of providers.splice(0)) {
    provider.destroy();
    provider.doc.destroy();
  }
});
afterAll(async () => {
  endDocuments();
  await server.stop();
});

function join(room: string, WebSocketPolyfill: WebSocketClass, doc = new Y.Doc()): WebsocketProvider {
  const provider = new WebsocketProvider(server.url, room, doc, {
    WebSocketPolyfill: WebSocketPolyfill as unknown as typeof WebSocket,
    disableBc: true,
    maxBackoffTime: 50,
    shouldReconnect: ({ code }) => retryAfterClose(code) === 'later',
  });
  providers.push(provider);
  return provider;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}
const text = ({ doc }: WebsocketProvider): Y.Text => doc.getText('text');
const words = (provider: WebsocketProvider): string => text(provider).toJSON();

describe('y-websocket', () => {
  test('two documents of two users converge, with edits from before, from both sides and at the same time', async () => {
    const first = new Y.Doc();
    first.getText('text').insert(0, 'written before; ');
    const alice = join('minutes', Alice, first);
    const bob = join('minutes', Bob);
    await until(() => alice.synced && bob.synced);
    text(bob).insert(text(bob).length, 'Bob writes; ');
    await until(() => words(alice).includes('Bob'));
    for (let i = 0; i < 50; i++) {
      text(alice).insert(0, `a${i} `);
      text(bob).insert(text(bob).length, `b${i} `);
    }
    await until(() => text(alice).length === text(bob).length && words(alice).includes('b49'));
    expect(words(alice)).toBe(words(bob));
    expect(words(bob)).toContain('written before; ');
    expect(new Set(authors)).toEqual(new Set(['alice', 'bob']));
    const other = join('another room', Bob);
    await until(() => other.synced);
    expect(words(other)).toBe('');
  });

  test('awareness: who is here, and that they left', async () => {
    const [alice, bob] = [join('presence', Alice), join('presence', Bob)];
    alice.awareness.setLocalStateField('name', 'Alice');
    const names = (): unknown[] => [...bob.awareness.getStates().values()].map(({ name }) => name as unknown);
    await until(() => names().includes('Alice'));
    alice.disconnect();
    await until(() => !names().includes('Alice'));
  });

  test('after a lost connection what was written meanwhile arrives', async () => {
    const [alice, bob] = [join('outage', Alice), join('outage', Bob)];
    await until(() => alice.synced && bob.synced);
    const down = new Promise((resolve) => alice.once('connection-close', resolve as () => void));
    for (const socket of server.wss.clients) socket.terminate();
    await down;
    text(alice).insert(0, 'offline');
    await until(() => words(bob) === 'offline');
  });

  test('a wrong password: one attempt, then closed for good', async () => {
    let dialled = 0;
    server.wss.on('headers', () => dialled++);
    const provider = join('minutes', server.classFor({ username: 'bob', password: 'not the password' }));
    const closed = await new Promise<{ code: number; reason: string }>((resolve) => provider.once('closed', resolve));
    expect(closed).toEqual({ code: 4449, reason: 'login-failed' });
    await delay(300);
    expect(dialled).toBe(1);
    expect(provider.shouldConnect).toBe(false);
  });
});
