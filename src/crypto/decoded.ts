import type { DecodedElement } from './types.js';

/** What `decode` makes, and nothing else: whoever has one has an element. */
export class Decoded implements DecodedElement {
  readonly isIdentity: boolean;
  readonly #coordinates: Uint8Array;

  /** @param coordinates x and y, 32 bytes each, little-endian; not to be changed afterwards */
  constructor(coordinates: Uint8Array) {
    this.#coordinates = coordinates;
    this.isIdentity = coordinates.subarray(0, 32).every((byte) => byte === 0);
  }

  static coordinatesOf(element: Decoded): Uint8Array {
    return element.#coordinates;
  }
}
