export interface LoginCredentials {
  /** As typed; prepared by RFC 8265 before it is used. */
  readonly username: string;
  /** As typed, or its UTF-8 (which is copied, so the caller can wipe it). Strings cannot be wiped from memory. */
  readonly password: string | Uint8Array;
}

export interface SignupCredentials extends LoginCredentials {
  /** The invite or reset code, where the server asks for one. */
  readonly invite?: string | undefined;
}
