import type { WireErrorCode } from '../../proto/index.js';
import type { OpenSession } from './open-session.js';
import type {
  BeginSessionResult,
  CodeUse,
  CreateUserResult,
  EndSessions,
  LoginRow,
  NewSession,
  NewUser,
  ProfileShare,
  RecordReplacement,
  RegistrationCode,
  RotateTicketResult,
  SessionEndReason,
  SessionPolicy,
  SessionRow,
  TicketRotation,
  User,
} from './store.js';

/** What a connection asks its store, by way of the engine. */
export type Question =
  | { readonly ask: 'login'; readonly username: string }
  | { readonly ask: 'code'; readonly use: CodeUse; readonly username: string }
  | { readonly ask: 'create'; readonly user: NewUser; readonly code: CodeUse | undefined }
  | { readonly ask: 'begin'; readonly session: NewSession; readonly policy: SessionPolicy }
  | { readonly ask: 'rotate'; readonly rotation: TicketRotation }
  | {
      readonly ask: 'replace';
      readonly replacement: RecordReplacement;
      /** The record that is replaced was made with keys or key stretching that new ones do not get. */
      readonly isOutdated?: boolean;
    }
  | { readonly ask: 'sessions'; readonly userId: Uint8Array; readonly nowMs: number }
  | { readonly ask: 'end'; readonly which: EndSessions }
  | { readonly ask: 'delete'; readonly userId: Uint8Array; readonly nowMs: number };

export type Answer =
  | { readonly to: 'login'; readonly row: LoginRow; readonly shares: readonly ProfileShare[] }
  | { readonly to: 'code'; readonly kind: RegistrationCode['kind'] | undefined }
  | { readonly to: 'create'; readonly outcome: CreateUserResult }
  | { readonly to: 'begin'; readonly outcome: BeginSessionResult }
  | { readonly to: 'rotate'; readonly outcome: RotateTicketResult }
  | { readonly to: 'replace'; readonly outcome: RotateTicketResult }
  | { readonly to: 'sessions'; readonly sessions: readonly SessionRow[] }
  /** Ids of those that were open. */
  | { readonly to: 'end'; readonly ended: readonly Uint8Array[] }
  | { readonly to: 'delete'; readonly count: number };

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
  /** A limit of the session is near. */
  | { readonly type: 'expiring'; readonly limit: 'idle' | 'absolute'; readonly secondsLeft: number }
  | { readonly type: 'expired'; readonly limit: 'idle' | 'absolute' }
  /** The session of this connection was ended in the store; undefined: for a reason that is not known any more. */
  | { readonly type: 'ended'; readonly reason: SessionEndReason | undefined }
  /** The session of this connection was resumed elsewhere. */
  | { readonly type: 'replaced' }
  /** The user of this connection has other roles. */
  | { readonly type: 'user-changed'; readonly roles: readonly string[] }
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
      readonly open: OpenSession;
      readonly session: SessionRow;
      readonly user: User;
      readonly subprotocol: string;
      readonly isResumed: boolean;
    }
  /** The session has a new life: idle limit from now on, and with a proof of the password the row's absolute limit. */
  | {
      readonly do: 'renewed';
      readonly open: OpenSession;
      readonly session: SessionRow;
      readonly isPasswordProven: boolean;
    }
  | {
      readonly do: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly code: string | undefined;
      readonly reason: string | undefined;
      /** Whose account it is about, as far as that is known. */
      readonly userId?: Uint8Array | undefined;
    }
  /** A failure of our own side. */
  | { readonly do: 'log-error'; readonly error: unknown };
