// The built page while its session lasts: limits that come near, connections that are lost, sessions that end elsewhere.
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { joinChat } from '../../src/cli/serve/chat.js';
import { securityHeaders } from '../../src/cli/serve/headers.js';
import { WebSocketServer } from '../../src/server/adapter/ws.js';
import type { Limits } from '../../src/server/index.js';
import { startChromium } from '../support/browser.js';
import { localEngine } from '../support/local-engine.js';
import { accessibilityProblems, logIn, say, signUp } from '../support/page.js';

jest.setTimeout(90_000);

const PASSWORD = 'correct horse battery';
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};
const screenshots = process.env['SCREENSHOTS'] ?? path.join(tmpdir(), 'blindsalt-screenshots');
const started = await startChromium('');
const inBrowser = started.browser === undefined ? test.skip : test;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});
afterAll(() => started.browser?.close());

/** The page and the chat of `serve` with other limits, on http://localhost. */
async function start(limits: Partial<Limits> = {}) {
  const server = createServer((request, response) => {
    const file = request.url === '/' ? 'index.html' : path.basename(request.url ?? '');
    const { port } = server.address() as AddressInfo;
    const headers = securityHeaders({ target: `localhost:${port}`, hsts: false });
    let body: Buffer | string = readFileSync(path.join('dist/page', file));
    if (file === 'index.html') {
      body = body.toString().replace('{{domain}}', 'localhost').replace('{{registration}}', 'open');
    }
    response.writeHead(200, { ...headers, 'Content-Type': TYPES[path.extname(file)] ?? 'text/html' }).end(body);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const engine = await localEngine({ origins: [origin], limits });
  const wss = new WebSocketServer({ noServer: true, engine });
  wss.on('connection', (socket) => joinChat(socket, () => wss.clients));
  let isAway = false;
  server.on('upgrade', (request, socket: Socket, head) => {
    if (isAway) socket.destroy();
    else wss.handleUpgrade(request, socket, head, (client, asked) => wss.emit('connection', client, asked));
  });
  stops.push(async () => {
    await engine.close();
    wss.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const context = await started.browser!.newContext();
  stops.push(() => context.close());
  const page = await context.newPage();
  await page.goto(origin);
  return {
    page,
    engine,
    away: (value: boolean): void => {
      isAway = value;
      if (isAway) for (const client of wss.clients) client.terminate();
    },
  };
}

const notice = (page: Page, words: RegExp) => page.locator('#notice').filter({ hasText: words });
const shot = (name: string): { path: string } => ({ path: path.join(screenshots, `${name}.png`) });

describe(`in ${started.browser ? `Chromium ${started.browser.version()}` : `a browser (skipped: ${started.reason})`}`, () => {
  inBrowser('an idle limit is told before, and put off by a button or a message', async () => {
    const { page } = await start({ idleSeconds: 6, expiryWarningSeconds: 3 });
    await signUp(page, 'alice', PASSWORD);
    await page.getByText('Logged in as alice').waitFor();
    await notice(page, /logged out at .* unless you go on/).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.screenshot(shot('notice-desktop-light'));
    await page.getByRole('button', { name: 'Stay logged in' }).click();
    await page.locator('#notice').waitFor({ state: 'hidden' });
    await notice(page, /unless you go on/).waitFor();
    await say(page, 'still here');
    await page.locator('#notice').waitFor({ state: 'hidden' });
    await page.getByRole('listitem').filter({ hasText: 'still here' }).waitFor();
    await page.getByRole('alert').filter({ hasText: 'for as long as is allowed' }).waitFor();
    expect(await page.locator('#chat').isVisible()).toBe(false);
  });

  inBrowser('an absolute limit is told before; there is nothing to put off', async () => {
    const { page } = await start({ absoluteSeconds: 4, expiryWarningSeconds: 2 });
    await signUp(page, 'alice', PASSWORD);
    await notice(page, /logged out at .* can log in again/).waitFor();
    expect(await page.getByRole('button', { name: 'Stay logged in' }).isVisible()).toBe(false);
    await page.getByRole('alert').filter({ hasText: 'for as long as is allowed' }).waitFor();
    await logIn(page, 'alice', PASSWORD);
    await page.getByText('Logged in as alice').waitFor();
    expect(await page.locator('#notice').isVisible()).toBe(false);
  });

  inBrowser('a lost connection loses neither the session nor what is on the screen', async () => {
    const { page, away } = await start();
    await signUp(page, 'alice', PASSWORD);
    await say(page, 'before');
    await page.getByRole('listitem').filter({ hasText: 'before' }).waitFor();
    // Twice: the second time it is the connection that came back.
    for (const text of ['meanwhile', 'again']) {
      away(true);
      await notice(page, /lost\. Trying to come back/).waitFor();
      await say(page, text);
      await page.getByLabel('Message', { exact: true }).fill('half a mess');
      expect(await accessibilityProblems(page)).toEqual([]);
      await page.screenshot(shot('lost-desktop-light'));
      away(false);
      await page.getByRole('listitem').filter({ hasText: text }).waitFor();
      await page.locator('#notice').waitFor({ state: 'hidden' });
      expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('half a mess');
    }
    expect(await page.getByRole('listitem').count()).toBe(3);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'blindsalt' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'blindsalt' }).waitFor();
    expect(await page.locator('#chat').isVisible()).toBe(false);
  });

  inBrowser('a session that ended meanwhile: the form, with the reason', async () => {
    const { page, engine, away } = await start();
    await signUp(page, 'alice', PASSWORD);
    await page.getByText('Logged in as alice').waitFor();
    away(true);
    await notice(page, /Trying to come back/).waitFor();
    await engine.admin.endSessions('alice');
    away(false);
    await page.getByRole('alert').filter({ hasText: 'logged out elsewhere' }).waitFor();
    await logIn(page, 'alice', PASSWORD);
    await page.getByText('Logged in as alice').waitFor();
    away(true);
    await notice(page, /Trying to come back/).waitFor();
    // Without the server.
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'blindsalt' }).waitFor();
    away(false);
    await page.reload();
    await page.getByRole('heading', { name: 'blindsalt' }).waitFor();
    expect(await page.getByRole('alert').textContent()).toBe('');
    expect(await page.locator('#chat').isVisible()).toBe(false);
  });
});
