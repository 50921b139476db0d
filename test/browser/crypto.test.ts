// Everything that the core has to pass in Node, in Chromium as well: each test of the suite runs in a page and is a test
// here. The suite compares with @noble and libsodium.js; OpenSSL is not there.
import { afterAll, describe, expect, test } from '@jest/globals';
import { build, type Plugin } from 'esbuild';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startChromium } from '../support/browser.js';
import { readVectors } from '../support/vectors.js';

const VECTORS = 'rfc9497-ristretto255-sha512.json';
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The stand-ins for jest and Node, for our own files; libsodium.js sees by itself that it is in a browser. */
const standIns: Plugin = {
  name: 'stand-ins',
  setup({ onResolve }) {
    onResolve({ filter: /^@jest\/globals$/ }, () => ({ path: file('crypto-globals.ts') }));
    onResolve({ filter: /^node:/ }, () => ({ path: file('crypto-node.ts') }));
    onResolve({ filter: /^(?:crypto|fs|path)$/ }, () => ({ path: 'none', external: true }));
  },
};

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [file('crypto-page.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    plugins: [standIns],
    inject: [file('crypto-node.ts')],
    logLevel: 'error',
  });
  const vectors = readVectors(VECTORS);
  const files = vectors === undefined ? {} : { [VECTORS]: JSON.stringify(vectors) };
  return `globalThis.vectorFiles = ${JSON.stringify(files)};\n${outputFiles[0]!.text}`;
}

interface PageGlobals {
  readonly pageTests: { readonly name: string; readonly skipped: boolean }[];
  runPageTest(index: number): Promise<string>;
}

const { browser, reason } = await startChromium('');

if (browser === undefined) {
  test.skip(`the suite of the core in Chromium: ${reason}`, () => undefined);
} else {
  const script = await bundle();
  const server = createServer((request, response) => {
    if (request.url === '/suite.js') response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>core</title>');
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  afterAll(async () => {
    await browser.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const page = await browser.newPage();
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(error.message));
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  await page.addScriptTag({ type: 'module', url: '/suite.js' });
  await page
    .waitForFunction(() => 'pageTests' in globalThis, undefined, { timeout: 20_000 })
    .catch((cause: unknown) => {
      throw new Error(`the suite did not load: ${failures.join('; ')}`, { cause });
    });
  const tests = await page.evaluate(() => (globalThis as unknown as PageGlobals).pageTests);

  describe(`Chromium ${browser.version()}`, () => {
    test('has both builds', () => {
      expect(tests.some(({ name }) => name.startsWith('simd'))).toBe(true);
      expect(tests.some(({ name }) => name.startsWith('relaxed-simd'))).toBe(true);
    });

    tests.forEach(({ name, skipped }, index) => {
      (skipped ? test.skip : test)(name, async () => {
        const result = await page.evaluate((i) => (globalThis as unknown as PageGlobals).runPageTest(i), index);
        expect(result).toBe('passed');
      });
    });

    test('would notice a difference', async () => {
      const result = await page.evaluate(async () => {
        const { pageTests, runPageTest } = globalThis as unknown as PageGlobals;
        const slice = Uint8Array.prototype.slice;
        try {
          Uint8Array.prototype.slice = function (...args) {
            const copy = slice.apply(this, args);
            if (copy.length === 32) copy[0]! ^= 2;
            return copy;
          };
          return await runPageTest(pageTests.findIndex(({ name }) => name.includes('RFC 9496 A.1')));
        } finally {
          Uint8Array.prototype.slice = slice;
        }
      });
      expect(result).toMatch(/must/);
    });
  });
}
