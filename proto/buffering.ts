// What one end may make the other buffer: a limit on bytes alone lets tiny pieces cost many times their content.

/** What a fragment of an unfinished message costs beside its content, bytes, measured with `ws` on Node. */
const FRAGMENT_BYTES = 100;
/** What a piece of an unfinished frame costs, bytes; a TLS record is one. */
const CHUNK_BYTES = 410;

/** Most fragments of one message: one for each 4 KiB, at least 128. */
export function maxFragments(maxMessageBytes: number): number {
  return Math.max(128, Math.ceil(maxMessageBytes / 4096));
}

/** Most pieces that may wait for the rest of a frame: one for each 256 bytes, and 64. */
export function maxBufferedChunks(maxMessageBytes: number): number {
  return 64 + Math.ceil(maxMessageBytes / 256);
}

/** Most memory that an unfinished message takes, bytes. */
export function maxBufferedBytes(maxMessageBytes: number): number {
  return (
    maxMessageBytes + FRAGMENT_BYTES * maxFragments(maxMessageBytes) + CHUNK_BYTES * maxBufferedChunks(maxMessageBytes)
  );
}
