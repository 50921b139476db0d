import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';

const run = promisify(execFile);
const unpacker = fileURLToPath(new URL('../../scripts/unpack-chromium.js', import.meta.url));

/** Chromium talks to the test's own server only. */
const FLAGS = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const INSTALLED = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome-stable'];

export type ChromiumStart =
  | { readonly browser: Browser; readonly reason?: undefined }
  | { readonly browser?: undefined; readonly reason: string };

/**
 * A real Chromium: the one in the npm package, else an installed one (or `CHROMIUM_PATH`). Answers why there is none.
 * @param trustedKey base64 SHA-256 of the public key (SPKI) whose certificate is accepted
 */
export async function startChromium(trustedKey: string): Promise<ChromiumStart> {
  const failures: string[] = [];
  for (const candidate of [packaged, () => packaged({ bare: true }), installed]) {
    try {
      const { executablePath, env } = await candidate();
      const browser = await chromium.launch({
        executablePath,
        chromiumSandbox: false,
        args: [...FLAGS, `--ignore-certificate-errors-spki-list=${trustedKey}`],
        env: { ...definedEnvironment(), ...env },
      });
      return { browser };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      failures.push(/error while loading shared libraries[^\n]*/.exec(text)?.[0] ?? text.split('\n', 1)[0]!);
    }
  }
  return { reason: `Chromium does not start: ${failures.join('; ')}` };
}

interface Candidate {
  readonly executablePath: string;
  readonly env: Record<string, string>;
}

/** `bare`: with the shared libraries of the package too, for machines that have none of them. */
async function packaged({ bare = false } = {}): Promise<Candidate> {
  const { stdout: folder } = await run(process.execPath, [unpacker]);
  const fonts = existsSync('/etc/fonts/fonts.conf') ? {} : { FONTCONFIG_FILE: path.join(folder, 'fonts.conf') };
  return {
    executablePath: path.join(folder, 'chromium'),
    env: { ...fonts, ...(bare && { LD_LIBRARY_PATH: path.join(folder, 'al2023/lib') }) },
  };
}

async function installed(): Promise<Candidate> {
  const executablePath = [process.env['CHROMIUM_PATH'], ...INSTALLED].find((file) => file && existsSync(file));
  if (executablePath === undefined) throw new Error('no Chromium is installed');
  return { executablePath, env: {} };
}

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
