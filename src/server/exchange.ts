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
  type ReregisterChallenge,
  type SignupChallenge,
  type StepUpChallenge,
  type Transcript,
  withoutProof,
} from '../../proto/index.js';
import type { Crypto, DecodedElement, RandomSource, SchnorrSigner } from '../crypto/types.js';
import { createCredentialResponse, createRegistrationResponse } from '../opaque/server.js';
import type { LoginMaterial } from './decoy.js';
import type { ServerKeyPair } from './keys.js';

const utf8 = new TextEncoder();
/** Labels as contexts of signatures. */
const CONTEXTS = Object.fromEntries(Object.values(LABEL).map((label) => [label, utf8.encode(label)])) as Readonly<
  Record<ProofLabel, Uint8Array>
>;

/** Room for a proof. */
export const NO_PROOF: Uint8Array = new Uint8Array(BYTES.proof);

type Challenge = LoginChallenge | StepUpChallenge | SignupChallenge | ReregisterChallenge;

/** What both ends of a proof agree on. */
export interface ProofFacts {
  readonly domain: string;
  readonly username: string;
  readonly binding: Binding;
  readonly serverNonce: Uint8Array;
}

/** The frame of a challenge to prove the password, signed; `transcript` does not hold it yet. */
export function loginChallenge(
  crypto: Crypto,
  random: RandomSource,
  transcript: Transcript,
  facts: ProofFacts,
  material: LoginMaterial,
  request: DecodedElement,
  kind: 'loginChallenge' | 'stepUpChallenge' = 'loginChallenge',
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
  const message = challengeMessage(kind, facts, material.serverKey, material.ksf, mechanismData);
  const label = kind === 'loginChallenge' ? LABEL.loginServer : LABEL.stepUpServer;
  return signFrame(crypto, random, transcript, facts, message, material.serverKey, label);
}

/**
 * The frame of a challenge to register, signed; `transcript` does not hold it yet.
 * @param signer the key of the record in force, when there is one that is to be replaced
 */
export function signupChallenge(
  crypto: Crypto,
  random: RandomSource,
  transcript: Transcript,
  facts: ProofFacts,
  material: Omit<LoginMaterial, 'registrationRecord'>,
  request: DecodedElement,
  signer?: ServerKeyPair,
): Uint8Array {
  const mechanismData = createRegistrationResponse(
    crypto,
    request,
    material.serverKey.publicKey,
    material.credentialIdentifier,
    material.oprfSeed.seed,
  );
  const [kind, key, label] =
    signer === undefined
      ? (['signupChallenge', material.serverKey, LABEL.signupServer] as const)
      : (['reregisterChallenge', signer, LABEL.reregistrationServer] as const);
  const message = challengeMessage(kind, facts, material.serverKey, material.ksf, mechanismData);
  return signFrame(crypto, random, transcript, facts, message, key, label);
}

function challengeMessage<K extends Challenge['kind']>(
  kind: K,
  { serverNonce }: ProofFacts,
  { id: serverKeyId }: ServerKeyPair,
  { name: ksf, memoryKiB: ksfMemoryKiB, iterations: ksfIterations, parallelism: ksfParallelism }: KsfParameters,
  mechanismData: Uint8Array,
): ChallengeFields & { readonly kind: K; readonly mechanismData: Uint8Array } {
  const proof = NO_PROOF;
  return { kind, serverNonce, serverKeyId, ksf, ksfMemoryKiB, ksfIterations, ksfParallelism, mechanismData, proof };
}

/** One for each key: made once, it halves the work of a signature. */
const signers = new WeakMap<ServerKeyPair, { readonly crypto: Crypto; readonly signer: SchnorrSigner }>();

function signerOf(crypto: Crypto, key: ServerKeyPair): SchnorrSigner {
  const known = signers.get(key);
  if (known?.crypto === crypto) return known.signer;
  const signer = crypto.schnorr.createSigner(key.privateKey);
  signers.set(key, { crypto, signer });
  return signer;
}

/** Encodes with an empty proof, signs what precedes it, and puts the signature in its place. */
function signFrame(
  crypto: Crypto,
  random: RandomSource,
  transcript: Transcript,
  facts: ProofFacts,
  message: Challenge,
  key: ServerKeyPair,
  label: ProofLabel,
): Uint8Array {
  const frame = encodeControl(message);
  const signed = signedBytes(transcript, facts, withoutProof(frame), label);
  frame.set(signerOf(crypto, key).sign(signed, CONTEXTS[label], random(32)), frame.length - BYTES.proof);
  return frame;
}

/**
 * Whether a proof of a client's frame is valid; `transcript` does not hold the frame yet.
 * @param of how many proofs end the frame, and which of them is meant
 */
export function verifyFrame(
  crypto: Crypto,
  transcript: Transcript,
  facts: ProofFacts,
  frame: Uint8Array,
  clientPublicKey: Uint8Array,
  label: ProofLabel,
  { proofs = 1, index = 0 }: { readonly proofs?: number; readonly index?: number } = {},
): boolean {
  const signed = signedBytes(transcript, facts, withoutProof(frame, proofs), label);
  const end = frame.length - (proofs - 1 - index) * (BYTES.proof + BYTES.proofHeader);
  return crypto.schnorr.verify(frame.slice(end - BYTES.proof, end), signed, clientPublicKey, CONTEXTS[label]);
}

function signedBytes(transcript: Transcript, facts: ProofFacts, unproved: Uint8Array, label: ProofLabel): Uint8Array {
  const hash = transcript.hash(label, facts.binding, unproved);
  return proofMessage(facts.domain, facts.username, facts.serverNonce, hash);
}
