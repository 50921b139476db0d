// Tables, and their place in bench/RESULTS.md: a marked block for each runtime, replaced by each run there.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const resultsFile = fileURLToPath(new URL('../RESULTS.md', import.meta.url));

const REFERENCE = 'libsodium.js';

function microseconds(value) {
  if (value === undefined) return '';
  return value >= 1000 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** `rows`: {name, times: {contender: {median, best}}}. */
export function table(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.times)))];
  const header = ['operation', ...names];
  const lines = rows.map(({ name, times }) => {
    const reference = times[REFERENCE];
    const cells = names.map((contender) => {
      const own = times[contender];
      if (!own) return '';
      const text = `${microseconds(own.best)} / ${microseconds(own.median)}`;
      if (!reference || contender === REFERENCE) return text;
      const ratios = [reference.best / own.best, reference.median / own.median].map((ratio) => ratio.toFixed(2));
      return `${text} **${ratios[0]}×** / ${ratios[1]}×`;
    });
    return [name, ...cells];
  });
  return [header, header.map((_, i) => (i ? '--:' : '---')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** Writes `text` between the markers of `name` in bench/RESULTS.md. */
export function writeBlock(name, text) {
  const begin = `<!-- ${name} -->`;
  const end = `<!-- /${name} -->`;
  const before = existsSync(resultsFile) ? readFileSync(resultsFile, 'utf8') : '# Results\n';
  const block = `${begin}\n\n${text.trim()}\n\n${end}`;
  const at = before.indexOf(begin);
  const after =
    at < 0
      ? `${before.trimEnd()}\n\n${block}\n`
      : before.slice(0, at) + block + before.slice(before.indexOf(end) + end.length);
  writeFileSync(resultsFile, after);
}
