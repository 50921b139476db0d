import {
  CLOSE,
  closeCodeOf,
  REVOKE_SCOPE,
  type ClientRequest,
  type Revoke,
  type WireErrorCode,
} from '../../proto/index.js';
import type { ConnectionCore } from './connection-core.js';
import { NO_REQUEST, type Ending, type Request } from './connection-state.js';
import type { OpenSession } from './open-session.js';
import { lifeFields, provenLifeFields } from './greetings.js';
import {
  challengeReregistration,
  challengeStepUp,
  finishReregistration,
  finishStepUp,
  isFresh,
  startReregistration,
  startStepUp,
} from './password-requests.js';
import { refuseRotation } from './session-flow.js';
import { refuse } from './start-checks.js';
import type { Answer } from './steps.js';
import type { SessionEndReason, SessionRow } from './store.js';
import { issueDevice } from './throttle/devices.js';
import { issueTicket, SERIAL_BYTES } from './tickets.js';

// What a client may ask for after `welcome`: PROTOCOL.md 9.2.

/** Takes a request. One at a time; a challenge that waits for its finish is discarded by any other request. */
export function takeRequest(core: ConnectionCore, frame: Uint8Array, message: ClientRequest): void {
  const { state } = core;
  if (state.name !== 'open') return refuse('protocol-error', `request-while-${state.name}`);
  const { request } = state;
  if (message.kind === 'stepUpFinish') return finishStepUp(core, request, frame);
  if (message.kind === 'reregisterFinish') return finishReregistration(core, request, frame, message);
  const isWaiting = request.name === 'awaiting-step-up-finish' || request.name === 'awaiting-re-register-finish';
  if (request.name !== 'none' && !isWaiting) refuse('protocol-error', `request-while-${request.name}`);
  if (isWaiting) core.event('info', 'challenge discarded', 'new-request');
  core.request(NO_REQUEST);
  if (!core.admitRequest()) return;
  switch (message.kind) {
    case 'refresh':
      return refresh(core, state.session);
    case 'stepUpStart':
      return startStepUp(core, frame, message);
    case 'reregisterStart':
      return startReregistration(core, frame, message);
    case 'sessionsList':
      core.ask({ ask: 'sessions', userId: state.session.userId, nowMs: core.context.settings.now() });
      return core.request({ name: 'listing' });
    case 'revoke':
      // Else a stolen ticket could shut out its owner.
      if (!isFresh(core)) refuse('step-up-required', 'revoke');
      return revoke(core, state.session, message);
    case 'logout':
      if (message.everywhere === 1 && !isFresh(core)) refuse('step-up-required', 'logout-everywhere');
      return logout(core, state.session, message.everywhere === 1);
    case 'deleteAccount':
      if (!isFresh(core)) refuse('step-up-required', 'delete-account');
      core.ask({ ask: 'delete', userId: state.session.userId, nowMs: core.context.settings.now() });
      return core.request({ name: 'ending', by: 'delete', isSingle: false, isOwn: true });
  }
}

/** Takes the store's answer to a request. */
export function takeRequestAnswer(core: ConnectionCore, request: Request, answer: Answer): void {
  switch (request.name) {
    case 'refreshing':
      if (answer.to === 'rotate') return refreshed(core, answer);
      break;
    case 'stepping-up':
      if (answer.to === 'login') return challengeStepUp(core, request, answer.row);
      break;
    case 're-registering':
      if (answer.to === 'login') return challengeReregistration(core, request, answer.row);
      break;
    case 'replacing':
      if (answer.to === 'replace') return renewed(core, 'reregistered', answer.outcome);
      break;
    case 'renewing':
      if (answer.to === 'rotate') return renewed(core, 'steppedUp', answer.outcome);
      break;
    case 'listing':
      if (answer.to === 'sessions') return listed(core, answer.sessions);
      break;
    case 'ending':
      if (answer.to === 'end') return ended(core, request, answer.ended.length);
      if (answer.to === 'delete') return ended(core, request, answer.count);
      break;
    case 'none':
    case 'awaiting-step-up-finish':
    case 'awaiting-re-register-finish':
      break;
  }
  throw new Error(`answer to ${answer.to} while ${request.name}`);
}

/** The session of this connection was ended: by its own request, which is answered first, or by somebody. */
export function sessionEnded(core: ConnectionCore, reason: SessionEndReason | undefined): void {
  const { state } = core;
  if (state.name === 'open' && state.request.name === 'ending') {
    return core.request({ ...state.request, endedBecause: reason ?? 'unknown' });
  }
  return refuse(codeOfEnd(reason), reason ?? 'ended');
}

function codeOfEnd(reason: Ending['endedBecause']): WireErrorCode {
  return reason === 'user-disabled' || reason === 'user-deleted' ? 'account-disabled' : 'session-revoked';
}

function refresh(core: ConnectionCore, { sessionId, epoch }: OpenSession): void {
  const { random, settings } = core.context;
  const newSerial = random(SERIAL_BYTES);
  core.ask({ ask: 'rotate', rotation: { mode: 'refresh', sessionId, epoch, newSerial, nowMs: settings.now() } });
  core.request({ name: 'refreshing' });
}

