import { writeFileSync } from 'node:fs';
import { BlindsaltError } from '../../proto/index.js';
import { EXIT } from './exit-codes.js';
import { usageError } from './failure.js';
import { isLoopback } from './loopback.js';
import { readNumber } from './number-option.js';
import { output } from './output.js';
import { readAuthorities } from './pem.js';
import type { Action } from './program.js';

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
/** Of options that are repeated, or separated by commas. */
export const listOf = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? (value as string[]).flatMap((entry) => entry.split(',')) : undefined;

/** Tests a server; 0: no MUST is broken, 1: one is, 2: it could not be tested. */
export const conformance: Action = async (options, url) => {
  const { DialError, formatCase, formatSummary, formatTap, selectCases, serverCases, testServer, Throttled } =
    await import('../conformance/index.js');
  const selection = { only: listOf(options['only']), sections: listOf(options['section']) };
  const selected = selectCases(serverCases, selection);
  if (selected.length === 0) throw usageError('no case has such an id or section; --list shows all');
  if (options['list'] === true) {
    for (const { section, id, level, title } of selected) output.line(`${section.padEnd(5)} ${id}  ${level}  ${title}`);
    return;
  }
  const isTap = options['tap'] === true;
  const jsonFile = textOf(options['json']);
  const isQuiet = isTap || jsonFile === '-';
  let report;
  try {
    report = await testServer({
      ...selection,
      url: webSocketUrl(url),
      ca: authorities(textOf(options['ca'])),
      origin: textOf(options['origin']),
      domain: textOf(options['domain']),
      userPrefix: prefix(textOf(options['userPrefix'])),
      invites: listOf(options['invite']),
      concurrency: readNumber('--concurrency', String(options['concurrency']), [1, 64]),
      helloCount: readNumber('--connections', String(options['connections']), [1, 100_000]),
      cleanUp: options['keep'] !== true,
      onResult: (result, done, total) => {
        if (!isQuiet) output.line(formatCase(result));
        // Progress for those who read it on a terminal while the report goes elsewhere.
        else if (process.stderr.isTTY === true) output.note(`${done}/${total} ${result.status} ${result.id}`);
      },
    });
  } catch (error) {
    if (!(error instanceof DialError) && !(error instanceof Throttled)) throw error;
    // Neither conforming nor not.
    output.note(`blindsalt: connection-failed: ${describe(error)}`);
    process.exitCode = EXIT.usage;
    return;
  }
  if (isTap) process.stdout.write(formatTap(report));
  if (jsonFile === '-') output.json(report);
  else if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify(report, null, 2)}\n`);
  if (!isQuiet) output.line(`\n${formatSummary(report)}`);
  process.exitCode = report.conforms ? EXIT.ok : EXIT.unexpected;
};

function describe({ message }: Error): string {
  const isUntrusted = /certificate|self.signed|issuer/i.test(message);
  const hint = isUntrusted ? ' For a development server give its CA: --ca DATA/certs/ca.pem' : '';
  return `${message}.${hint}`;
}

/** `https:` means the same, as for other commands. */
function webSocketUrl(text: string | undefined): string {
  let url: URL;
  try {
    url = new URL((text ?? '').replace(/^http/, 'ws'));
  } catch (cause) {
    throw new BlindsaltError('option-invalid', `${JSON.stringify(text)} is not a URL like wss://host:port`, { cause });
  }
  const isPlain = url.protocol === 'ws:' && isLoopback(url.hostname);
  if (url.protocol !== 'wss:' && !isPlain) throw usageError('the URL must begin with wss://, or ws:// for loopback');
  return url.href;
}

function prefix(text: string | undefined): string | undefined {
  if (text === undefined || /^[a-z][a-z0-9-]{0,31}$/.test(text)) return text;
  throw usageError('--user-prefix takes 1 to 32 lower-case letters, digits and hyphens');
}

const authorities = (file: string | undefined): string | undefined =>
  file === undefined ? undefined : readAuthorities(file);
