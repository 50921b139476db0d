// Half-size scalars by themselves, for test/crypto/half-size.test.ts. Not part of the core.

import { halveVartime } from '../half-size';
import { IN, OUT } from '../memory';

export { IN, OUT };

/** IN: c. OUT: u, v. */
export function halve(): i32 {
  return halveVartime(OUT, OUT + 32, IN);
}
