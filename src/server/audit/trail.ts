import { errorFields, type Logger } from '../logger.js';
import type { ServerKeys } from '../keys.js';
import { toHex } from '../hex.js';
import type { AuditEvent } from './events.js';
import { Refusals, type RefusalLimits } from './refusals.js';
import { pruneOld } from './retention.js';
import type { AuditSigner } from './signer.js';
import type { AuditStore } from './store.js';

/** So long a refusal waits for others before it is written; a crash loses what waits. */
const WRITE_BEHIND_MS = 1000;
/** So many do not wait any longer. */
const WRITE_AT_ONCE = 256;
/** So often there is a checkpoint if anything was written, and counts of refusals are written. */
const CHECKPOINT_MS = 60_000;
/** So often what is too old goes. */
const PRUNE_MS = 3_600_000;

export interface TrailLimits extends RefusalLimits {
  /** Entries that are older are removed; 0: none. */
  readonly keepDays: number;
}

interface TrailOptions {
  readonly store: AuditStore;
  readonly signer: AuditSigner;
  readonly keys: ServerKeys;
  readonly logger: Logger;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly limits: TrailLimits;
  /** Entries were lost: for those who watch. */
  readonly onGap: (event: AuditEvent) => void;
}

/** The engine's side of the audit trail: its beginning and end, checkpoints, and refusals, which are written behind. */
export class AuditTrail {
  readonly #options: TrailOptions;
  readonly #refusals: Refusals;
  #writeTimer: ReturnType<typeof setTimeout> | undefined;
  #checkpointTimer: ReturnType<typeof setInterval> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #pruneTimer: ReturnType<typeof setInterval> | undefined;
  /** The last checkpoint that this process has seen. */
  #seen: { readonly seq: number; readonly hash: Uint8Array } | undefined;

  constructor(options: TrailOptions) {
    this.#options = options;
    this.#refusals = new Refusals(options.limits);
    options.store.setSigner(options.signer);
  }

  async start(): Promise<void> {
    const { store, keys, now } = this.#options;
    await this.#try(() => store.started({ event: 'server-start', atMs: now() }, idsOf(keys)));
    this.#checkpointTimer = setInterval(() => void this.checkpoint(), CHECKPOINT_MS).unref();
    if (this.#options.limits.keepDays === 0) return;
    await this.prune();
    this.#pruneTimer = setInterval(() => void this.prune(), PRUNE_MS).unref();
  }

  /** Records, in a second at the latest, that somebody was refused. */
  refused(event: AuditEvent): void {
    this.#refusals.add(event, this.#options.monotonicMs());
    const { waiting } = this.#refusals;
    if (waiting === WRITE_AT_ONCE) void this.#write(false);
    else if (waiting > 0) this.#writeTimer ??= setTimeout(() => void this.#write(false), WRITE_BEHIND_MS).unref();
  }

  /** Writes what waits, and signs it. */
  checkpoint(): Promise<void> {
    return this.#write(true);
  }

  /** Removes what is too old. */
  prune(): Promise<void> {
    const { store, now, limits, logger } = this.#options;
    const remove = async (): Promise<void> => {
      const { removed, ahead } = await pruneOld(store, limits.keepDays, now());
      if (removed > 0) logger.info({ removed }, 'old entries of the audit trail were removed');
      if (ahead === undefined) return;
      const days = Math.ceil((ahead.atMs - now()) / 86_400_000);
      logger.warn({ seq: ahead.seq, days }, 'nothing of the audit trail is removed: its first entry is of the future');
    };
    this.#writing = this.#writing.then(() => this.#try(remove)).then(() => undefined);
    return this.#writing;
  }

  /** Writes what waits, the end of the server, and a checkpoint. */
  async close(): Promise<void> {
    clearInterval(this.#checkpointTimer);
    clearInterval(this.#pruneTimer);
    await this.#write(true, { event: 'server-stop', atMs: this.#options.now() });
  }

  #write(isCheckpoint: boolean, last?: AuditEvent): Promise<void> {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
    const { store, now, onGap } = this.#options;
    this.#writing = this.#writing.then(async () => {
      const events = this.#refusals.take(now(), isCheckpoint);
      if (last !== undefined) events.push(last);
      const isWritten = events.length === 0 || (await this.#try(() => store.append(events)));
      if (!isWritten) return this.#refusals.lose(events);
      for (const event of events) if (event.event === 'gap') onGap(event);
      if (isCheckpoint) await this.#try(() => this.#checkpoint());
    });
    return this.#writing;
  }

  /** Its place in the log: whoever keeps the log elsewhere can tell later that the trail was not cut off before it. */
  async #checkpoint(): Promise<void> {
    const { store, now, logger } = this.#options;
    await this.#compare();
    const { seq, hash } = await store.checkpoint(now());
    if (seq === this.#seen?.seq) return;
    this.#seen = { seq, hash };
    logger.info({ seq, hash: toHex(hash) }, 'audit checkpoint');
  }

  /** Whether the last checkpoint still stands: else the trail was rewritten or cut off while this server ran. */
  async #compare(): Promise<void> {
    if (this.#seen === undefined) return;
    const { store, logger } = this.#options;
    const { seq, hash } = this.#seen;
    const [row] = await store.read(seq - 1, 1);
    const isThere = row?.seq === seq && Buffer.compare(row.hash, hash) === 0;
    if (isThere || ((await store.anchor())?.seq ?? 0) >= seq) return;
    logger.error({ seq, hash: toHex(hash) }, 'the audit trail was changed by somebody else: this checkpoint is gone');
    this.#seen = undefined;
  }

  async #try(write: () => Promise<unknown>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      this.#options.logger.error(errorFields(error), 'the audit trail could not be written');
      return false;
    }
  }
}

/** The first four bytes of each key's id, to see when keys came and went. */
function idsOf({ serverKeys, oprfSeeds, ticketKeys, auditKeys = [] }: ServerKeys): string {
  const list = (keys: readonly { readonly id: Uint8Array }[]): string =>
    keys
      .slice(0, 4)
      .map(({ id }) => toHex(id.subarray(0, 4)))
      .join(',');
  return `server=${list(serverKeys)} oprf=${list(oprfSeeds)} ticket=${list(ticketKeys)} audit=${list(auditKeys)}`;
}
