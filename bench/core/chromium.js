// The same operations in Chromium: bundled, and run in an empty page.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function start() {
  const flags = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update'];
  const folder = execFileSync(process.execPath, [path.join(root, 'scripts/unpack-chromium.js')], { encoding: 'utf8' });
  const libraries = { LD_LIBRARY_PATH: path.join(folder.trim(), 'al2023/lib') };
  const packaged = path.join(folder.trim(), 'chromium');
  const candidates = [
    { executablePath: packaged, env: process.env },
    { executablePath: packaged, env: { ...process.env, ...libraries } },
    { executablePath: '/usr/bin/chromium', env: process.env },
  ];
  for (const candidate of candidates) {
    try {
      return await chromium.launch({ ...candidate, chromiumSandbox: false, args: flags });
    } catch {
      // the next one
    }
  }
  throw new Error('Chromium does not start');
}

export async function measureInChromium(rounds) {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, 'bench/core/chromium-page.js')],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    external: ['crypto', 'fs', 'path', 'node:*'],
    absWorkingDir: root,
    logLevel: 'error',
  });
  const browser = await start();
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: outputFiles[0].text });
    const { rows, loading } = await page.evaluate((count) => globalThis.runBenchmark(count), rounds);
    return { runtime: `Chromium ${browser.version()}`, rows, loading };
  } finally {
    await browser.close();
  }
}
