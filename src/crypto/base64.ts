/** What newer engines, and Node, have for it: several times faster than a loop that has not been compiled yet. */
interface Decoders {
  readonly Uint8Array: { fromBase64?(base64: string): Uint8Array };
  readonly Buffer?: { from(base64: string, encoding: 'base64'): Uint8Array };
}

/** Decodes base64 that is known to be right. */
export function decodeBase64(base64: string): Uint8Array {
  const { Uint8Array: native, Buffer } = globalThis as unknown as Decoders;
  if (native.fromBase64) return native.fromBase64(base64);
  if (Buffer) return Buffer.from(base64, 'base64');
  const binary = atob(base64);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
