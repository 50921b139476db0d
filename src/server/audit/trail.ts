import { errorFields, type Logger } from '../logger.js';
import type { ServerKeys } from '../keys.js';
import { toHex } from './entry.js';
import type { AuditEvent } from './events.js';
import { DEFAULT_REFUSAL_LIMITS, Refusals, type RefusalLimits } from './refusals.js';
import type { AuditSigner } from './signer.js';
import type { AuditStore } from './store.js';

/** So long a refusal waits for others before it is written; a crash loses what waits. */
const WRITE_BEHIND_MS = 1000;
/** So many do not wait any longer. */
const WRITE_AT_ONCE = 256;
/** So often there is a checkpoint if anything was written, and counts of refusals are written. */
const CHECKPOINT_MS = 60_000;

interface TrailOptions {
  readonly store: AuditStore;
  readonly signer: AuditSigner;
  readonly keys: ServerKeys;
  readonly logger: Logger;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly limits?: RefusalLimits | undefined;
}

/** The engine's side of the audit trail: its beginning and end, checkpoints, and refusals, which are written behind. */
export class AuditTrail {
  readonly #options: TrailOptions;
  readonly #refusals: Refusals;
  #writeTimer: ReturnType<typeof setTimeout> | undefined;
  #checkpointTimer: ReturnType<typeof setInterval> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #loggedSeq = 0;

  constructor(options: TrailOptions) {
    this.#options = options;
    this.#refusals = new Refusals(options.limits ?? DEFAULT_REFUSAL_LIMITS);
    options.store.setSigner(options.signer);
  }

  async start(): Promise<void> {
    const { store, keys, now } = this.#options;
    await this.#try(() => store.started({ event: 'server-start', atMs: now() }, idsOf(keys)));
    this.#checkpointTimer = setInterval(() => void this.#write(true), CHECKPOINT_MS).unref();
  }

  /** Records, in a second at the latest, that somebody was refused. */
  refused(event: AuditEvent): void {
    this.#refusals.add(event, this.#options.monotonicMs());
    const { waiting } = this.#refusals;
    if (waiting === WRITE_AT_ONCE) void this.#write(false);
    else if (waiting > 0) this.#writeTimer ??= setTimeout(() => void this.#write(false), WRITE_BEHIND_MS).unref();
  }

  /** Writes what waits, the end of the server, and a checkpoint. */
  async close(): Promise<void> {
    clearInterval(this.#checkpointTimer);
    await this.#write(true, { event: 'server-stop', atMs: this.#options.now() });
  }

  #write(isCheckpoint: boolean, last?: AuditEvent): Promise<void> {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
    const { store, now } = this.#options;
    this.#writing = this.#writing.then(async () => {
      const events = this.#refusals.take(now(), isCheckpoint);
      if (last !== undefined) events.push(last);
      const isWritten = events.length === 0 || (await this.#try(() => store.append(events)));
      if (!isWritten) return this.#refusals.lose(events);
      if (isCheckpoint) await this.#try(() => this.#checkpoint());
    });
    return this.#writing;
  }

  /** Its place in the log: whoever keeps the log elsewhere can tell later that the trail was not cut off before it. */
  async #checkpoint(): Promise<void> {
    const { store, now, logger } = this.#options;
    const { seq, hash } = await store.checkpoint(now());
    if (seq === this.#loggedSeq) return;
    this.#loggedSeq = seq;
    logger.info({ seq, hash: toHex(hash) }, 'audit checkpoint');
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
