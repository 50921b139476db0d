import type { Identity } from './listener.js';
import type { World } from './played-server.js';
import type { Subject, Task } from './subject.js';

/** What a case about a client has at hand. */
export interface ClientContext {
  readonly subject: Subject;
  readonly identity: Identity;
  /** Host name in the URLs, and the address and port to listen on. */
  readonly host: string;
  readonly listen: { readonly address: string; readonly port: number };
  readonly world: World;
  readonly password: string;
  /** How long the client may take for a step; key stretching included. */
  readonly stepMs: number;
}

/** What a case may need: an action that the client has, or the account of the honest sign-up. */
export type ClientNeed = Task['action'] | 'account';
