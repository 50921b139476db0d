import { LABEL, type ReregisterFinish, type ReregisterStart, type StepUpStart } from '../../proto/index.js';
import { splitRecord } from '../opaque/server.js';
import type { ConnectionCore } from './connection-core.js';
import type { Exchange, Request } from './connection-state.js';
import { isOutdated, toMaterial, type LoginMaterial } from './decoy.js';
import { loginChallenge, signupChallenge, verifyFrame } from './exchange.js';
import { absoluteLimit } from './session-flow.js';
import { freshCredential, toRecord } from './signup-flow.js';
import { checkElement, checkLoginStart, chooseKsf, refuse } from './start-checks.js';
import type { LoginRow, RecordReplacement } from './store.js';
import { SERIAL_BYTES } from './tickets.js';

// Proofs of the password on an open connection: PROTOCOL.md 9.2. Their transcripts are their own (section 6).

type Named<N extends Request['name']> = Extract<Request, { readonly name: N }>;

/** Whether the password was proved on this connection a short while ago, by either clock. */
export function isFresh({ context, session }: ConnectionCore): boolean {
  const { provenAtMs, passwordProvenAtMs } = session;
  if (provenAtMs === undefined) return false;
  // A calendar that is set back makes no proof young; a monotonic clock may stand still while the machine sleeps.
  const ageMs = Math.max(context.monotonicMs() - provenAtMs, context.settings.now() - passwordProvenAtMs);
  return ageMs <= 1000 * context.settings.limits.freshPasswordSeconds;
}

function beginExchange(core: ConnectionCore, frame: Uint8Array): Exchange {
  const { session, context } = core;
  const transcript = core.exchangeTranscript();
  transcript.append(frame);
  const { username, binding } = session;
  const facts = { domain: context.settings.domain, username, binding, serverNonce: core.freshNonce() };
  return { transcript, facts };
}

export function startStepUp(core: ConnectionCore, frame: Uint8Array, start: StepUpStart): void {
  core.takeNonce(start.clientNonce);
  core.countStart();
  const request = checkLoginStart(core.context.crypto, start);
  const exchange = beginExchange(core, frame);
  const charge = core.admitProof();
  if (charge === false) return;
  core.ask({ ask: 'login', username: core.session.username });
  core.request({ name: 'stepping-up', exchange, request, charge });
}

/** The credential in force of the session's user. */
function ownMaterial(core: ConnectionCore, row: LoginRow): LoginMaterial {
  const { crypto, keys } = core.context;
  const isOwn = row.exists && crypto.equal(row.userId, core.session.userId) && row.status === 'active';
  if (!isOwn) refuse('account-disabled', 'user-disabled-or-deleted');
  const material = toMaterial(keys, row.credential);
  if (material !== undefined) return material;
  core.event('error', 'a record needs a seed or server key that the key file lacks', 'keys-missing');
  return refuse('login-failed', 'keys-missing');
}

const clientKeyOf = ({ registrationRecord }: LoginMaterial): Uint8Array =>
  splitRecord(registrationRecord).clientPublicKey.slice();

export function challengeStepUp(
  core: ConnectionCore,
  { exchange, request, charge }: Named<'stepping-up'>,
  row: LoginRow,
): void {
  const { crypto, random } = core.context;
  const { transcript, facts } = exchange;
  const material = ownMaterial(core, row);
  const frame = loginChallenge(crypto, random, transcript, facts, material, request, 'stepUpChallenge');
  transcript.append(frame);
  core.sendFrame(frame);
  const { recordVersion } = row;
  core.request({
    name: 'awaiting-step-up-finish',
    charge,
    exchange,
    clientPublicKey: clientKeyOf(material),
    recordVersion,
  });
}

