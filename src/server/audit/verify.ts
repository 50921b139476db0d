import type { Crypto } from '../../crypto/types.js';
import { decodeAnchor } from './anchor.js';
import { CHECKPOINT_ENTRIES } from './chain.js';
import { toHex } from '../hex.js';
import { decodeBody, decodeLine, entryHash, NO_HASH, type AuditBody, type AuditRow } from './entry.js';
import { auditKeyId, checkpointMessage, prunedMessage } from './signer.js';

/**
 * - `malformed`: a line or a body that no writer of ours makes;
 * - `changed`: the entry's hash is not that of its content;
 * - `missing`: numbers are left out; `order`: a number that was passed already (repeated, moved or inserted);
 * - `unlinked`: the entry is whole, but does not follow the one before it: one of both was replaced;
 * - `signature`: wrong; `key-unknown`: by a key that was not given;
 * - `unsigned`: more entries without a checkpoint than a server leaves;
 * - `pruned`: entries were removed at the beginning without a valid note of it;
 * - `head`: an entry that is known to have been there (`expect`) is not, or is another.
 */
export type AuditProblem =
  | 'malformed'
  | 'changed'
  | 'missing'
  | 'order'
  | 'unlinked'
  | 'signature'
  | 'key-unknown'
  | 'unsigned'
  | 'pruned'
  | 'head';

export interface AuditFinding {
  readonly problem: AuditProblem;
  /** Number of the entry at which it shows; undefined where there is none. */
  readonly seq: number | undefined;
  /** Of an export, counted from 1; in a database the place in the table. */
  readonly line: number;
}

export interface AuditReport {
  readonly ok: boolean;
  /** At most 100; `findingCount` has all. */
  readonly findings: readonly AuditFinding[];
  readonly findingCount: number;
  readonly entries: number;
  readonly checkpoints: number;
  /** Number of the first entry that is there; 0 for none. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Hash of the last entry, hexadecimal: keep it elsewhere together with `lastSeq`. */
  readonly lastHash: string;
  /** Up to here a valid signature reaches; what follows is chained only, and whoever can write the file can replace it. */
  readonly signedThrough: number;
  /** Time of the last checkpoint, milliseconds since 1970; undefined without one. */
  readonly signedAtMs: number | undefined;
}

export interface VerifyOptions {
  readonly crypto: Crypto;
  readonly domain: string;
  /** Ed25519 public keys that may have signed, 32 bytes each. */
  readonly publicKeys: readonly Uint8Array[];
  /** Heads that are known from elsewhere: a log, another machine. Without one, entries cut off at the end do not show. */
  readonly expect?: readonly { readonly seq: number; readonly hash: Uint8Array }[] | undefined;
}

const MAX_FINDINGS = 100;

/** Checks a chain, one line or row after the other; memory does not grow with it. */
export class AuditVerifier {
  readonly #options: VerifyOptions;
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #expected: Map<number, Uint8Array>;
  readonly #findings: AuditFinding[] = [];
  #findingCount = 0;
  #line = 0;
  #entries = 0;
  #checkpoints = 0;
  #firstSeq = 0;
  #unsigned = 0;
  #isLongTold = false;
  #prunedThrough = 0;
  #signedThrough = 0;
  #signedAtMs: number | undefined;
  #last: { readonly seq: number; readonly hash: Uint8Array } = { seq: 0, hash: NO_HASH };

  constructor(options: VerifyOptions) {
    const { crypto, publicKeys, expect = [] } = options;
    this.#options = options;
    this.#keys = new Map(publicKeys.map((key) => [auditKeyId(crypto, key), key]));
    this.#expected = new Map(expect.map(({ seq, hash }) => [seq, hash]));
  }

