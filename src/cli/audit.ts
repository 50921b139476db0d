import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { BlindsaltError } from '../../proto/index.js';
import { loadCrypto } from '../crypto/index.js';
import { encodeAnchor } from '../server/audit/anchor.js';
import { decodeBody, encodeLine, type AuditBody, type AuditRow } from '../server/audit/entry.js';
import { auditPublicKeys, createAuditSigner } from '../server/audit/signer.js';
import type { AuditStore } from '../server/audit/store.js';
import { AuditVerifier, type AuditProblem, type AuditReport, type VerifyOptions } from '../server/audit/verify.js';
import { fromHex } from '../server/hex.js';
import { actorOfCommandLine } from './administration.js';
import { dataOf, existingDataFolder } from './data-folder.js';
import { usageError } from './failure.js';
import { readNumber } from './number-option.js';
import { output, shown } from './output.js';
import type { Action } from './program.js';
import { readServerKeys } from './server-keys.js';

type Options = Record<string, unknown>;

const PAGE = 1000;
const POLL_MS = 250;
/** No entry is longer. */
const MAX_LINE = 65_536;
/** Beyond it a Date is none. */
const MAX_DATE_MS = 8.64e15;

const listOf = (value: unknown): readonly string[] => (Array.isArray(value) ? (value as string[]) : []);

async function withTrail<T>(options: Options, use: (trail: AuditStore) => Promise<T>): Promise<T> {
  const { database } = existingDataFolder(dataOf(options), 'database');
  const { openSqliteStore } = await import('../server/store/sqlite.js');
  const store = await openSqliteStore(database);
  try {
    return await use(store.audit!);
  } finally {
    await store.close();
  }
}

async function* rowsOf(trail: AuditStore, after: number): AsyncGenerator<AuditRow> {
  for (;;) {
    const rows = await trail.read(after, PAGE);
    if (rows.length === 0) return;
    yield* rows;
    after = rows.at(-1)!.seq;
  }
}

const readKeys = (options: Options): ReturnType<typeof readServerKeys> =>
  readServerKeys(existingDataFolder(dataOf(options), 'keys').keys);

const MEANINGS: Readonly<Record<AuditProblem, string>> = {
  malformed: 'is not an entry as a server writes it',
  changed: 'was changed: its hash is not that of its content',
  missing: 'follows a gap: entries before it were removed',
  order: 'is out of order: repeated, moved or inserted',
  unlinked: 'does not follow the entry before it: one of both was replaced',
  signature: 'has a wrong signature',
  'key-unknown': 'is signed by a key that is not among those given',
  unsigned: 'has no checkpoint near it, as a server would have made',
  pruned: 'begins the trail without a valid note that those before were pruned',
  head: 'was there according to --expect or the database, and is not, or is another',
};

const verify: Action = async (options, file) => {
  const verifier = new AuditVerifier(await verifyOptions(options));
  const report = file === undefined ? await verifyDatabase(options, verifier) : await verifyFile(file, verifier);
  if (options['json'] === true) output.json(report);
  else tell(report);
  if (report.ok) return;
  const count = report.findingCount;
  throw new BlindsaltError(
    'audit-invalid',
    `The audit trail does not verify: ${count} ${count === 1 ? 'finding' : 'findings'}.`,
  );
};

async function verifyOptions(options: Options): Promise<VerifyOptions> {
  const given = listOf(options['key']).map(readPublicKey);
  const expect = listOf(options['expect']).map(readHead);
  if (given.length > 0) {
    const { domain } = options;
    if (typeof domain !== 'string') throw usageError('--key needs --domain: it is part of what is signed');
    return { crypto: await loadCrypto(), domain, publicKeys: given, expect };
  }
  const { crypto, keys } = await readKeys(options);
  return { crypto, domain: keys.domain, publicKeys: auditPublicKeys(crypto, keys), expect };
}

function readPublicKey(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== 32 || bytes.toString('base64url') !== text)
    throw usageError('--key is not 32 bytes in base64url');
  return Uint8Array.from(bytes);
}

function readHead(text: string): { readonly seq: number; readonly hash: Uint8Array } {
  const match = /^([1-9]\d{0,15}):([0-9a-f]{64})$/.exec(text);
  if (match === null) throw usageError('--expect is not NUMBER:HASH');
  return { seq: Number(match[1]), hash: fromHex(match[2]!) };
}

