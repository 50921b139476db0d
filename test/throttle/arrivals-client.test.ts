// The clients' side of what succeeds too often: over TLS, with the real server.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, memoryTickets, type TicketStore } from '../../src/client/node.js';
import { PASSWORD, startAuthenticatedServer, type AuthenticatedServer } from '../support/authenticated-server.js';

const BURST = 4;
const RATE = { burst: BURST, seconds: 600 };

let server: AuthenticatedServer;
beforeAll(async () => {
  server = await startAuthenticatedServer({ throttle: { arrivals: RATE, resumptions: RATE } });
}, 30_000);
afterAll(() => server.stop());

test('a client is told to come later, by resume and login, and keeps its ticket', async () => {
  const memory = memoryTickets();
  let removed = 0;
  const tickets: TicketStore = {
    load: (...args) => memory.load(...args),
    store: (...args) => memory.store(...args),
    remove: (...args) => ((removed += 1), memory.remove(...args)),
  };
  const client = connect(server.url, { ca: server.ca, tickets });
  (await client.signup({ username: 'anna', password: PASSWORD })).close();
  let refusal: { code?: string; retryAfterMs?: number } | undefined;
  for (let i = 0; refusal === undefined && i < 3 * BURST; i++) {
    await client.resume().then(
      (socket) => socket.close(),
      (error: unknown) => (refusal = error as object),
    );
  }
  expect(refusal).toMatchObject({ code: 'try-later' });
  expect(refusal!.retryAfterMs).toBeGreaterThan(0);
  await expect(client.resume()).rejects.toMatchObject({ code: 'try-later' });
  expect(removed).toBe(0);
  const login = () => client.login({ username: 'anna', password: PASSWORD });
  let logins = 0;
  const refused = (async () => {
    for (; logins < 3 * BURST; logins++) (await login()).close();
  })();
  await expect(refused).rejects.toMatchObject({ code: 'try-later' });
  // The sign-up was the first.
  expect(logins).toBe(BURST - 1);
}, 60_000);