  /** A line of an export, without its newline. */
  takeLine(line: string): void {
    if (this.#line === 0 && line.startsWith('{"pruned"')) return this.#takeAnchor(line);
    const row = decodeLine(line);
    if (row === undefined) {
      this.#line += 1;
      return this.#find('malformed', undefined);
    }
    this.takeRow(row);
  }

  /** The note in place of pruned entries, which comes first. */
  #takeAnchor(line: string): void {
    this.#line += 1;
    const anchor = decodeAnchor(line);
    if (anchor === undefined) return this.#find('pruned', undefined);
    const { seq, hash, atMs, keyId, signature } = anchor;
    const key = this.#keys.get(keyId);
    const { crypto, domain } = this.#options;
    if (key === undefined) this.#find('key-unknown', seq);
    else if (!crypto.ed25519.verify(signature, prunedMessage(domain, seq, hash, atMs), key)) this.#find('pruned', seq);
    this.#last = { seq, hash };
    this.#prunedThrough = seq;
  }

  takeRow(row: AuditRow): void {
    const { seq, prev, body, hash } = row;
    const { crypto } = this.#options;
    this.#line += 1;
    this.#entries += 1;
    if (this.#firstSeq === 0) this.#firstSeq = seq;
    const decoded = decodeBody(body);
    if (decoded === undefined) this.#find('malformed', seq);
    const isWhole = crypto.equal(entryHash(seq, prev, body), hash);
    if (!isWhole) this.#find('changed', seq);
    const { seq: before, hash: beforeHash } = this.#last;
    if (seq <= before) this.#find('order', seq);
    else if (seq > before + 1) this.#find(before === 0 && this.#line === 1 ? 'pruned' : 'missing', seq);
    else if (!crypto.equal(prev, beforeHash)) this.#find('unlinked', seq);
    const expected = this.#expected.get(seq);
    if (expected !== undefined) {
      if (!crypto.equal(expected, hash)) this.#find('head', seq);
      this.#expected.delete(seq);
    }
    this.#unsigned += 1;
    if (decoded?.event === 'checkpoint') this.#takeCheckpoint(row, decoded, isWhole);
    else if (this.#unsigned > CHECKPOINT_ENTRIES && !this.#isLongTold) {
      this.#isLongTold = true;
      this.#find('unsigned', seq);
    }
    this.#last = { seq, hash };
  }

  #takeCheckpoint({ seq, prev }: AuditRow, { at, key: keyId, signature }: AuditBody, isWhole: boolean): void {
    this.#checkpoints += 1;
    const { crypto, domain } = this.#options;
    const key = typeof keyId === 'string' ? this.#keys.get(keyId) : undefined;
    if (key === undefined) return this.#find('key-unknown', seq);
    const bytes = typeof signature === 'string' ? Buffer.from(signature, 'base64url') : new Uint8Array(0);
    const isValid =
      bytes.length === 64 && at >= 0 && crypto.ed25519.verify(bytes, checkpointMessage(domain, seq, prev, at), key);
    if (!isValid) return this.#find('signature', seq);
    this.#unsigned = 0;
    this.#isLongTold = false;
    // Behind a break of the chain a signature says nothing about what came before.
    if (!isWhole || this.#findingCount > 0) return;
    this.#signedThrough = seq;
    this.#signedAtMs = at;
  }

  /** After the last line; `ended`: how the table says that it ends, where there is one. */
  end(ended?: { readonly seq: number }): AuditReport {
    if (ended !== undefined && ended.seq !== this.#last.seq) this.#find('head', ended.seq);
    for (const seq of this.#expected.keys()) if (seq > this.#prunedThrough) this.#find('head', seq);
    return {
      ok: this.#findingCount === 0,
      findings: this.#findings,
      findingCount: this.#findingCount,
      entries: this.#entries,
      checkpoints: this.#checkpoints,
      firstSeq: this.#firstSeq,
      lastSeq: this.#last.seq,
      lastHash: toHex(this.#last.hash),
      signedThrough: this.#signedThrough,
      signedAtMs: this.#signedAtMs,
    };
  }

  #find(problem: AuditProblem, seq: number | undefined): void {
    this.#findingCount += 1;
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push({ problem, seq, line: this.#line });
  }
}
