/** The server speaks first. `limits`: maxMessageBytes, handshakeTimeoutMs, maxAttempts; later entries are ignored. */
export interface Hello {
  readonly kind: 'hello';
  readonly serverNonce: Uint8Array;
  readonly domain: string;
  readonly versions: readonly number[];
  readonly mechanisms: readonly string[];
  readonly bindings: readonly string[];
  readonly registration: string;
  readonly limits: readonly number[];
  readonly puzzle: Uint8Array;
}

export interface ErrorMessage {
  readonly kind: 'error';
  readonly code: string;
  readonly retryAfterSeconds: number;
}

export interface Welcome {
  readonly kind: 'welcome';
  readonly sessionId: Uint8Array;
  readonly userId: Uint8Array;
  readonly username: string;
  /** The application's subprotocol, chosen among those offered; empty for none. */
  readonly subprotocol: string;
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
  readonly roles: readonly string[];
  readonly ticketId: Uint8Array;
  readonly ticketSecret: Uint8Array;
  /** What shows at later logins that this device has logged in before; both empty for none. */
  readonly deviceId: Uint8Array;
  readonly deviceSecret: Uint8Array;
  /** Bit field; unknown bits are ignored. None is defined yet. */
  readonly flags: number;
  readonly proof: Uint8Array;
}

/** What every start message carries. */
export interface StartFields {
  readonly username: string;
  readonly clientNonce: Uint8Array;
  /** Host and port that the client dialled, `host:port`. */
  readonly target: string;
  /** Channel binding used, or empty. */
  readonly binding: string;
  /** `location.origin` in browsers, empty elsewhere. */
  readonly origin: string;
  readonly subprotocols: readonly string[];
  readonly deviceLabel: string;
  /** In `login-start`: device id 16, HMAC 64; else empty. */
  readonly deviceProof: Uint8Array;
  readonly puzzleAnswer: Uint8Array;
}

export interface SignupStart extends StartFields {
  readonly kind: 'signupStart';
  readonly invite: string;
  readonly ksfs: readonly string[];
  /** RFC 9807 RegistrationRequest, 32 bytes. */
  readonly mechanismData: Uint8Array;
}

export interface LoginStart extends StartFields {
  readonly kind: 'loginStart';
  readonly mechanism: string;
  /** SCHNORR-RISTRETTO255: RFC 9807 CredentialRequest, 32 bytes. */
  readonly mechanismData: Uint8Array;
}

export interface ChallengeFields {
  readonly serverNonce: Uint8Array;
  readonly serverKeyId: Uint8Array;
  readonly ksf: string;
  readonly ksfMemoryKiB: number;
  readonly ksfIterations: number;
  readonly ksfParallelism: number;
  readonly proof: Uint8Array;
}

export interface SignupChallenge extends ChallengeFields {
  readonly kind: 'signupChallenge';
  /** RFC 9807 RegistrationResponse, 64 bytes. */
  readonly mechanismData: Uint8Array;
}

export interface LoginChallenge extends ChallengeFields {
  readonly kind: 'loginChallenge';
  /** SCHNORR-RISTRETTO255: RFC 9807 CredentialResponse, 192 bytes. */
  readonly mechanismData: Uint8Array;
}

export interface SignupFinish {
  readonly kind: 'signupFinish';
  /** RFC 9807 RegistrationRecord, 192 bytes. */
  readonly record: Uint8Array;
  readonly proof: Uint8Array;
}

export interface LoginFinish {
  readonly kind: 'loginFinish';
  readonly proof: Uint8Array;
}

/** Resumption of a session by its ticket. The proof is an HMAC by the ticket's secret. */
export interface Resume extends Omit<StartFields, 'username'> {
  readonly kind: 'resume';
  /** Session id, then serial. */
  readonly ticketId: Uint8Array;
  readonly proof: Uint8Array;
}

/** What is left of a session in seconds (0: no such limit), and its new ticket (empty: none). */
export interface LifeFields {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
  readonly ticketId: Uint8Array;
  readonly ticketSecret: Uint8Array;
}
/** After a proof of the password. */
export interface ProvenLifeFields extends LifeFields {
  readonly deviceId: Uint8Array;
  readonly deviceSecret: Uint8Array;
}

