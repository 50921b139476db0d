// Tickets in a real browser: IndexedDB, keys that cannot be read, one session for each tab.
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import type * as Client from '../../src/client/browser.js';
import { startChromium } from '../support/browser.js';
import { startBrowserService } from '../support/browser-service.js';

jest.setTimeout(90_000);

const service = await startBrowserService({
  throttle: { account: { burst: 2, seconds: 600 }, newcomers: { burst: 1, seconds: 600 } },
});
const started = await startChromium('');
const inBrowser = started.browser === undefined ? test.skip : test;
afterAll(async () => {
  await started.browser?.close();
  await service.stop();
});

const alice = { username: 'alice', password: 'correct horse battery' };

/** Enters as an application would; the session's id, or the error's code and reason. */
function enter(page: Page, how: 'signup' | 'login' | 'resume', who = alice): Promise<string> {
  return page.evaluate(
    async ([method, given]) => {
      const path = '/client.js';
      const client = (await import(path)) as typeof Client;
      const tickets = client.browserTickets();
      const chat = client.connect('/', { tickets, worker: false });
      try {
        const socket = method === 'resume' ? await chat.resume() : await chat[method](given);
        // Stays open for as long as the page.
        Object.assign(globalThis, { socket });
        return socket.session.sessionId;
      } catch (error) {
        const { code, reason } = error as { code: string; reason?: string };
        return `${code} ${reason ?? ''}`.trim();
      }
    },
    [how, who] as const,
  );
}

async function openTab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(service.origin);
  return page;
}

describe(`in ${started.browser ? `Chromium ${started.browser.version()}` : `a browser (skipped: ${started.reason})`}`, () => {
  inBrowser('a tab resumes its own session when it is loaded again; the key cannot be read', async () => {
    const context = await started.browser!.newContext();
    const tab = await openTab(context);
    expect(await enter(tab, 'resume')).toBe('resume-failed no-ticket');
    const session = await enter(tab, 'signup');
    expect(session).toMatch(/^[0-9a-f]{32}$/);
    for (let i = 0; i < 3; i++) {
      await tab.reload();
      expect(await enter(tab, 'resume')).toBe(session);
    }
    const found = await tab.evaluate(async () => {
      const opening = indexedDB.open('blindsalt');
      await new Promise((resolve) => (opening.onsuccess = resolve));
      const reading = opening.result.transaction('tickets').objectStore('tickets').getAll();
      await new Promise((resolve) => (reading.onsuccess = resolve));
      const [ticket] = reading.result as { key: CryptoKey }[];
      const exported = await crypto.subtle.exportKey('raw', ticket!.key).then(
        () => 'exported',
        (error: Error) => error.name,
      );
      return {
        count: reading.result.length,
        exported,
        extractable: ticket!.key.extractable,
        local: localStorage.length,
      };
    });
    expect(found).toEqual({ count: 1, exported: 'InvalidAccessError', extractable: false, local: 0 });
    await context.close();
  });

  inBrowser('two tabs never share a session; a new tab takes up one that was left', async () => {
    const context = await started.browser!.newContext();
    const first = await openTab(context);
    const one = await enter(first, 'login');
    const second = await openTab(context);
    expect(await enter(second, 'resume')).toBe('resume-failed no-ticket');
    const two = await enter(second, 'login');
    expect(two).not.toBe(one);
    await Promise.all([first.reload(), second.reload()]);
    expect(await Promise.all([enter(first, 'resume'), enter(second, 'resume')])).toEqual([one, two]);
    await first.close();
    const third = await openTab(context);
    expect(await enter(third, 'resume')).toBe(one);
    expect(await enter(await openTab(context), 'resume')).toBe('resume-failed no-ticket');
    await context.close();
  });

  inBrowser('a known device stays known when the page is loaded again, and after a logout', async () => {
    const bob = { username: 'bob', password: 'correct horse battery' };
    const [home, elsewhere] = [await started.browser!.newContext(), await started.browser!.newContext()];
    const tab = await openTab(home);
    expect(await enter(tab, 'signup', bob)).toMatch(/^[0-9a-f]{32}$/);
    await tab.evaluate(() => (globalThis as unknown as { socket: Client.BlindsaltSocket }).socket.logout());
    const strange = await openTab(elsewhere);
    for (let i = 0; i < 2; i++) {
      expect(await enter(strange, 'login', { ...bob, password: 'wrong horse battery' })).toMatch(/^login-failed/);
    }
    // Two mistakes of strangers are all that this server lets through.
    expect(await enter(strange, 'login', bob)).toMatch(/^try-later/);
    await tab.reload();
    expect(await enter(tab, 'login', bob)).toMatch(/^[0-9a-f]{32}$/);
    await Promise.all([home.close(), elsewhere.close()]);
  });
});
