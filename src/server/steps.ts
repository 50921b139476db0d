import type { WireErrorCode } from '../../proto/index.js';
import type { CodeUse, CreateUserResult, LoginRow, NewUser, ProfileShare, RegistrationCode, User } from './store.js';

/** What a connection asks its store, by way of the engine. */
export type Question =
  | { readonly ask: 'login'; readonly username: string }
  | { readonly ask: 'code'; readonly use: CodeUse; readonly username: string }
  | { readonly ask: 'user'; readonly userId: Uint8Array }
  | { readonly ask: 'create'; readonly user: NewUser; readonly code: CodeUse | undefined };

export type Answer =
  | { readonly to: 'login'; readonly row: LoginRow; readonly shares: readonly ProfileShare[] }
  | { readonly to: 'code'; readonly kind: RegistrationCode['kind'] | undefined }
  | { readonly to: 'user'; readonly user: User | undefined }
  | { readonly to: 'create'; readonly outcome: CreateUserResult };

/** What can happen to a connection. */
export type Input =
  | { readonly type: 'opened' }
  /** A binary message whose first byte is 0xC1 and whose second is not. */
  | { readonly type: 'control-frame'; readonly frame: Uint8Array }
  /** Any other message. */
  | { readonly type: 'application-frame' }
  | { readonly type: 'answer'; readonly answer: Answer }
  /** The store, or the engine on its way there, failed. */
  | { readonly type: 'failed'; readonly error: unknown }
  /** The handshake took too long. */
  | { readonly type: 'deadline' }
  | { readonly type: 'expired'; readonly limit: 'idle' | 'absolute' }
  /** Refused before `hello`. */
  | { readonly type: 'refused'; readonly code: WireErrorCode; readonly reason: string }
  | { readonly type: 'shutdown' }
  /** The socket is gone. */
  | { readonly type: 'gone' };

/** What is to be done for a connection. */
export type Action =
  | { readonly do: 'send'; readonly frame: Uint8Array }
  | { readonly do: 'close'; readonly code: number; readonly reason: string }
  | { readonly do: 'ask'; readonly question: Question }
  | {
      readonly do: 'authenticated';
      readonly sessionId: Uint8Array;
      readonly user: User;
      readonly subprotocol: string;
      readonly deviceLabel: string;
    }
  | {
      readonly do: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly code: string | undefined;
      readonly reason: string | undefined;
    }
  /** A failure of our own side. */
  | { readonly do: 'log-error'; readonly error: unknown };