export interface Refresh {
  readonly kind: 'refresh';
}
export interface Refreshed extends LifeFields {
  readonly kind: 'refreshed';
}

/** A new proof of the password on the living connection; the username is the session's. */
export interface StepUpStart {
  readonly kind: 'stepUpStart';
  readonly clientNonce: Uint8Array;
  readonly mechanism: string;
  readonly mechanismData: Uint8Array;
}
export interface StepUpChallenge extends ChallengeFields {
  readonly kind: 'stepUpChallenge';
  readonly mechanismData: Uint8Array;
}
export interface StepUpFinish {
  readonly kind: 'stepUpFinish';
  readonly proof: Uint8Array;
}
export interface SteppedUp extends ProvenLifeFields {
  readonly kind: 'steppedUp';
}

/** A new credential for the session's user: password change, or other key stretching or keys. */
export interface ReregisterStart {
  readonly kind: 'reregisterStart';
  readonly clientNonce: Uint8Array;
  readonly ksfs: readonly string[];
  readonly mechanismData: Uint8Array;
}
export interface ReregisterChallenge extends ChallengeFields {
  readonly kind: 'reregisterChallenge';
  readonly mechanismData: Uint8Array;
}
export interface ReregisterFinish {
  readonly kind: 'reregisterFinish';
  readonly record: Uint8Array;
  /** 1: all other sessions of the user end. */
  readonly endOthers: number;
  /** By the client key of the record in force. */
  readonly oldProof: Uint8Array;
  /** By the client key of the new record. */
  readonly newProof: Uint8Array;
}
export interface Reregistered extends ProvenLifeFields {
  readonly kind: 'reregistered';
}

export interface SessionsList {
  readonly kind: 'sessionsList';
}
/** One session of the user; an entry with an empty id ends the list. */
export interface SessionEntry {
  readonly kind: 'sessionEntry';
  readonly sessionId: Uint8Array;
  readonly deviceLabel: string;
  readonly createdAtSeconds: number;
  readonly lastSeenAtSeconds: number;
  readonly addressPrefix: string;
  /** 1: the session of this connection. */
  readonly current: number;
}
export interface Revoke {
  readonly kind: 'revoke';
  /** For scope 0, else empty. */
  readonly sessionId: Uint8Array;
  /** 0 that one, 1 all others, 2 all with this one. */
  readonly scope: number;
}
export interface Logout {
  readonly kind: 'logout';
  /** 1: all sessions of the user end. */
  readonly everywhere: number;
}
export interface DeleteAccount {
  readonly kind: 'deleteAccount';
}
/** What was asked for is done; `count` sessions were ended. */
export interface Done {
  readonly kind: 'done';
  readonly count: number;
}

/** Notice: the session ends soon. `limit`: 0 idle, 1 absolute. */
export interface Expiring {
  readonly kind: 'expiring';
  readonly secondsLeft: number;
  readonly limit: number;
}
/** Notice: the user's roles have changed. */
export interface UserChanged {
  readonly kind: 'userChanged';
  readonly roles: readonly string[];
}

/** What a client may send after `welcome`. */
export type ClientRequest =
  | Refresh
  | StepUpStart
  | StepUpFinish
  | ReregisterStart
  | ReregisterFinish
  | SessionsList
  | Revoke
  | Logout
  | DeleteAccount;
/** What a server may send after `welcome`, besides `error`. */
export type ServerReply =
  | Refreshed
  | StepUpChallenge
  | SteppedUp
  | ReregisterChallenge
  | Reregistered
  | SessionEntry
  | Done
  | Expiring
  | UserChanged;
export type ClientMessage = SignupStart | SignupFinish | LoginStart | LoginFinish | Resume | ClientRequest;
export type ServerMessage = Hello | ErrorMessage | Welcome | SignupChallenge | LoginChallenge | ServerReply;
export type Message = ClientMessage | ServerMessage;
