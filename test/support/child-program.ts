// Programs that tests run as processes of their own, to be killed or to compete: TypeScript from the tree, bundled.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Marks questions of the plugin's own, which esbuild is to answer. */
const OWN = Symbol('own');

/** Bundles `entry` (from the project's root) into `outfile`; packages are loaded from the project's node_modules. */
export async function bundleProgram(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
    plugins: [
      {
        name: 'packages-from-the-project',
        setup: (builder) =>
          builder.onResolve({ filter: /^[^./]/ }, async ({ path, kind, pluginData }) => {
            if (kind === 'entry-point' || path.startsWith('node:') || pluginData === OWN) return undefined;
            const found = await builder.resolve(path, { kind, resolveDir: resolve('.'), pluginData: OWN });
            return found.external ? found : { path: pathToFileURL(found.path).href, external: true };
          }),
      },
    ],
  });
}

export interface Program {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly lines: Interface;
  /** The exit code or signal, and what was written to standard error. */
  readonly ended: Promise<{ readonly how: number | string | null; readonly stderr: string }>;
}

export function startProgram(file: string, ...args: string[]): Program {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args], { stdio: 'pipe' });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<{ how: number | string | null; stderr: string }>((resolve_, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve_({ how: code ?? signal, stderr }));
  });
  return { process: child, lines: createInterface({ input: child.stdout }), ended };
}
