/**
 * What the engine knows of a socket. An adapter translates one library into this and nothing else: no policy there.
 */
export interface Transport {
  /** Sends one binary WebSocket message. Never throws; a dead socket swallows it. */
  send(frame: Uint8Array): void;
  /** Starts the closing handshake; `reason` has at most 123 bytes of UTF-8. Never throws. */
  close(code: number, reason: string): void;
}

/** What an adapter knows of the other end when the connection opens. */
export interface Peer {
  /** Address of the client: behind trusted proxies the rightmost untrusted X-Forwarded-For entry. */
  readonly address: string;
  /**
   * True for TLS in this process, or a trusted proxy that says so. `loopback`: plaintext from a loopback address, which is
   * enough for clients that dialled a loopback host.
   */
  readonly secure: boolean | 'loopback';
  /** The Origin header; undefined when there was none. */
  readonly origin: string | undefined;
  /** True when the client offered `blindsalt.v1` in the opening handshake. */
  readonly subprotocolOffered: boolean;
  /** RFC 9266 `tls-exporter` value, 32 bytes, where TLS 1.3 ends in this process; may throw once the connection is gone. */
  readonly tlsExporter?: (() => Uint8Array) | undefined;
}
