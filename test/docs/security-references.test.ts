// SECURITY.md says which test shows what: every file that it names exists, and so does every title that it quotes. And in all
// documents every relative link leads somewhere, to the heading too that it names.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const documents = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
  .concat(
    ...['docs', 'proto', 'proto/model'].map((folder) =>
      readdirSync(path.join(root, folder)).map((n) => `${folder}/${n}`),
    ),
  )
  .filter((file) => file.endsWith('.md'));

/** Without what stands in fenced or indented blocks of code. */
function prose(markdown: string): string {
  return markdown.replace(/^( *)(```|~~~)[^]*?^\1\2$/gm, '').replace(/(?<=\n\n)(?: {4}.*\n+)+/g, '');
}

const TOP = /^(assembly|bench|bin|certs|deploy|docs|examples|proto|scripts|src|test)\//;

/** Paths in backticks or as the text of links. */
function pathsIn(markdown: string): string[] {
  return [...prose(markdown).matchAll(/`([^`\s]+)`/g)].map((match) => match[1]!).filter((name) => TOP.test(name));
}

/** `test/a.test.ts` "title", "another": the file and what is quoted behind it. A quotation anywhere else has no file. */
function quotationsIn(markdown: string): { file: string | undefined; title: string }[] {
  const text = prose(markdown).replace(/\s+/g, ' ');
  const found: { file: string | undefined; title: string }[] = [];
  const behindFile = /`([^`\s]+)`((?:,? "[^"]+")+)/g;
  for (const [, file, titles] of text.matchAll(behindFile)) {
    for (const [, title] of titles!.matchAll(/"([^"]+)"/g)) found.push({ file, title: title! });
  }
  for (const [, title] of text.replace(behindFile, '').matchAll(/"([^"]+)"/g))
    found.push({ file: undefined, title: title! });
  return found;
}

/** The title stands in the source as a whole literal. */
function hasTitle(file: string, title: string): boolean {
  const source = read(file);
  return [`'${title}'`, `"${title}"`, `\`${title}\``].some((literal) => source.includes(literal));
}

/** Anchors of headings, as GitHub makes them. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of prose(markdown).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i += 1) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Relative links of a document that lead nowhere. */
function brokenLinks(document: string, markdown: string): string[] {
  const targets = [...prose(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [name, anchor] = target.split('#') as [string, string?];
    const file = name === '' ? document : path.posix.join(path.posix.dirname(document), name);
    if (!existsSync(path.join(root, file))) return true;
    return anchor !== undefined && !anchorsOf(name === '' ? markdown : read(file)).has(anchor);
  });
}

describe('what SECURITY.md refers to', () => {
  const security = read('SECURITY.md');

  test('every file and folder exists', () => {
    const paths = pathsIn(security);
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
  });

  test('every title that is quoted stands behind its file, and in it', () => {
    const quotations = quotationsIn(security);
    expect(quotations.length).toBeGreaterThan(50);
    const wrong = quotations.filter(({ file, title }) => file === undefined || !hasTitle(file, title));
    expect(wrong).toEqual([]);
  });

  test('every line of its tables has as many cells as the head', () => {
    const lines = prose(security).split('\n');
    const cells = (line: string): number => line.replace(/\\\|/g, '').split('|').length;
    const uneven = lines.filter((line, i) => {
      const isRow = line.startsWith('|') && lines[i - 1]?.startsWith('|') === true;
      return isRow && cells(line) !== cells(lines[i - 1]!);
    });
    expect(uneven).toEqual([]);
  });
});

describe('links', () => {
  test.each(documents)('%s', (document) => {
    expect(brokenLinks(document, read(document))).toEqual([]);
  });

  test.each(readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md')))(
    'README.md leads to docs/%s',
    (name) => {
      expect(read('README.md')).toContain(`](docs/${name})`);
    },
  );
});

describe('these checks notice', () => {
  const file = 'test/docs/security-references.test.ts';

  test('a title that is not there, and one without a file', () => {
    const [good, bad, alone] = quotationsIn(`See \`${file}\` "links", "no such title". And "this".`);
    expect([good, bad, alone].map((one) => one?.file)).toEqual([file, file, undefined]);
    expect([hasTitle(file, good!.title), hasTitle(file, ['no such', 'test'].join(' '))]).toEqual([true, false]);
  });

  test('a link to a missing file, a missing heading, and not a good one', () => {
    const markdown =
      '# One two\n\n[a](docs/nothing.md) [b](#one-two) [c](#three) [d](README.md#no-such-heading) [e](https://x.example)\n';
    expect(brokenLinks('SECURITY.md', markdown)).toEqual(['docs/nothing.md', '#three', 'README.md#no-such-heading']);
  });
});
