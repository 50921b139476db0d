/** The subprotocol offered and selected in the opening handshake. */
export const SUBPROTOCOL = 'blindsalt.v1';

/** Version numbers that this implementation speaks; `hello` lists the server's. */
export const PROTOCOL_VERSION = 1;

/** First byte of a control frame: the one byte that no msgpack value begins with. */
export const CONTROL_MARK = 0xc1;

/** Longest control frame before authentication, in bytes, the mark included. */
export const MAX_CONTROL_BYTES = 4096;

/** Message types. Numbers not listed here are reserved; PROTOCOL.md says for what. */
export const TYPE = {
  hello: 0,
  error: 1,
  welcome: 2,
  signupStart: 10,
  signupChallenge: 11,
  signupFinish: 12,
  loginStart: 20,
  loginChallenge: 21,
  loginFinish: 22,
  resume: 30,
  refresh: 40,
  refreshed: 41,
  stepUpStart: 50,
  stepUpChallenge: 51,
  stepUpFinish: 52,
  steppedUp: 53,
  reregisterStart: 60,
  reregisterChallenge: 61,
  reregisterFinish: 62,
  reregistered: 63,
  sessionsList: 70,
  sessionEntry: 71,
  revoke: 72,
  logout: 74,
  deleteAccount: 76,
  done: 79,
  expiring: 80,
  userChanged: 81,
} as const;

/** Bits of `welcome.flags`; unknown ones are ignored. */
export const WELCOME_FLAG = {
  /** The server asks for re-registration now: its key stretching or keys have changed. */
  reregister: 1,
} as const;

/** `revoke.scope`: which sessions of the user end. */
export const REVOKE_SCOPE = { one: 0, others: 1, all: 2 } as const;

/** `expiring.limit`: which limit is near. */
export const EXPIRING_LIMIT = { idle: 0, absolute: 1 } as const;

/** Login mechanisms, by their name on the wire. */
export const MECHANISM_SCHNORR = 'SCHNORR-RISTRETTO255';

/** Channel binding of RFC 9266. */
export const BINDING_TLS_EXPORTER = 'tls-exporter';
/** Label for the TLS exporter (RFC 9266, section 4.1); context empty, 32 bytes out. */
export const TLS_EXPORTER_LABEL = 'EXPORTER-Channel-Binding';
export const TLS_EXPORTER_BYTES = 32;

/** Labels of proofs: the Schnorr context, and the first field of the transcript hash. */
export const LABEL = {
  signupServer: 'blindsalt.v1 signup server',
  signupClient: 'blindsalt.v1 signup client',
  loginServer: 'blindsalt.v1 login server',
  loginClient: 'blindsalt.v1 login client',
  resumeServer: 'blindsalt.v1 resume server',
  resumeClient: 'blindsalt.v1 resume client',
  stepUpServer: 'blindsalt.v1 step-up server',
  stepUpClient: 'blindsalt.v1 step-up client',
  reregistrationServer: 'blindsalt.v1 re-registration server',
  reregistrationClientOld: 'blindsalt.v1 re-registration client old',
  reregistrationClientNew: 'blindsalt.v1 re-registration client new',
  device: 'blindsalt.v1 device',
} as const;
export type ProofLabel = (typeof LABEL)[keyof typeof LABEL];

/** Lengths in bytes. */
export const BYTES = {
  nonce: 32,
  element: 32,
  scalar: 32,
  proof: 64,
  /** bin 8 header of a 64-byte proof: 0xC4 0x40. */
  proofHeader: 2,
  hash: 64,
  sessionId: 16,
  userId: 16,
  serverKeyId: 16,
  /** RFC 9807 RegistrationRequest. */
  registrationRequest: 32,
  /** RFC 9807 RegistrationResponse: evaluated element, server public key. */
  registrationResponse: 64,
  /** RFC 9807 RegistrationRecord: client public key 32, masking key 64, envelope 96. */
  registrationRecord: 192,
  /** RFC 9807 CredentialRequest. */
  credentialRequest: 32,
  /** RFC 9807 CredentialResponse: evaluated element 32, masking nonce 32, masked response 128. */
  credentialResponse: 192,
  ticketId: 32,
  ticketSecret: 64,
  deviceId: 16,
  deviceSecret: 32,
  /** Device id, then HMAC-SHA-512. */
  deviceProof: 80,
} as const;

/** Key stretching functions, by their name on the wire. */
export type KsfName = 'argon2id' | 'pbkdf2-sha512';

/**
 * Parameters of the key stretching function, stored with each record.
 * For `pbkdf2-sha512`, `memoryKiB` and `parallelism` are 0.
 */
export interface KsfParameters {
  readonly name: KsfName;
  readonly memoryKiB: number;
  readonly iterations: number;
  readonly parallelism: number;
}

/** What a server asks for by default. */
export const DEFAULT_KSF: Readonly<Record<KsfName, KsfParameters>> = {
  argon2id: { name: 'argon2id', memoryKiB: 65_536, iterations: 3, parallelism: 1 },
  'pbkdf2-sha512': { name: 'pbkdf2-sha512', memoryKiB: 0, iterations: 210_000, parallelism: 0 },
};

/** Below the floor a client refuses (a server cannot weaken what guards the password). */
export const KSF_FLOOR: Readonly<Record<KsfName, KsfParameters>> = {
  argon2id: { name: 'argon2id', memoryKiB: 19_456, iterations: 2, parallelism: 1 },
  'pbkdf2-sha512': { name: 'pbkdf2-sha512', memoryKiB: 0, iterations: 210_000, parallelism: 0 },
};

/** Above the ceiling a client refuses (a server cannot make it work without end). */
export const KSF_CEILING: Readonly<Record<KsfName, KsfParameters>> = {
  argon2id: { name: 'argon2id', memoryKiB: 262_144, iterations: 10, parallelism: 4 },
  'pbkdf2-sha512': { name: 'pbkdf2-sha512', memoryKiB: 0, iterations: 2_000_000, parallelism: 0 },
};

/** Who may register: anyone; holders of an invite; nobody. */
export type RegistrationPolicy = 'open' | 'invite' | 'closed';

/** Defaults of the server's limits; each can be set where the engine is created. */
export const LIMITS = {
  /** Longest WebSocket message, bytes. */
  maxMessageBytes: 65_536,
  /** From the opening of the connection to `welcome`, milliseconds. */
  handshakeTimeoutMs: 20_000,
  /** Start messages on one connection. */
  maxAttempts: 5,
  /** Connections that have not authenticated, all together. */
  maxUnauthenticated: 2_000,
  /** Session without a message from the client, seconds. */
  idleSeconds: 3_600,
  /** Session from login on, seconds. */
  absoluteSeconds: 86_400,
  /** Notice before a session ends, seconds. */
  expiryWarningSeconds: 60,
  /** How old a password proof may be for what needs a fresh one, seconds. */
  freshPasswordSeconds: 60,
  /** Sessions of one user at a time. */
  maxSessionsPerUser: 100,
  /** Messages that wait for their computing; from then on, starts are told to come later. */
  maxWaitingWork: 4_000,
  /** Requests on one connection after `welcome`; a minute's worth may come at once. */
  requestsPerMinute: 60,
} as const;
