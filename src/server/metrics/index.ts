import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { isWireErrorCode } from '../../../proto/index.js';
import { AUDIT_EVENTS, type AuditEvent } from '../audit/events.js';
import type { Engine } from '../api.js';
import type { Observer } from '../observer.js';

export interface MetricsOptions {
  /** Where they are registered; a registry of their own by default. */
  readonly registry?: Registry | undefined;
  /** Whether Node's own (process, event loop, garbage collection) are registered too. Default true. */
  readonly processMetrics?: boolean | undefined;
}

export interface Metrics {
  readonly registry: Registry;
  /** For the engine's option `observers`. */
  readonly observer: Observer;
  /** From now on what is read from an engine is there too: the length of the audit trail, work that waits. */
  attach<A extends object>(engine: Engine<A>): void;
  /** What goes with `render`, for the header Content-Type. */
  readonly contentType: string;
  /** The text that Prometheus reads. */
  render(): Promise<string>;
}

const ATTEMPT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** Reasons of throttling that get a label of their own; more than these go together as `other`. */
const MAX_REASONS = 32;

/** Values of labels come from closed lists: nothing that a client sends makes a time series. */
export function createMetrics({ registry = new Registry(), processMetrics = true }: MetricsOptions = {}): Metrics {
  const registers = [registry];
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const attempts = new Counter({
    name: 'blindsalt_attempts_total',
    help: 'Logins, sign-ups and resumptions by result: ok, abandoned, or the error code',
    labelNames: ['kind', 'result'],
    registers,
  });
  const events = new Counter({
    name: 'blindsalt_events_total',
    help: 'Events about security, as the audit trail names them',
    labelNames: ['event'],
    registers,
  });
  const throttled = new Counter({
    name: 'blindsalt_throttled_total',
    help: 'Refused with try-later, by what was exhausted',
    labelNames: ['reason'],
    registers,
  });
  const stages = new Histogram({
    name: 'blindsalt_login_stage_seconds',
    help: 'Parts of a login: lookup, evaluate, verify, commit',
    labelNames: ['stage'],
    buckets: ATTEMPT_SECONDS,
    registers,
  });
  const store = new Histogram({
    name: 'blindsalt_store_seconds',
    help: 'Questions to the store',
    labelNames: ['operation'],
    buckets: ATTEMPT_SECONDS,
    registers,
  });
  const storeErrors = new Counter({
    name: 'blindsalt_store_errors_total',
    help: 'Questions that the store did not answer',
    labelNames: ['operation'],
    registers,
  });
  const sockets = new Gauge({
    name: 'blindsalt_sockets',
    help: 'Connections, before and after login',
    labelNames: ['state'],
    registers,
  });
  for (const event of AUDIT_EVENTS) events.inc({ event }, 0);
  for (const state of ['unauthenticated', 'authenticated']) sockets.set({ state }, 0);
  for (const kind of ['login', 'signup', 'resume']) attempts.inc({ kind, result: 'ok' }, 0);

  const reasons = new Set<string>();
  const reasonOf = ({ reason = 'other' }: AuditEvent): string => {
    if (!reasons.has(reason) && (reasons.size >= MAX_REASONS || !/^[a-z-]{1,40}$/.test(reason))) return 'other';
    reasons.add(reason);
    return reason;
  };
  const observer: Observer = {
    onEvent(event) {
      events.inc({ event: event.event });
      const attempt = attemptOf(event);
      if (attempt !== undefined) attempts.inc(attempt);
      if (event.code === 'try-later') throttled.inc({ reason: reasonOf(event) });
    },
    onStage: (stage, durationMs) => stages.observe({ stage }, durationMs / 1000),
    onStoreCall(operation, durationMs, failed) {
      store.observe({ operation }, durationMs / 1000);
      if (failed) storeErrors.inc({ operation });
    },
    onConnection(change, wasAuthenticated) {
      if (change === 'opened') return sockets.inc({ state: 'unauthenticated' });
      if (change === 'authenticated') sockets.inc({ state: 'authenticated' });
      sockets.dec({ state: change === 'closed' && wasAuthenticated ? 'authenticated' : 'unauthenticated' });
    },
  };

  return {
    registry,
    observer,
    attach: (engine) => attach(engine, registry),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

function attach<A extends object>(engine: Engine<A>, registry: Registry): void {
  const registers = [registry];
  const { audit } = engine.store;
  new Gauge({
    name: 'blindsalt_waiting_work',
    help: 'Messages that wait for their computing',
    registers,
    collect() {
      this.set(engine.waitingWork);
    },
  });
  if (audit === undefined) return;
  new Gauge({
    name: 'blindsalt_audit_entries',
    help: 'Number of the last entry of the audit trail',
    registers,
    // One chain, however many processes write it.
    aggregator: 'max',
    async collect() {
      try {
        this.set((await audit.head()).seq);
      } catch {
        // Said by blindsalt_store_errors_total and /readyz.
      }
    },
  });
}

type AttemptLabels = { readonly kind: string; readonly result: string };

function attemptOf({ event, code, reason, attempt = 'other' }: AuditEvent): AttemptLabels | undefined {
  switch (event) {
    case 'signup':
    case 'registered-anew':
      return { kind: 'signup', result: 'ok' };
    case 'login':
      return reason === 'after-signup' ? undefined : { kind: 'login', result: 'ok' };
    case 'resume':
      return { kind: 'resume', result: 'ok' };
    case 'ticket-reused':
      return { kind: 'resume', result: 'session-revoked' };
    case 'abandoned':
      return { kind: attempt, result: 'abandoned' };
    case 'refused':
      return { kind: attempt, result: code !== undefined && isWireErrorCode(code) ? code : 'other' };
    default:
      return undefined;
  }
}
