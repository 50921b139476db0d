import {
  BINDING_TLS_EXPORTER,
  BlindsaltError,
  BYTES,
  MECHANISM_SCHNORR,
  NO_BINDING,
  type Binding,
  type KsfParameters,
  type LoginStart,
  type Resume,
  type SignupStart,
  type WireErrorCode,
} from '../../proto/index.js';
import type { Crypto, DecodedElement } from '../crypto/types.js';
import { isPreparedUsername } from '../opaque/identity/index.js';
import { hashCode } from './admin.js';
import type { Settings } from './options.js';

/** What is known of the other end of one connection. */
export interface PeerFacts {
  /** The Origin header. */
  readonly origin: string | undefined;
  /** The client is on this machine and came without TLS: only a loopback host can be what it dialled. */
  readonly isPlainLoopback: boolean;
  /** RFC 9266 `tls-exporter` value, 32 bytes, where there is one. */
  readonly tlsExporter: Uint8Array | undefined;
}

/** Refuses with a code; `reason` goes to the log only. */
export function refuse(code: WireErrorCode, reason: string): never {
  throw new BlindsaltError(code, undefined, { reason });
}

/** True when pages of this origin may connect; without an Origin header, when native clients may. */
export function isOriginAllowed(settings: Settings, origin: string | undefined): boolean {
  if (origin === undefined) return settings.allowNative;
  if (settings.origins.has(origin)) return true;
  if (settings.originHosts.size === 0) return false;
  try {
    const url = new URL(origin);
    return url.protocol === 'https:' && url.origin === origin && settings.originHosts.has(url.hostname);
  } catch {
    return false;
  }
}

function isTargetAllowed(settings: Settings, target: string): boolean {
  if (settings.targets.has(target)) return true;
  const match = /^(.+):([1-9]\d{0,4})$/.exec(target);
  return match !== null && Number(match[2]) <= 65_535 && settings.targetHosts.has(match[1]!);
}

const LOOPBACK_TARGET = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\]):\d+$/;

/** What opens an attempt. */
export type StartMessage = LoginStart | SignupStart | Resume;

/** The checks that all start messages have in common, in the order of PROTOCOL.md 5.2, from `target` to the answers. */
export function checkStart(settings: Settings, peer: PeerFacts, start: StartMessage): Binding {
  if (!isTargetAllowed(settings, start.target)) refuse('target-refused', 'target-unlisted');
  // A proxy without TLS in between would make everybody look like a neighbour.
  if (peer.isPlainLoopback && !LOOPBACK_TARGET.test(start.target)) refuse('tls-required', 'plaintext-from-afar');
  if (start.origin !== (peer.origin ?? '')) refuse('origin-refused', 'origin-differs-from-header');
  if (!isOriginAllowed(settings, peer.origin)) refuse('origin-refused', 'origin-unlisted');
  const binding = checkBinding(settings, peer, start.binding);
  // Puzzles are not part of this version: nothing was asked for, so nothing may be answered.
  if (start.kind !== 'loginStart' && start.deviceProof.length > 0) refuse('protocol-error', 'device-proof-unasked');
  if (start.puzzleAnswer.length > 0) refuse('protocol-error', 'puzzle-answer-unasked');
  return binding;
}

/** Their last, where there is a username. */
export function checkUsername(username: string): void {
  if (!isPreparedUsername(username)) refuse('username-invalid', 'username-unprepared');
}

function checkBinding(settings: Settings, peer: PeerFacts, binding: string): Binding {
  if (binding === '') {
    if (settings.requireBinding) refuse('binding-refused', 'binding-missing');
    return NO_BINDING;
  }
  if (binding !== BINDING_TLS_EXPORTER || peer.tlsExporter === undefined)
    refuse('binding-refused', 'binding-unoffered');
  return { type: binding, value: peer.tlsExporter };
}

/** The blinded element of a start message, if it decodes and is not the identity. */
export function checkElement(crypto: Crypto, element: Uint8Array): DecodedElement {
  if (element.length !== BYTES.element) refuse('protocol-error', 'element-length');
  let decoded: DecodedElement;
  try {
    decoded = crypto.ristretto255.decode(element);
  } catch (error) {
    if (!(error instanceof BlindsaltError && error.code === 'crypto-encoding')) throw error;
    return refuse('protocol-error', 'element-encoding');
  }
  if (decoded.isIdentity) refuse('protocol-error', 'element-identity');
  return decoded;
}

/** What `login-start` and `step-up-start` have beside. */
export function checkLoginStart(
  crypto: Crypto,
  start: Pick<LoginStart, 'mechanism' | 'mechanismData'>,
): DecodedElement {
  if (start.mechanism !== MECHANISM_SCHNORR) refuse('mechanism-unsupported', 'mechanism-unknown');
  return checkElement(crypto, start.mechanismData);
}

/** What only `signup-start` has; the code itself is looked up afterwards. */
export function checkSignupStart(
  crypto: Crypto,
  settings: Settings,
  start: SignupStart,
): { readonly codeHash: Uint8Array | undefined; readonly ksf: KsfParameters; readonly request: DecodedElement } {
  if (start.invite === '' && settings.registration === 'closed') refuse('registration-closed', 'policy-closed');
  if (start.invite === '' && settings.registration === 'invite') refuse('invite-invalid', 'code-missing');
  const codeHash = start.invite === '' ? undefined : hashCode(start.invite);
  if (start.invite !== '' && codeHash === undefined) refuse('invite-invalid', 'code-malformed');
  const ksf = chooseKsf(settings, start.ksfs);
  return { codeHash, ksf, request: checkElement(crypto, start.mechanismData) };
}

/** The first of the server's own that the client has. */
export function chooseKsf(settings: Settings, offered: readonly string[]): KsfParameters {
  const ksf = settings.ksf.find(({ name }) => offered.includes(name));
  return ksf ?? refuse('ksf-unsupported', 'ksf-not-shared');
}
