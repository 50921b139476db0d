export interface LoginCredentials {
  /** As typed; prepared by RFC 8265 before it is used. */
  readonly username: string;
  /** As typed, or its UTF-8 (which is copied, so the caller can wipe it). Strings cannot be wiped from memory. */
  readonly password: string | Uint8Array;
}

/** Who logs in; the password may be asked for when it is needed, which it is not as long as there is a ticket. */
export interface LazyCredentials extends Pick<LoginCredentials, 'username'> {
  readonly password: Secret | (() => Secret | Promise<Secret>);
}
type Secret = LoginCredentials['password'];

export interface SignupCredentials extends LoginCredentials {
  /** The invite or reset code, where the server asks for one. */
  readonly invite?: string | undefined;
}
