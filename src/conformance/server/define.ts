import { casesOf, type Case } from '../case.js';
import type { Need, ServerContext } from './context.js';

export type ServerCase = Case<ServerContext>;

/** A function that makes the cases of one area. */
export const define = casesOf<ServerContext, Need>;
