import {
  BYTES,
  encodeControl,
  LABEL,
  proofMessage,
  type Binding,
  type ChallengeFields,
  type KsfParameters,
  type LoginChallenge,
  type ProofLabel,
  type SignupChallenge,
  type Transcript,
  withoutProof,
} from '../../proto/index.js';
import type { Crypto, RandomSource } from '../crypto/types.js';
import { createCredentialResponse, createRegistrationResponse } from '../opaque/server.js';
import type { LoginMaterial } from './decoy.js';
import type { ServerKeyPair } from './keys.js';

const utf8 = new TextEncoder();

/** What both ends of a proof agree on. */
export interface ProofFacts {
  readonly domain: string;
  readonly username: string;
  readonly binding: Binding;
  readonly serverNonce: Uint8Array;
}

/** The frame of a login challenge, signed; `transcript` does not hold it yet. */
export function loginChallenge(
  crypto: Crypto,
  random: RandomSource,
  transcript: Transcript,
  facts: ProofFacts,
  material: LoginMaterial,
  request: Uint8Array,
): Uint8Array {
  const mechanismData = createCredentialResponse(
    crypto,
    request,
    material.serverKey.publicKey,
    material.registrationRecord,
    material.credentialIdentifier,
    material.oprfSeed.seed,
    random(BYTES.nonce),
  );
  const message: LoginChallenge = {
    kind: 'loginChallenge',
    ...challengeFields(facts, material.serverKey, material.ksf),
    mechanismData,
  };
  return signFrame(crypto, random, transcript, facts, message, material.serverKey, LABEL.loginServer);
}

/** The frame of a sign-up challenge, signed; `transcript` does not hold it yet. */
export function signupChallenge(
  crypto: Crypto,
  random: RandomSource,
  transcript: Transcript,
  facts: ProofFacts,
  material: Omit<LoginMaterial, 'registrationRecord'>,
  request: Uint8Array,
): Uint8Array {
  const mechanismData = createRegistrationResponse(
    crypto,
    request,
    material.serverKey.publicKey,
    material.credentialIdentifier,
    material.oprfSeed.seed,
  );
  const message: SignupChallenge = {
    kind: 'signupChallenge',
    ...challengeFields(facts, material.serverKey, material.ksf),
    mechanismData,
  };
  return signFrame(crypto, random, transcript, facts, message, material.serverKey, LABEL.signupServer);
}

function challengeFields(facts: ProofFacts, serverKey: ServerKeyPair, ksf: KsfParameters): ChallengeFields {
  return {
    serverNonce: facts.serverNonce,
    serverKeyId: serverKey.id,
    ksf: ksf.name,
    ksfMemoryKiB: ksf.memoryKiB,
    ksfIterations: ksf.iterations,
    ksfParallelism: ksf.parallelism,
    proof: new Uint8Array(BYTES.proof),
  };
}

/** Encodes with an empty proof, signs what precedes it, and puts the signature in its place. */
function signFrame(
  crypto: Crypto,
  random: RandomSource,
  transcript: Transcript,
  facts: ProofFacts,
  message: LoginChallenge | SignupChallenge,
  key: ServerKeyPair,
  label: ProofLabel,
): Uint8Array {
  const frame = encodeControl(message);
  const signed = signedBytes(transcript, facts, frame, label);
  frame.set(crypto.schnorr.sign(signed, key.privateKey, utf8.encode(label), random(32)), frame.length - BYTES.proof);
  return frame;
}

/** Whether the proof at the end of a client's frame is valid; `transcript` does not hold the frame yet. */
export function verifyFrame(
  crypto: Crypto,
  transcript: Transcript,
  facts: ProofFacts,
  frame: Uint8Array,
  clientPublicKey: Uint8Array,
  label: ProofLabel,
): boolean {
  const signed = signedBytes(transcript, facts, frame, label);
  const proof = frame.slice(frame.length - BYTES.proof);
  return crypto.schnorr.verify(proof, signed, clientPublicKey, utf8.encode(label));
}

function signedBytes(transcript: Transcript, facts: ProofFacts, frame: Uint8Array, label: ProofLabel): Uint8Array {
  const hash = transcript.hash(label, facts.binding, withoutProof(frame));
  return proofMessage(facts.domain, facts.username, facts.serverNonce, hash);
}
