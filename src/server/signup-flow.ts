import { BYTES, LABEL, type SignupStart } from '../../proto/index.js';
import type { DecodedElement } from '../crypto/types.js';
import { splitRecord } from '../opaque/server.js';
import type { ConnectionCore } from './connection-core.js';
import type { Attempt, Credential, State } from './connection-state.js';
import { currentSeed, currentServerKey } from './decoy.js';
import { signupChallenge, verifyFrame } from './exchange.js';
import { beginSession } from './session-flow.js';
import { checkSignupStart, refuse } from './start-checks.js';
import { beginAttempt, takeAttempt } from './start-flow.js';
import type { Answer } from './steps.js';
import type { CodeUse, CreateUserResult, CredentialRecord } from './store.js';

// PROTOCOL.md section 7.

export function startSignup(core: ConnectionCore, frame: Uint8Array, start: SignupStart): void {
  beginAttempt(core, start);
  core.transcript.append(frame);
  const attempt = takeAttempt(core, start);
  const { codeHash, ksf, request } = checkSignupStart(core.context.crypto, core.context.settings, start);
  const credential = freshCredential(core, ksf);
  if (codeHash === undefined) return challenge(core, attempt, undefined, credential, request);
  const charge = core.context.throttle?.code(core.peer.networks);
  core.ask({ ask: 'code', use: codeUse(core, codeHash), username: start.username });
  core.enter({ name: 'checking-code', charge, attempt, codeHash, credential, request });
}

/** What a registration of now is made with. */
export function freshCredential({ context }: ConnectionCore, ksf: Credential['ksf']): Credential {
  const { keys, random } = context;
  return {
    credentialIdentifier: random(32),
    ksf,
    oprfSeed: currentSeed(keys),
    serverKey: currentServerKey(keys),
  };
}

export function toRecord(registrationRecord: Uint8Array, credential: Credential): CredentialRecord {
  return {
    registrationRecord,
    credentialIdentifier: credential.credentialIdentifier,
    oprfSeedId: credential.oprfSeed.id,
    serverKeyId: credential.serverKey.id,
    ksf: credential.ksf,
  };
}

export function codeChecked(
  core: ConnectionCore,
  { attempt, charge, codeHash, credential, request }: Extract<State, { name: 'checking-code' }>,
  { kind }: Extract<Answer, { to: 'code' }>,
): void {
  // A closed server takes resets only; which of both was wrong, and whether the name exists, does not show.
  const isUseful = kind === 'reset' || core.context.settings.registration !== 'closed';
  if (kind === undefined || !isUseful) refuse('invite-invalid', 'code-invalid');
  charge?.refund();
  challenge(core, attempt, codeHash, credential, request);
}

function challenge(
  core: ConnectionCore,
  attempt: Attempt,
  codeHash: Uint8Array | undefined,
  credential: Credential,
  request: DecodedElement,
): void {
  const { crypto, random, throttle } = core.context;
  throttle?.signup(core.peer.networks);
  core.sendFrame(signupChallenge(crypto, random, core.transcript, attempt, credential, request));
  core.enter({ name: 'awaiting-signup-finish', attempt, codeHash, credential });
}

export function finishSignup(core: ConnectionCore, frame: Uint8Array, record: Uint8Array): void {
  const { state } = core;
  if (state.name !== 'awaiting-signup-finish') return refuse('protocol-error', `signup-finish-while-${state.name}`);
  const { crypto, settings, random } = core.context;
  const { attempt, credential, codeHash } = state;
  const { clientPublicKey } = splitRecord(record);
  // Verification refuses keys that do not decode and the identity.
  if (!verifyFrame(crypto, core.transcript, attempt, frame, clientPublicKey, LABEL.signupClient)) {
    refuse('protocol-error', 'signup-proof-invalid');
  }
  core.transcript.append(frame);
  core.chooseSubprotocol(attempt.subprotocols);
  core.ask({
    ask: 'create',
    user: {
      userId: random(BYTES.userId),
      username: attempt.username,
      credential: toRecord(record, credential),
      roles: settings.roles,
      attributes: {},
      createdAtMs: settings.now(),
    },
    code: codeHash === undefined ? undefined : codeUse(core, codeHash),
  });
  core.enter({ name: 'creating', attempt });
}

export function created(core: ConnectionCore, attempt: Attempt, outcome: CreateUserResult): void {
  switch (outcome.result) {
    case 'created':
    case 'reset': {
      core.event('info', outcome.result === 'created' ? 'signed up' : 'registered anew');
      const { userId, recordVersion } = outcome.user;
      return beginSession(core, attempt, userId, recordVersion, false);
    }
    case 'taken':
      return refuse('username-taken', 'taken');
    case 'code-invalid':
      return refuse('invite-invalid', 'code-used-or-foreign');
  }
}

function codeUse({ context }: ConnectionCore, codeHash: Uint8Array): CodeUse {
  return { codeHash, nowMs: context.settings.now() };
}
