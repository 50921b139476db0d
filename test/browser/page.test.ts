import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { startChromium } from '../support/browser.js';
import { blindsalt, serve, temporaryFolder } from '../support/cli.js';
import { accessibilityProblems, logIn, openPage, say, signUp, type Person } from '../support/page.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const PASSWORD = 'correct horse battery';
const PHONE: BrowserContextOptions = { viewport: { width: 360, height: 740 }, colorScheme: 'dark' };

const folder = temporaryFolder();
const screenshots = path.join(process.env['SCREENSHOTS'] ?? path.join(tmpdir(), 'blindsalt-screenshots'));
mkdirSync(screenshots, { recursive: true });
const shot = (name: string): { path: string } => ({ path: path.join(screenshots, `${name}.png`) });

const server = await serve(path.join(folder.path, 'data'));
const leaf = new X509Certificate(readFileSync(path.join(server.data, 'certs/leaf.pem')));
const leafKey = leaf.publicKey.export({ type: 'spki', format: 'der' });
const started = await startChromium(createHash('sha256').update(leafKey).digest('base64'));
const inBrowser = started.browser === undefined ? test.skip : test;

afterAll(async () => {
  await started.browser?.close();
  await server.stop();
  folder.remove();
});

describe(`in ${started.browser ? `Chromium ${started.browser.version()}` : `a browser (skipped: ${started.reason})`}`, () => {
  const everybody: Person[] = [];
  const open = async (options?: BrowserContextOptions, url = server.url): Promise<Person> => {
    const person = await openPage(started.browser as Browser, url, options);
    everybody.push(person);
    return person;
  };
  const nothingWrong = (): void => {
    for (const { complaints } of everybody) expect(complaints).toEqual([]);
  };

  beforeAll(() => {
    everybody.length = 0;
  });

  inBrowser('two people sign up and chat in two browsers, a third logs in from the command line', async () => {
    const alice = await open();
    const bob = await open(PHONE);
    await alice.page.screenshot(shot('login-desktop-light'));
    await signUp(alice.page, 'Alice', PASSWORD);
    await alice.page.getByText('Turning your password into a key').waitFor();
    await alice.page.screenshot(shot('progress-desktop-light'));
    await alice.page.getByText('Logged in as alice').waitFor();
    await bob.page.getByRole('tab', { name: 'Sign up' }).click();
    await bob.page.screenshot(shot('signup-phone-dark'));
    await signUp(bob.page, 'bob', `${PASSWORD} of bob`);
    await bob.page.getByText('Logged in as bob').waitFor();
    await bob.page.screenshot(shot('empty-phone-dark'));

    await say(alice.page, 'Hello Bob: how are you?');
    await bob.page.getByText('Hello Bob: how are you?').waitFor();
    await say(bob.page, '<img src=x onerror=alert(1)> fine, thanks');

    const third = ['--password-stdin', '--ca', server.ca];
    await blindsalt(['signup', server.url, 'carol', ...third], { input: PASSWORD });
    const { code, stdout } = await blindsalt(['login', server.url, 'carol', ...third, '--send', 'Me too'], {
      input: PASSWORD,
    });
    expect(stdout).toBe('carol: Me too\n');
    expect(code).toBe(0);

    for (const { page } of [alice, bob]) {
      await page.getByText('Me too').waitFor();
      const items = page.getByRole('log').getByRole('listitem');
      expect(await items.locator('.who').allTextContents()).toEqual(['alice', 'bob', 'carol']);
      expect(await items.locator('.text').allTextContents()).toEqual([
        'Hello Bob: how are you?',
        '<img src=x onerror=alert(1)> fine, thanks',
        'Me too',
      ]);
      expect(await accessibilityProblems(page)).toEqual([]);
    }
    expect(await alice.page.locator('li.own').count()).toBe(1);
    await alice.page.screenshot(shot('chat-desktop-light'));
    await bob.page.screenshot(shot('chat-phone-dark'));

    // Without the password, as long as nobody logs out.
    await bob.page.reload();
    await bob.page.getByText('Logged in as bob').waitFor();
    await say(bob.page, 'Back again');
    await alice.page.getByText('Back again').waitFor();
    await bob.page.getByRole('button', { name: 'Log out' }).click();
    await bob.page.getByRole('heading', { name: 'blindsalt' }).waitFor();
    expect(await bob.page.getByRole('log').isVisible()).toBe(false);
    await bob.page.reload();
    await bob.page.getByRole('heading', { name: 'blindsalt' }).waitFor();
    await logIn(bob.page, 'BOB', `${PASSWORD} of bob`);
    await bob.page.getByText('Logged in as bob').waitFor();
    nothingWrong();
  });

  inBrowser('the core is the build with fused multiply-add, and a changed one is not used', async () => {
    await blindsalt(['signup', server.url, 'fay', '--password-stdin', '--ca', server.ca], { input: PASSWORD });
    const changedLast = (body: Buffer): Buffer => Buffer.concat([body.subarray(0, -1), Buffer.of(body.at(-1)! ^ 1)]);
    for (const [changed, expected] of [
      ['', ['/core-relaxed.wasm']],
      ['/core-relaxed.wasm', ['/core-relaxed.wasm', '/core.wasm']],
    ] as const) {
      const { page } = await openPage(started.browser!, server.url, { ignoreHTTPSErrors: true });
      const loaded: string[] = [];
      await page.route('**/*.wasm', async (route) => {
        const { pathname } = new URL(route.request().url());
        loaded.push(pathname);
        const response = await route.fetch();
        const body = await response.body();
        await route.fulfill({ response, body: pathname === changed ? changedLast(body) : body });
      });
      // The page asks for the core as soon as it is open.
      await page.reload();
      await logIn(page, 'fay', PASSWORD);
      await page.getByText('Logged in as fay').waitFor();
      expect(loaded).toEqual(expected);
      await page.context().close();
    }
  });

  inBrowser('what went wrong is said in words, at the field', async () => {
    const { page } = await open();
    await blindsalt(['signup', server.url, 'dora', '--password-stdin', '--ca', server.ca], { input: PASSWORD });
    const alert = page.getByRole('alert');
    const told = async (words: RegExp): Promise<void> => {
      await alert.filter({ hasText: words }).waitFor({ timeout: 15_000 });
    };

    await logIn(page, 'dora', 'not her password');
    await told(/do not match/);
    await page.screenshot(shot('wrong-password-desktop-light'));
    expect(await page.locator('#login-password').getAttribute('aria-invalid')).toBe('true');
    expect(await page.locator('#login-password').inputValue()).toBe('');
    expect(await accessibilityProblems(page)).toEqual([]);

    await logIn(page, 'nobody-at-all', PASSWORD);
    await told(/do not match/);
    await logIn(page, '', PASSWORD);
    await told(/Username is missing/);
    await signUp(page, 'dora', PASSWORD);
    await told(/belongs to somebody already/);
    await signUp(page, 'eve', 'short');
    await told(/at least 8 characters/);
    await signUp(page, 'eve', PASSWORD, 'something else');
    await told(/not the same/);
    await signUp(page, 'two words', PASSWORD);
    await told(/username cannot be used.*not allowed/);
    await signUp(page, '😀 dora', PASSWORD);
    await told(/username cannot be used.*spaces, emoji/);
    expect(await page.locator('#signup-username').getAttribute('aria-errormessage')).toBe('problem');
    // Whoever leaves the form leaves its marks.
    await page.getByRole('tab', { name: 'Log in' }).click();
    expect(await page.locator('[aria-invalid]').count()).toBe(0);
    await page.getByRole('tab', { name: 'Sign up' }).click();
    await page.getByText('I have a code').click();
    await page.getByLabel('Invite or reset code').fill('00000-00000');
    await signUp(page, 'frank', PASSWORD);
    await told(/code is missing, not valid/);
    nothingWrong();
  });

  inBrowser('password managers find their fields', async () => {
    const { page } = await open();
    const fields = await page
      .locator('form input')
      .evaluateAll((inputs) =>
        (inputs as HTMLInputElement[])
          .filter((input) => ['username', 'password', 'repeat'].includes(input.name))
          .map((input) => [input.form?.id, input.name, input.type, input.autocomplete]),
      );
    expect(fields).toEqual([
      ['login', 'username', 'text', 'username'],
      ['login', 'password', 'password', 'current-password'],
      ['signup', 'username', 'text', 'username'],
      ['signup', 'password', 'password', 'new-password'],
      ['signup', 'repeat', 'password', 'new-password'],
    ]);
    await page.getByLabel('Show password').first().check();
    expect(await page.locator('#login-password').getAttribute('type')).toBe('text');
  });

  inBrowser.each([
    ['desktop, light', {}],
    ['desktop, dark', { colorScheme: 'dark' as const }],
    ['phone, light', { ...PHONE, colorScheme: 'light' as const }],
    ['phone, dark', PHONE],
    ['narrow', { viewport: { width: 320, height: 480 } }],
  ])('forms can be read and used: %s', async (name, options) => {
    const { page } = await open(options);
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByRole('tab', { name: 'Log in' }).press('ArrowRight');
    expect(await page.getByRole('tab', { name: 'Sign up' }).getAttribute('aria-selected')).toBe('true');
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.screenshot(shot(`signup-${name.replace(/\W+/g, '-')}`));
    nothingWrong();
  });

  inBrowser.each([
    ['as long as names get', 'averyverylongnamewithoutanyspaces'.repeat(2).slice(0, 64)],
    ['from right to left', 'שלוםעולם'.repeat(7) + '12345678'],
  ])('a name %s breaks no small screen', async (_, name) => {
    const { page } = await open(PHONE);
    const { page: other } = await open({ viewport: { width: 320, height: 480 } });
    await signUp(page, name, PASSWORD);
    await page.getByText('Logged in as').waitFor();
    await signUp(other, `short${name.length}${name.charCodeAt(0)}`, PASSWORD);
    await other.getByText('Logged in as').waitFor();
    await say(page, 'm'.repeat(300));
    await other.getByRole('listitem').filter({ hasText: 'mmm' }).waitFor();
    for (const each of [page, other]) {
      const { width } = each.viewportSize()!;
      expect(await each.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      for (const button of ['Send', 'Log out']) {
        const box = (await each.getByRole('button', { name: button }).boundingBox())!;
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(width);
      }
    }
    await page.screenshot(shot(`long-name-phone-${name.charCodeAt(0)}`));
    nothingWrong();
  });

  inBrowser('the content policy holds: no markup from text, no foreign worker, no other server', async () => {
    const { page } = await open();
    everybody.pop();
    const blocked = await page.evaluate(async () => {
      const failure = (run: () => unknown): string => {
        try {
          run();
          return 'allowed';
        } catch (error) {
          return (error as Error).name;
        }
      };
      return {
        markup: failure(() => (document.body.innerHTML = '<p>x</p>')),
        policy: failure(() =>
          (
            globalThis as unknown as { trustedTypes: { createPolicy(name: string, rules: object): void } }
          ).trustedTypes.createPolicy('blindsalt', {}),
        ),
        // Later, because what the test itself runs is allowed to evaluate.
        code: await new Promise((resolve) => setTimeout(() => resolve(failure(() => (0, eval)('1'))))),
        worker: failure(() => new Worker('/app.js')),
        fetched: await fetch('https://example.org/').then(
          () => 'allowed',
          () => 'refused',
        ),
        isolated: crossOriginIsolated,
      };
    });
    expect(blocked).toEqual({
      markup: 'TypeError',
      policy: 'TypeError',
      code: 'EvalError',
      worker: 'TypeError',
      fetched: 'refused',
      isolated: true,
    });
  });

  inBrowser.each(['127.0.0.1', '[::1]'])('works under another spelling of loopback: %s', async (host) => {
    const { page } = await open({}, `https://${host}:${server.port}`);
    await signUp(page, `ivan-${host.length}`, PASSWORD);
    await page.getByText('Logged in as ivan').waitFor();
    await say(page, 'here');
    await page.getByRole('listitem').filter({ hasText: 'here' }).waitFor();
    nothingWrong();
  });

  inBrowser('no password leaves the page, and nothing of it stays', async () => {
    const { page } = await open();
    const sent: (string | Buffer)[] = [];
    page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(payload)));
    page.on('request', (request) => sent.push(request.url(), request.postData() ?? ''));
    await signUp(page, 'gina', 'a very secret password');
    await page.getByText('Logged in as gina').waitFor();
    expect(sent.length).toBeGreaterThan(1);
    for (const payload of sent) expect(Buffer.from(payload).includes('secret')).toBe(false);
    const kept = await page.evaluate(() => ({
      fields: [...document.querySelectorAll('input')].map((input) => input.value).join(),
      storage: localStorage.length,
      // Which of the tickets is this tab's.
      hints: Object.keys(sessionStorage),
      cookie: document.cookie,
    }));
    expect(kept).toEqual({
      fields: expect.not.stringContaining('secret'),
      storage: 0,
      hints: [expect.stringMatching(/^blindsalt [a-z0-9.:[\] -]+$/)],
      cookie: '',
    });
    nothingWrong();
  });

  inBrowser('when the server stops, the page says so', async () => {
    const other = await serve(server.data);
    const { page } = await open({}, other.url);
    await signUp(page, 'hugo', PASSWORD);
    await page.getByText('Logged in as hugo').waitFor();
    await other.stop();
    await page.locator('#notice').filter({ hasText: 'server was stopped. Trying to come back' }).waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await logIn(page, 'hugo', PASSWORD);
    await page.getByRole('alert').filter({ hasText: 'cannot be reached' }).waitFor();
    everybody.pop();
  });
});
