import { LABEL, type LoginStart } from '../../proto/index.js';
import { splitRecord } from '../opaque/server.js';
import type { ConnectionCore } from './connection-core.js';
import type { State } from './connection-state.js';
import { chooseMaterial, createDecoy, isOutdated } from './decoy.js';
import { loginChallenge, verifyFrame } from './exchange.js';
import { beginSession } from './session-flow.js';
import { checkLoginStart, refuse } from './start-checks.js';
import { beginAttempt, takeAttempt } from './start-flow.js';
import { knownDevice } from './throttle/devices.js';
import type { Answer } from './steps.js';

// PROTOCOL.md section 8.

export function startLogin(core: ConnectionCore, frame: Uint8Array, start: LoginStart): void {
  beginAttempt(core, start);
  const before = start.deviceProof.length > 0 ? core.transcript.fork() : undefined;
  core.transcript.append(frame);
  const attempt = takeAttempt(core, start);
  const request = checkLoginStart(core.context.crypto, start);
  const claim = before && {
    proof: start.deviceProof,
    clientNonce: start.clientNonce,
    transcriptHash: before.hash(LABEL.device, attempt.binding),
  };
  core.ask({ ask: 'login', username: start.username });
  core.enter({ name: 'looking-up', attempt, request, claim });
}

export function challengeLogin(
  core: ConnectionCore,
  { attempt, request, claim }: Extract<State, { name: 'looking-up' }>,
  { row, shares }: Extract<Answer, { to: 'login' }>,
): void {
  const { crypto, settings, keys, random, throttle } = core.context;
  const { username } = attempt;
  const owner = { username, userId: row.userId, recordVersion: row.recordVersion };
  const device = claim && knownDevice(crypto, keys, owner, claim, settings.now());
  const charge = throttle?.login(username, core.peer.networks, device);
  // Made for every name, so that a known one costs the same.
  const decoy = createDecoy(crypto, keys, settings.ksf, shares, attempt.username);
  const { usable, keysMissing, material } = chooseMaterial(keys, row, decoy);
  if (keysMissing) core.event('error', 'a record needs a seed or server key that the key file lacks', 'keys-missing');
  try {
    core.sendFrame(loginChallenge(crypto, random, core.transcript, attempt, material, request));
  } catch (error) {
    charge?.cancel();
    throw error;
  }
  core.enter({
    name: 'awaiting-login-finish',
    charge,
    attempt,
    clientPublicKey: splitRecord(material.registrationRecord).clientPublicKey.slice(),
    userId: row.userId,
    recordVersion: row.recordVersion,
    isOutdated: isOutdated(keys, settings.ksf, material),
    barredBy: usable ? (row.status === 'active' ? undefined : 'account-disabled') : 'user-unknown',
  });
}

export function finishLogin(core: ConnectionCore, frame: Uint8Array): void {
  const { state } = core;
  if (state.name !== 'awaiting-login-finish') return refuse('protocol-error', `login-finish-while-${state.name}`);
  const { attempt, charge, clientPublicKey, userId, recordVersion, isOutdated: isOld, barredBy } = state;
  const { crypto } = core.context;
  const valid = verifyFrame(crypto, core.transcript, attempt, frame, clientPublicKey, LABEL.loginClient);
  core.transcript.append(frame);
  if (!valid || barredBy !== undefined) return refuse('login-failed', barredBy ?? 'proof-invalid');
  charge?.refund();
  core.context.throttle?.arrival(userId);
  beginSession(core, attempt, userId, recordVersion, isOld);
}
