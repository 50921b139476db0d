// What needs the password on an open connection, in a real browser: in the Worker, and in the page where there is none.
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import type * as Client from '../../src/client/browser.js';
import { startChromium } from '../support/browser.js';
import { startBrowserService } from '../support/browser-service.js';

jest.setTimeout(90_000);

const service = await startBrowserService();
const started = await startChromium('');
const inBrowser = started.browser === undefined ? test.skip : test;
afterAll(async () => {
  await started.browser?.close();
  await service.stop();
});

const PASSWORD = 'correct horse battery';
const NEW_PASSWORD = 'battery correct horse';

/** What the pages of these tests keep between steps. */
interface Kept {
  socket: Client.BlindsaltSocket;
  chat: ReturnType<typeof Client.connect>;
  /** Why Workers were not used. */
  unavailable: string[];
  closeCode: Promise<number>;
}

interface Tab {
  readonly page: Page;
  /** The scripts of the Workers that the page started. */
  readonly workers: string[];
  /** Everything that it sent. */
  readonly sent: string[];
}

async function openTab(path = '/'): Promise<Tab> {
  const context = await started.browser!.newContext();
  const page = await context.newPage();
  const workers: string[] = [];
  const sent: string[] = [];
  page.on('worker', (worker) => workers.push(new URL(worker.url()).pathname));
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      sent.push(payload.toString());
    }),
  );
  await page.goto(service.origin + path);
  return { page, workers, sent };
}

/** Enters as an application would; the level of the session, or the code of the error. */
function enter({ page }: Tab, how: 'signup' | 'login' | 'resume', username: string, password = PASSWORD) {
  return page.evaluate(
    async ([method, credentials]) => {
      const path = '/client.js';
      const client = (await import(path)) as typeof Client;
      const kept = globalThis as unknown as Kept;
      kept.unavailable ??= [];
      const onWorkerUnavailable = (cause: unknown): void => void kept.unavailable.push((cause as Error).name);
      kept.chat ??= client.connect('/', { onWorkerUnavailable });
      try {
        kept.socket = method === 'resume' ? await kept.chat.resume() : await kept.chat[method](credentials);
      } catch (error) {
        return (error as Client.BlindsaltError).code;
      }
      kept.closeCode = new Promise((resolve) => kept.socket.addEventListener('close', ({ code }) => resolve(code)));
      return kept.socket.session.level;
    },
    [how, { username, password }] as const,
  );
}

/** The level of the session afterwards, or the code of the error. */
function ask({ page }: Tab, how: 'stepUp' | 'changePassword', request: { password: string; newPassword: string }) {
  return page.evaluate(
    async ([method, given]) => {
      const { socket } = globalThis as unknown as Kept;
      try {
        await socket[method](given);
        return socket.session.level;
      } catch (error) {
        return (error as Client.BlindsaltError).code;
      }
    },
    [how, request] as const,
  );
}

/** Whether the connection still carries messages. */
function echo({ page }: Tab): Promise<unknown> {
  return page.evaluate(async () => {
    const { socket } = globalThis as unknown as Kept;
    const answer = new Promise((resolve) => {
      socket.onmessage = ({ data }: MessageEvent<unknown>) => resolve(data);
    });
    socket.send('still here');
    return answer;
  });
}

const unavailable = ({ page }: Tab): Promise<string[]> =>
  page.evaluate(() => (globalThis as unknown as Kept).unavailable);
const closeCode = ({ page }: Tab): Promise<number> => page.evaluate(() => (globalThis as unknown as Kept).closeCode);
const passwords = { password: PASSWORD, newPassword: NEW_PASSWORD };

describe(`in ${started.browser ? `Chromium ${started.browser.version()}` : `a browser (skipped: ${started.reason})`}`, () => {
  inBrowser('step-up in a Worker of its own; a wrong password leaves the connection as it is', async () => {
    const tab = await openTab();
    expect(await enter(tab, 'signup', 'alice')).toBe('password');
    expect(await enter(tab, 'resume', 'alice')).toBe('resumed');
    // Resuming needs no Worker.
    expect(tab.workers).toEqual(['/worker.js']);
    expect(await ask(tab, 'stepUp', { ...passwords, password: 'wrong horse' })).toBe('login-failed');
    expect(await echo(tab)).toBe('still here');
    expect(await ask(tab, 'stepUp', passwords)).toBe('password');
    expect(await echo(tab)).toBe('still here');
    expect(tab.workers).toEqual(['/worker.js', '/worker.js', '/worker.js']);
    expect(tab.page.workers()).toEqual([]);
    expect(await unavailable(tab)).toEqual([]);
    // The ticket of before is worth nothing now; the one that step-up brought is.
    expect(await enter(tab, 'resume', 'alice')).toBe('resumed');
  });

  inBrowser('a password change in a Worker ends the other sessions; both passwords stay in the machine', async () => {
    const tab = await openTab();
    expect(await enter(tab, 'signup', 'bob')).toBe('password');
    const other = await openTab();
    expect(await enter(other, 'login', 'bob')).toBe('password');
    expect(await ask(tab, 'changePassword', { ...passwords, password: 'wrong horse' })).toBe('login-failed');
    expect(await ask(tab, 'changePassword', { ...passwords, newPassword: 'short' })).toBe('password-invalid');
    expect(await ask(tab, 'changePassword', passwords)).toBe('password');
    expect(await closeCode(other)).toBe(4432);
    expect(await echo(tab)).toBe('still here');
    expect(new Set(tab.workers)).toEqual(new Set(['/worker.js']));
    expect(tab.workers.length).toBeGreaterThanOrEqual(3);
    expect(tab.page.workers()).toEqual([]);
    expect(await unavailable(tab)).toEqual([]);
    expect(tab.sent.filter((text) => text.includes(PASSWORD) || text.includes(NEW_PASSWORD))).toEqual([]);
    expect(await enter(tab, 'resume', 'bob')).toBe('resumed');
    expect(await enter(other, 'login', 'bob')).toBe('login-failed');
    expect(await enter(other, 'login', 'bob', NEW_PASSWORD)).toBe('password');
  });

  inBrowser('a page that may start no Worker does both in its own thread, and is told', async () => {
    const tab = await openTab('/no-worker');
    expect(await enter(tab, 'signup', 'carol')).toBe('password');
    expect(await enter(tab, 'resume', 'carol')).toBe('resumed');
    expect(await ask(tab, 'stepUp', passwords)).toBe('password');
    expect(await ask(tab, 'changePassword', passwords)).toBe('password');
    expect(await echo(tab)).toBe('still here');
    expect(tab.workers).toEqual([]);
    expect((await unavailable(tab)).length).toBeGreaterThanOrEqual(3);
    expect(await enter(tab, 'login', 'carol', NEW_PASSWORD)).toBe('password');
  });
});
