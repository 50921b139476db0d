// Native libsodium through native.c, where there is a C compiler and the library.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** {version, times: {name: {median, best}}}, or undefined. */
export function measureNative() {
  const folder = mkdtempSync(path.join(tmpdir(), 'native-libsodium-'));
  try {
    const source = fileURLToPath(new URL('native.c', import.meta.url));
    const program = path.join(folder, 'native');
    const libraries = ['-lsodium', '-l:libsodium.so.26', '-l:libsodium.so.23'];
    const built = libraries.some((library) => {
      try {
        execFileSync('cc', ['-O2', '-o', program, source, library], { stdio: 'pipe' });
        return true;
      } catch {
        return false;
      }
    });
    if (!built) return undefined;
    const lines = execFileSync(program, { encoding: 'utf8' }).trim().split('\n');
    const rows = lines.map((line) => line.split('\t'));
    const [[, version]] = rows;
    const times = rows.slice(1).map(([name, median, best]) => [name, { median: +median, best: +best }]);
    return { version, times: Object.fromEntries(times) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
