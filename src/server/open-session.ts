import type { Binding } from '../../proto/index.js';
import { fromHex } from './hex.js';

/** What an open connection knows of its session. Ids are kept as texts, which take less memory than byte strings. */
export class OpenSession {
  /** Both ids in hexadecimal. */
  readonly sessionKey: string;
  readonly userKey: string;
  /** As `welcome` said it. */
  readonly username: string;
  readonly epoch: number;
  readonly binding: Binding;
  /** When the password was proved on this connection, on the monotonic clock; undefined: it was not. */
  readonly provenAtMs: number | undefined;
  /** When it was proved last in this session, milliseconds since 1970. */
  readonly passwordProvenAtMs: number;

  constructor(facts: Omit<OpenSession, 'sessionId' | 'userId' | 'proven'>) {
    this.sessionKey = facts.sessionKey;
    this.userKey = facts.userKey;
    this.username = facts.username;
    this.epoch = facts.epoch;
    this.binding = facts.binding;
    this.provenAtMs = facts.provenAtMs;
    this.passwordProvenAtMs = facts.passwordProvenAtMs;
  }

  get sessionId(): Uint8Array {
    return fromHex(this.sessionKey);
  }

  get userId(): Uint8Array {
    return fromHex(this.userKey);
  }

  /** The same with a later proof. */
  proven(provenAtMs: number | undefined, passwordProvenAtMs: number): OpenSession {
    return new OpenSession({ ...this, provenAtMs, passwordProvenAtMs });
  }
}
