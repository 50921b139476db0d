// The exported functions: what the host (src/crypto/) calls. Nothing is imported from the host.
//
// The host writes arguments to IN and the message, or a part of it, to MESSAGE, calls one function, reads OUT and calls
// `wipe` or `wipeHashing`. Arguments follow each other in IN in the order in which they are named here. Scalars, elements,
// keys and seeds are 32 bytes. Results are a status (status.ts), or 1 and 0 for yes and no.
//
// From here down: calls and calls-protocols read arguments and write results; oprf, opaque, schnorr and ed25519 are the
// protocols; hash-to-group, hkdf, hmac and sha512 hash; ristretto255 and edwards (with edwards-stages and edwards-cached)
// are the group, edwards-vartime and half-size its fast side for verification, where all inputs are public; scalar
// computes modulo the group order; field is the field, on one of two back ends (field-extmul, field-fma, each with files
// for products, carrying and combination), and field-helpers what needs only its contract. tables.ts is generated,
// memory.ts says where everything lies.
//
// Why it is safe: nothing branches on a secret or uses one as an address (test/crypto/core-trace.test.ts); limbs stay within
// proved bounds (scripts/check-limb-bounds.js, check-scalar-bounds.js, check-half-size-bounds.js); after every operation
// memory is as it was before
// (test/crypto/core-memory.test.ts); and every result is compared with independent implementations.
//
// Whoever calls with a length that an operation does not take gets BAD_LENGTH (functions that answer yes or no: 0), and
// nothing is read or written. So whatever the host does wrong, nothing outside the areas of memory.ts changes.

import { initBase } from './edwards';
import { initBaseVartime } from './edwards-vartime';
import { initConstants } from './field-helpers';
import { initXmd } from './hash-to-group';
import { IN, MESSAGE, MESSAGE_SIZE, OUT, point, wipe, wipeHashing } from './memory';

export * from './calls';
export * from './calls-protocols';
export { IN, MESSAGE, MESSAGE_SIZE, OUT, wipe, wipeHashing };

/** Makes the tables. Called once, before anything else. */
export function init(): void {
  initConstants();
  initBase(point(1));
  initBaseVartime(point(1));
  initXmd();
  wipe(0, 0, 0);
}
