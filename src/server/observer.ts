import type { AuditEvent } from './audit/events.js';

/**
 * The parts of a login's time: `lookup`, reading the user; `evaluate`, making the challenge; `verify`, checking the proof;
 * `commit`, writing the session.
 */
export type Stage = 'lookup' | 'evaluate' | 'verify' | 'commit';

/** Hears what an engine does: metrics, alarms. Its methods must not throw nor wait; what they throw is logged once. */
export interface Observer {
  /** Something about security happened; what the store was to keep is on disk by then. */
  onEvent?(event: AuditEvent): void;
  /** One part of a login took so long, milliseconds. */
  onStage?(stage: Stage, durationMs: number): void;
  /** A question to the store was answered; `failed` when it was not. */
  onStoreCall?(operation: string, durationMs: number, failed: boolean): void;
  /** A connection came, got its session, or is gone. */
  onConnection?(change: 'opened' | 'authenticated' | 'closed', wasAuthenticated: boolean): void;
}

/** Several observers as one, none of which can disturb the engine; undefined when nobody listens. */
export function combineObservers(
  observers: readonly Observer[],
  failed: (error: unknown) => void,
): Required<Observer> | undefined {
  if (observers.length === 0) return undefined;
  const tell = (call: (observer: Observer) => void): void => {
    for (const observer of observers) {
      try {
        call(observer);
      } catch (error) {
        failed(error);
      }
    }
  };
  return {
    onEvent: (event) => tell((one) => one.onEvent?.(event)),
    onStage: (stage, durationMs) => tell((one) => one.onStage?.(stage, durationMs)),
    onStoreCall: (operation, durationMs, hasFailed) =>
      tell((one) => one.onStoreCall?.(operation, durationMs, hasFailed)),
    onConnection: (change, was) => tell((one) => one.onConnection?.(change, was)),
  };
}
