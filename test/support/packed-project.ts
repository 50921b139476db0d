import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Manifest {
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  exports: Record<string, string | { types: string; default: string }>;
  bin: Record<string, string>;
}

export interface PackedProject {
  readonly folder: string;
  /** The package in its `node_modules`. */
  readonly installed: string;
  readonly manifest: Manifest;
  remove(): void;
}

/**
 * The tarball as `npm pack` makes it, unpacked into an empty project. Its dependencies are linked from this checkout, so
 * that tests need no network; that they install is what a fresh clone shows.
 */
export function packedProject(): PackedProject {
  const root = process.cwd();
  const folder = mkdtempSync(path.join(tmpdir(), 'blindsalt-tarball-'));
  const installed = path.join(folder, 'node_modules/blindsalt');
  const npm = process.env['npm_execpath'];
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  if (npm === undefined) execFileSync('npm', pack, { cwd: root });
  else execFileSync(process.execPath, [npm, ...pack], { cwd: root });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack made no tarball');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', path.join(folder, tarball), '-C', installed, '--strip-components=1']);
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'stranger', private: true }));
  const manifest = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as Manifest;
  const { dependencies, optionalDependencies } = manifest;
  // The last one is an optional peer: who imports blindsalt/server/uws has it.
  for (const name of [
    ...Object.keys({ ...dependencies, ...optionalDependencies }),
    '@types/node',
    '@types/ws',
    'uWebSockets.js',
  ]) {
    if (!existsSync(path.join(root, 'node_modules', name))) continue;
    const link = path.join(folder, 'node_modules', name);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.join(root, 'node_modules', name), link, 'junction');
  }
  return { folder, installed, manifest, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