function refreshed(core: ConnectionCore, { outcome }: Extract<Answer, { to: 'rotate' }>): void {
  if (outcome.result !== 'rotated') return refuseRotation(core, outcome.result);
  sendLife(core, 'refreshed', outcome.session, outcome.session.successorSerial!);
  core.actions.push({ do: 'renewed', open: core.session, session: outcome.session, isPasswordProven: false });
  core.request(NO_REQUEST);
}

function renewed(
  core: ConnectionCore,
  reply: 'steppedUp' | 'reregistered',
  outcome: Extract<Answer, { to: 'rotate' }>['outcome'],
): void {
  if (outcome.result !== 'rotated') {
    // Registered anew since the challenge: the password that was proved is not the user's any more.
    if (outcome.result === 'record-changed' && reply === 'steppedUp') refuse('login-failed', 'record-changed');
    return refuseRotation(core, outcome.result);
  }
  const { session } = outcome;
  sendLife(core, reply, session, session.currentSerial);
  core.forgetStarts();
  // A new record makes the proof of the old one no younger, nor the session.
  const isPasswordProven = reply === 'steppedUp';
  const provenAtMs = isPasswordProven ? Math.floor(core.context.monotonicMs()) : core.session.provenAtMs;
  core.request(NO_REQUEST, core.session.proven(provenAtMs, session.passwordProvenAtMs));
  core.event('info', isPasswordProven ? 'stepped up' : 'registered anew');
  core.actions.push({ do: 'renewed', open: core.session, session, isPasswordProven });
}

function sendLife(
  core: ConnectionCore,
  kind: 'refreshed' | 'steppedUp' | 'reregistered',
  session: SessionRow,
  serial: Uint8Array,
): void {
  const { crypto, keys, random, settings } = core.context;
  const nowMs = settings.now();
  const ticket = issueTicket(crypto, keys, session.sessionId, serial);
  if (kind === 'refreshed') return core.send({ kind, ...lifeFields(session, ticket, nowMs) });
  const device = issueDevice(crypto, keys, random, session, nowMs);
  core.send({ kind, ...provenLifeFields(session, ticket, nowMs, device) });
}

function listed(core: ConnectionCore, sessions: readonly SessionRow[]): void {
  const { crypto } = core.context;
  for (const row of sessions) {
    core.send({
      kind: 'sessionEntry',
      sessionId: row.sessionId,
      deviceLabel: row.deviceLabel,
      createdAtSeconds: Math.floor(row.createdAtMs / 1000),
      lastSeenAtSeconds: Math.floor(row.lastSeenAtMs / 1000),
      addressPrefix: row.addressPrefix,
      current: Number(crypto.equal(row.sessionId, core.session.sessionId)),
    });
  }
  const end = { sessionId: new Uint8Array(0), deviceLabel: '', createdAtSeconds: 0, lastSeenAtSeconds: 0 };
  core.send({ kind: 'sessionEntry', ...end, addressPrefix: '', current: 0 });
  core.request(NO_REQUEST);
}

function revoke(core: ConnectionCore, own: OpenSession, { sessionId, scope }: Revoke): void {
  const isSingle = scope === REVOKE_SCOPE.one;
  if (isSingle !== sessionId.length > 0) refuse('protocol-error', 'revoke-id');
  const { userId } = own;
  const nowMs = core.context.settings.now();
  const exceptSessionId = scope === REVOKE_SCOPE.others ? own.sessionId : undefined;
  const which = isSingle ? { userId, sessionId } : { userId, exceptSessionId };
  core.ask({ ask: 'end', which: { ...which, reason: 'revoked', nowMs } });
  const isOwn = scope === REVOKE_SCOPE.all || (isSingle && core.context.crypto.equal(sessionId, own.sessionId));
  core.request({ name: 'ending', by: 'revoke', isSingle, isOwn });
}

function logout(core: ConnectionCore, { userId, sessionId }: OpenSession, isEverywhere: boolean): void {
  const nowMs = core.context.settings.now();
  const which = isEverywhere ? { userId } : { userId, sessionId };
  core.ask({ ask: 'end', which: { ...which, reason: 'logout', nowMs } });
  core.request({ name: 'ending', by: 'logout', isSingle: false, isOwn: true });
}

function ended(core: ConnectionCore, { by, isSingle, isOwn, endedBecause }: Ending, count: number): void {
  if (by === 'logout') {
    core.event('info', 'logged out');
    return core.close(CLOSE.normal, '');
  }
  if (isSingle && count === 0 && endedBecause === undefined) refuse('session-unknown', 'session-unknown');
  core.send({ kind: 'done', count });
  if (by === 'delete') {
    core.event('info', 'account deleted by its user');
    return core.close(CLOSE.normal, '');
  }
  core.request(NO_REQUEST);
  if (isOwn || endedBecause !== undefined) {
    const code = codeOfEnd(endedBecause);
    core.event('info', 'refused', endedBecause ?? 'revoked', code);
    core.send({ kind: 'error', code, retryAfterSeconds: 0 });
    core.close(closeCodeOf(code)!, code);
  }
}
