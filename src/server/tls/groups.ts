import { createSecureContext } from 'node:tls';

/** Hybrid key exchange of X25519 and ML-KEM-768: what is recorded today stays secret from tomorrow's quantum computers. */
export const POST_QUANTUM_GROUP = 'X25519MLKEM768';

let isKnown: boolean | undefined;

/** Whether the OpenSSL of this Node has it: 3.5 does, so Node 24 and later as published. Asked once. */
export function hasPostQuantumGroup(): boolean {
  try {
    if (isKnown === undefined) createSecureContext({ ecdhCurve: POST_QUANTUM_GROUP });
    isKnown ??= true;
  } catch {
    isKnown = false;
  }
  return isKnown;
}

/**
 * Key exchange groups for `ecdhCurve` of a server, in order of preference. Without the hybrid it is `auto`, OpenSSL's own
 * list, which begins with X25519.
 */
export function keyExchangeGroups(): string {
  return hasPostQuantumGroup() ? `${POST_QUANTUM_GROUP}:X25519:P-256:P-384` : 'auto';
}
