import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlindsaltError, type RegistrationPolicy } from '../../../proto/index.js';
import { securityHeaders } from './headers.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
};
const INDEX = 'index.html';

export interface PageOptions {
  readonly domain: string;
  readonly registration: RegistrationPolicy;
  /** `host:port` of every address under which the page may be asked for. */
  readonly targets: readonly string[];
  readonly hsts: boolean;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

interface Item {
  readonly type: string;
  readonly body: Buffer;
}

/**
 * Answers requests for the page from a table that is filled here, once; a path is looked up, never interpreted.
 * @throws BlindsaltError `environment-unsupported` when the page was not built
 */
export function createPageHandler({ domain, registration, targets, hsts }: PageOptions): RequestHandler {
  const items = readItems({ domain, registration });
  const headersOf = new Map(targets.map((target) => [target, securityHeaders({ target, hsts })]));

  return (request, response) => {
    const target = targetOf(request.headers.host);
    const known = headersOf.get(target);
    const headers = known ?? securityHeaders({ target: targets[0]!, hsts });
    const answer = (status: number, { type, body }: Item, more: Record<string, string> = {}): void => {
      response.writeHead(status, { ...headers, 'Content-Type': type, 'Content-Length': body.length, ...more });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    if (known === undefined) {
      return answer(421, text('This server does not answer to that host name; its operator adds it with --target.'));
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return answer(405, text('Only GET and HEAD are answered here.'), { Allow: 'GET, HEAD' });
    }
    const item = items.get((request.url ?? '').split('?', 1)[0]!);
    return item === undefined ? answer(404, text('There is nothing here.')) : answer(200, item);
  };
}

/** `host:port` as targets are written: lower case, the port always there. */
export function targetOf(host: string | undefined): string {
  const name = (host ?? '').toLowerCase();
  return /:\d+$/.test(name) ? name : `${name}:443`;
}

function readItems(words: { readonly domain: string; readonly registration: string }): ReadonlyMap<string, Item> {
  // dist/src/cli/serve/ → dist/page/
  const folder = fileURLToPath(new URL('../../../page/', import.meta.url));
  const items = new Map<string, Item>();
  try {
    for (const name of readdirSync(folder)) {
      const type = TYPES[path.extname(name)];
      if (type !== undefined) items.set(`/${name}`, { type, body: readFileSync(path.join(folder, name)) });
    }
  } catch (cause) {
    throw notBuilt(cause);
  }
  const index = items.get(`/${INDEX}`);
  if (index === undefined) throw notBuilt();
  items.delete(`/${INDEX}`);
  items.set('/', { ...index, body: Buffer.from(fillIn(index.body.toString('utf8'), words)) });
  return items;
}

const notBuilt = (cause?: unknown): BlindsaltError =>
  new BlindsaltError('environment-unsupported', 'The page is not built: run `npm run build`.', { cause });

const fillIn = (html: string, words: Readonly<Record<'domain' | 'registration', string>>): string =>
  html.replace(/\{\{(domain|registration)\}\}/g, (_all, word: keyof typeof words) => escapeHtml(words[word]));

const text = (words: string): Item => ({ type: 'text/plain; charset=utf-8', body: Buffer.from(`${words}\n`) });

const escapeHtml = (value: string): string =>
  value.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)!};`);
