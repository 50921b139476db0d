import type { ProofLabel } from '../../proto/constants.js';
import { concat, framed, len16, type Binding } from '../../proto/transcript.js';

/**
 * The transcript of a connection (PROTOCOL.md section 6) by means of WebCrypto: a resume needs nothing else, and so
 * neither the core nor a Worker. Keeps the frames, which are few.
 */
export class FrameLog {
  readonly #frames: Uint8Array[] = [];

  append(frame: Uint8Array): void {
    this.#frames.push(framed(frame));
  }

  /** As `Transcript.hash`. */
  async hash(label: ProofLabel, binding: Binding, partial?: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const frames = partial === undefined ? this.#frames : [...this.#frames, framed(partial)];
    return sha512(concat(len16(label), len16(binding.type), len16(binding.value), await sha512(concat(...frames))));
  }

  /** As `Transcript.exchangeHead`. */
  async exchangeHead(sessionId: Uint8Array): Promise<Uint8Array> {
    return concat(await sha512(concat(...this.#frames)), sessionId);
  }
}

async function sha512(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-512', new Uint8Array(bytes)));
}
