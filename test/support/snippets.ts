import { readFileSync } from 'node:fs';

export interface Snippet {
  /** `README.md › A server`, with `› 2` for the second under a heading, and so on. */
  readonly name: string;
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a Markdown file. */
export function snippetsOf(file: string): Snippet[] {
  const found: Snippet[] = [];
  const counts = new Map<string, number>();
  let heading = '';
  let open: { language: string; lines: string[] } | undefined;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const fence = /^```(.*)$/.exec(line);
    if (open !== undefined && fence !== null) {
      const place = `${file} › ${heading}`;
      const count = (counts.get(place) ?? 0) + 1;
      counts.set(place, count);
      found.push({
        name: count === 1 ? place : `${place} › ${count}`,
        language: open.language,
        text: open.lines.join('\n'),
      });
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else if (fence !== null) open = { language: fence[1]!, lines: [] };
    else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
  }
  return found;
}
