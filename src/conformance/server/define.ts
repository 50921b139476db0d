import type { Case, Level, Trial } from '../case.js';
import type { Need, ServerContext } from './context.js';

export type ServerCase = Case<ServerContext>;
type Run = (context: ServerContext, trial: Trial) => Promise<void>;

/** A function that makes the cases of one area. */
export function define(area: string) {
  return (
    id: string,
    section: string,
    title: string,
    needs: readonly Need[],
    run: Run,
    { level = 'MUST', timeoutMs }: { readonly level?: Level; readonly timeoutMs?: number } = {},
  ): ServerCase => ({ id, area, section, title, level, needs, run, ...(timeoutMs !== undefined && { timeoutMs }) });
}
