/** Where bytes are put that become a text; ids and hashes, no secrets. */
const copied = Buffer.allocUnsafeSlow(64);
const copiedBytes = new Uint8Array(copied.buffer);

/** Bytes as lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length > copied.length) return Buffer.from(bytes).toString('hex');
  // A copy: to look at the buffer of a small array costs memory for as long as the array lives.
  copied.set(bytes);
  return copied.toString('hex', 0, bytes.length);
}

/** The other way round. */
export function fromHex(text: string): Uint8Array {
  if (text.length > 2 * copied.length) return new Uint8Array(Buffer.from(text, 'hex'));
  // Not by way of the runtime's pool of small buffers: what lives on from it, like those of TLS sockets, keeps 8 KiB each.
  return copiedBytes.slice(0, copied.write(text, 'hex'));
}