async function verifyFile(file: string, verifier: AuditVerifier): Promise<AuditReport> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  try {
    // Not readline: it ends lines at more than \n.
    let rest = '';
    for await (const chunk of input.setEncoding('latin1')) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) verifier.takeLine(line);
      if (rest.length > MAX_LINE) {
        verifier.takeLine(rest);
        rest = '';
      }
    }
    if (rest !== '') verifier.takeLine(`${rest}…`);
  } catch (cause) {
    throw new BlindsaltError('store-failed', `The export ${file} cannot be read.`, { cause });
  }
  return verifier.end();
}

async function verifyDatabase(options: Options, verifier: AuditVerifier): Promise<AuditReport> {
  return withTrail(options, async (trail) => {
    const anchor = await trail.anchor();
    if (anchor !== undefined) verifier.takeLine(encodeAnchor(anchor));
    for await (const row of rowsOf(trail, 0)) verifier.takeRow(row);
    return verifier.end({ seq: await trail.counted() });
  });
}

function tell(report: AuditReport): void {
  for (const { problem, seq, line } of report.findings) {
    output.line(`${seq === undefined ? `line ${line}` : `entry ${seq} (line ${line})`} ${MEANINGS[problem]}`);
  }
  const { entries, firstSeq, lastSeq, lastHash, signedThrough, signedAtMs } = report;
  if (entries === 0) return output.line('no entries');
  output.line(`${entries} entries, ${firstSeq} to ${lastSeq}`);
  const when = signedAtMs === undefined ? '' : ` at ${new Date(signedAtMs).toISOString()}`;
  output.line(`signed up to ${signedThrough}${when}; ${lastSeq - signedThrough} after that are chained only`);
  output.line(`head ${lastSeq}:${lastHash}`);
  output.note('Whether entries were cut off at the end shows with --expect and a head that was kept elsewhere.');
}

const tail: Action = async (options) => {
  const count = readNumber('--lines', String(options['lines']), [0, 999_999_999]);
  const show = options['json'] === true ? (row: AuditRow) => output.line(encodeLine(row)) : showRow;
  await withTrail(options, async (trail) => {
    let after = Math.max(0, (await trail.head()).seq - count);
    for (;;) {
      for await (const row of rowsOf(trail, after)) {
        show(row);
        after = row.seq;
      }
      if (options['follow'] !== true) return;
      await delay(POLL_MS);
    }
  });
};

function showRow({ seq, body }: AuditRow): void {
  const entry = decodeBody(body);
  if (entry === undefined) return output.line(`${seq}  damaged`);
  const { at, event, signature: _, ...facts } = entry satisfies AuditBody;
  const words = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
  // Whoever could write the file may have put anything there.
  const time = Math.abs(at) <= MAX_DATE_MS ? new Date(at).toISOString() : String(at);
  output.line(shown(`${seq}  ${time}  ${event.padEnd(18)} ${words.join(' ')}`.trimEnd()));
}

const exportTrail: Action = (options) =>
  withTrail(options, async (trail) => {
    const anchor = await trail.anchor();
    if (anchor !== undefined) output.line(encodeAnchor(anchor));
    for await (const row of rowsOf(trail, 0)) {
      output.line(encodeLine(row));
      if (process.stdout.writableNeedDrain) await new Promise((resolve) => process.stdout.once('drain', resolve));
    }
  });

const prune: Action = async (options) => {
  const text = String(options['before']);
  const beforeMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isSafeInteger(beforeMs)) throw usageError(`--before ${text} is not a date like 2026-01-31`);
  const { crypto, keys } = await readKeys(options);
  const signer = createAuditSigner(crypto, keys);
  const removed = await withTrail(options, async (trail) => {
    trail.setSigner(signer);
    const event = { event: 'pruned', atMs: Date.now(), actor: actorOfCommandLine() } as const;
    const count = await trail.prune(beforeMs, event);
    if (count > 0) await trail.checkpoint(Date.now());
    return count;
  });
  if (options['json'] === true) return output.json({ removed });
  output.note(`${removed} ${removed === 1 ? 'entry' : 'entries'} from before ${text} removed.`);
};

export const audit = { verify, tail, export: exportTrail, prune };
