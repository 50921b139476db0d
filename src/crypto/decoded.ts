import type { DecodedElement } from './types.js';

const MADE_HERE = Symbol('made by decode');

/** What `decode` makes, and nothing else: whoever has one has an element. Its class, which every object shows, makes none. */
class Decoded implements DecodedElement {
  readonly isIdentity: boolean;
  readonly #coordinates: Uint8Array;

  constructor(maker: symbol, coordinates: Uint8Array) {
    if (maker !== MADE_HERE) throw new TypeError('Elements are decoded by decode.');
    this.#coordinates = coordinates;
    this.isIdentity = coordinates.subarray(0, 32).every((byte) => byte === 0);
  }

  static coordinatesOf(value: object): Uint8Array | undefined {
    return #coordinates in value ? value.#coordinates : undefined;
  }
}

/** @param coordinates x and y of an element, 32 bytes each, little-endian; not to be changed afterwards */
export function makeDecoded(coordinates: Uint8Array): DecodedElement {
  return new Decoded(MADE_HERE, coordinates);
}

/** Undefined for whatever `makeDecoded` did not make. */
export function coordinatesOf(value: object): Uint8Array | undefined {
  return Decoded.coordinatesOf(value);
}