export function finishStepUp(core: ConnectionCore, request: Request, frame: Uint8Array): void {
  if (request.name !== 'awaiting-step-up-finish') {
    return refuse('protocol-error', `step-up-finish-while-${request.name}`);
  }
  const { exchange, charge, clientPublicKey, recordVersion } = request;
  const { transcript, facts } = exchange;
  if (!verifyFrame(core.context.crypto, transcript, facts, frame, clientPublicKey, LABEL.stepUpClient)) {
    refuse('login-failed', 'proof-invalid');
  }
  charge?.refund();
  const rotation = renewal(core, recordVersion);
  const absoluteExpiresAtMs = absoluteLimit(core, rotation.nowMs);
  core.ask({ ask: 'rotate', rotation: { ...rotation, absoluteExpiresAtMs } });
  core.request({ name: 'renewing' });
}

/** A fresh ticket; those from before are dead. */
function renewal(core: ConnectionCore, recordVersion: number): RecordReplacement['rotation'] {
  const { random, settings, throttle } = core.context;
  const { sessionId, epoch, userId } = core.session;
  throttle?.arrivals.countAccount(userId);
  return { mode: 'renew', sessionId, epoch, newSerial: random(SERIAL_BYTES), nowMs: settings.now(), recordVersion };
}

export function startReregistration(core: ConnectionCore, frame: Uint8Array, start: ReregisterStart): void {
  if (!isFresh(core)) refuse('step-up-required', 're-register');
  core.takeNonce(start.clientNonce);
  core.countStart();
  chooseKsf(core.context.settings, start.ksfs);
  const request = checkElement(core.context.crypto, start.mechanismData);
  const exchange = beginExchange(core, frame);
  const charge = core.admitProof();
  if (charge === false) return;
  core.ask({ ask: 'login', username: core.session.username });
  core.request({ name: 're-registering', exchange, request, ksfs: start.ksfs, charge });
}

export function challengeReregistration(
  core: ConnectionCore,
  { exchange, request, ksfs, charge }: Named<'re-registering'>,
  row: LoginRow,
): void {
  const { crypto, keys, random, settings } = core.context;
  const { transcript, facts } = exchange;
  const inForce = ownMaterial(core, row);
  const credential = freshCredential(core, chooseKsf(settings, ksfs));
  const frame = signupChallenge(crypto, random, transcript, facts, credential, request, inForce.serverKey);
  transcript.append(frame);
  core.sendFrame(frame);
  core.request({
    name: 'awaiting-re-register-finish',
    charge,
    exchange,
    clientPublicKey: clientKeyOf(inForce),
    recordVersion: row.recordVersion,
    isOutdated: isOutdated(keys, settings.ksf, inForce),
    credential,
  });
}

export function finishReregistration(
  core: ConnectionCore,
  request: Request,
  frame: Uint8Array,
  { record, endOthers }: ReregisterFinish,
): void {
  if (request.name !== 'awaiting-re-register-finish') {
    return refuse('protocol-error', `re-register-finish-while-${request.name}`);
  }
  // The challenge may have waited for as long as its connection lives.
  if (!isFresh(core)) refuse('step-up-required', 're-register-finish');
  const { exchange, charge, clientPublicKey, recordVersion, isOutdated: isMigration, credential } = request;
  const { transcript, facts } = exchange;
  const { crypto } = core.context;
  const { reregistrationClientOld: old, reregistrationClientNew: anew } = LABEL;
  const newKey = splitRecord(record).clientPublicKey;
  const isOld = verifyFrame(crypto, transcript, facts, frame, clientPublicKey, old, { proofs: 2, index: 0 });
  const isNew = verifyFrame(crypto, transcript, facts, frame, newKey, anew, { proofs: 2, index: 1 });
  if (!isOld || !isNew) refuse('protocol-error', isOld ? 'new-proof-invalid' : 'old-proof-invalid');
  charge?.refund();
  core.ask({
    ask: 'replace',
    replacement: {
      userId: core.session.userId,
      version: recordVersion,
      credential: toRecord(record, credential),
      endOthers: endOthers === 1,
      rotation: renewal(core, recordVersion + 1),
    },
    isOutdated: isMigration,
  });
  core.request({ name: 'replacing' });
}
