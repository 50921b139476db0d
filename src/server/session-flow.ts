import { BYTES, encodeControl, LABEL, withoutProof, type Resume } from '../../proto/index.js';
import type { ConnectionCore } from './connection-core.js';
import { NO_REQUEST, type Attempt, type Offer, type State } from './connection-state.js';
import { welcomeMessage } from './greetings.js';
import { OpenSession } from './open-session.js';
import { toHex } from './hex.js';
import { refuse } from './start-checks.js';
import { beginAttempt, takeOffer } from './start-flow.js';
import type { BeginSessionResult, RotateTicketResult, SessionRow, User } from './store.js';
import { issueDevice } from './throttle/devices.js';
import { findTicketSecret, issueTicket, SERIAL_BYTES, splitTicketId } from './tickets.js';

// How a connection comes to its session: PROTOCOL.md sections 7 to 9.1.

/** After a valid proof of the password. The store looks at the user and the record once more, in the same step. */
export function beginSession(
  core: ConnectionCore,
  attempt: Attempt,
  userId: Uint8Array,
  recordVersion: number,
  isOutdated: boolean,
): void {
  const { settings, random } = core.context;
  const { limits, whenSessionsFull } = settings;
  core.chooseSubprotocol(attempt.subprotocols);
  const createdAtMs = settings.now();
  const serial = random(SERIAL_BYTES);
  core.ask({
    ask: 'begin',
    session: {
      sessionId: random(BYTES.sessionId),
      serial,
      userId,
      recordVersion,
      createdAtMs,
      absoluteExpiresAtMs: absoluteLimit(core, createdAtMs),
      idleSeconds: limits.idleSeconds,
      deviceLabel: attempt.deviceLabel,
      addressPrefix: core.peer.addressPrefix,
    },
    policy: { max: limits.maxSessionsPerUser, whenFull: whenSessionsFull },
  });
  core.enter({ name: 'beginning', attempt, serial, isOutdated });
}

/** When a session whose password is proved now ends at the latest. */
export function absoluteLimit({ context }: ConnectionCore, nowMs: number): number | undefined {
  const { absoluteSeconds } = context.settings.limits;
  return absoluteSeconds === 0 ? undefined : nowMs + 1000 * absoluteSeconds;
}

export function begun(
  core: ConnectionCore,
  { attempt, serial, isOutdated }: Extract<State, { name: 'beginning' }>,
  outcome: BeginSessionResult,
): void {
  switch (outcome.result) {
    case 'created': {
      const { session, user, ended } = outcome;
      if (ended.length > 0) core.event('info', 'sessions ended for a new one', 'too-many-sessions');
      return welcome(core, attempt, session, user, serial, { isOutdated, resumedWith: undefined });
    }
    case 'user-unknown':
      return refuse('login-failed', 'user-deleted');
    case 'disabled':
      return refuse('login-failed', 'account-disabled');
    case 'record-changed':
      return refuse('login-failed', 'record-changed');
    case 'too-many-sessions':
      return refuse('too-many-sessions', 'sessions');
  }
}

export function startResume(core: ConnectionCore, frame: Uint8Array, start: Resume): void {
  beginAttempt(core, start);
  const offer = takeOffer(core, start);
  const { crypto, keys, random, settings } = core.context;
  const message = core.transcript.hash(LABEL.resumeClient, offer.binding, withoutProof(frame));
  core.transcript.append(frame);
  const newSerial = random(SERIAL_BYTES);
  const secret = findTicketSecret(crypto, keys, start.ticketId, message, start.proof);
  if (secret === undefined) return refuse('resume-failed', 'proof-invalid');
  // From here on whatever leaves this state wipes the secret, a refusal too.
  core.enter({ name: 'resuming', offer, newSerial, secret });
  const { sessionId, serial } = splitTicketId(start.ticketId);
  core.context.throttle?.resumption(sessionId);
  core.chooseSubprotocol(offer.subprotocols);
  core.ask({
    ask: 'rotate',
    rotation: {
      mode: 'resume',
      sessionId,
      serial,
      newSerial,
      nowMs: settings.now(),
      deviceLabel: offer.deviceLabel === '' ? undefined : offer.deviceLabel,
      addressPrefix: core.peer.addressPrefix,
    },
  });
}

export function resumed(
  core: ConnectionCore,
  { offer, newSerial, secret }: Extract<State, { name: 'resuming' }>,
  outcome: RotateTicketResult,
): void {
  if (outcome.result !== 'rotated') return refuseRotation(core, outcome.result);
  const { session, user } = outcome;
  welcome(core, offer, session, user, newSerial, { isOutdated: false, resumedWith: secret });
}

/** Why there is no new ticket; each of these closes the connection. */
export function refuseRotation(core: ConnectionCore, result: Exclude<RotateTicketResult['result'], 'rotated'>): never {
  switch (result) {
    case 'reused':
      core.event('warn', 'a dead ticket was used with a valid proof: its session was ended', 'ticket-reused');
      return refuse('session-revoked', 'ticket-reused');
    case 'retired':
      core.event('warn', 'a ticket from before the last proof of the password was used', 'ticket-retired');
      return refuse('resume-failed', 'ticket-retired');
    case 'unknown':
    case 'revoked':
      return refuse('session-revoked', result);
    case 'expired':
      return refuse('session-expired', 'ticket-expired');
    case 'disabled':
      return refuse('account-disabled', 'account-disabled');
    case 'replaced':
      return refuse('session-replaced', 'epoch');
    case 'record-changed':
      return refuse('record-changed', 'record-changed');
  }
}

function welcome(
  core: ConnectionCore,
  offer: Offer,
  session: SessionRow,
  user: User,
  serial: Uint8Array,
  { isOutdated, resumedWith }: { readonly isOutdated: boolean; readonly resumedWith: Uint8Array | undefined },
): void {
  const { crypto, keys, random, settings, monotonicMs } = core.context;
  const nowMs = settings.now();
  const subprotocol = core.chooseSubprotocol(offer.subprotocols);
  const frame = encodeControl(
    welcomeMessage({
      session,
      user,
      subprotocol,
      ticket: issueTicket(crypto, keys, session.sessionId, serial),
      device: resumedWith === undefined ? issueDevice(crypto, keys, random, session, nowMs) : undefined,
      nowMs,
      isOutdated,
      hasProof: resumedWith !== undefined,
    }),
  );
  if (resumedWith !== undefined) {
    const message = core.transcript.hash(LABEL.resumeServer, offer.binding, withoutProof(frame));
    frame.set(crypto.hmacSha512(resumedWith, message), frame.length - BYTES.proof);
  }
  core.sendFrame(frame);
  core.endTranscript();
  core.forgetStarts();
  const arrivals = core.context.throttle?.arrivals;
  if (resumedWith === undefined) arrivals?.countAccount(user.userId);
  else arrivals?.countSession(session.sessionId);
  core.forgetSubprotocol();
  const open = new OpenSession({
    sessionKey: toHex(session.sessionId),
    userKey: toHex(user.userId),
    username: user.username,
    epoch: session.epoch,
    binding: offer.binding,
    provenAtMs: resumedWith === undefined ? Math.floor(monotonicMs()) : undefined,
    passwordProvenAtMs: session.passwordProvenAtMs,
  });
  core.request(NO_REQUEST, open);
  core.event('info', resumedWith === undefined ? 'authenticated' : 'resumed');
  const isResumed = resumedWith !== undefined;
  core.actions.push({ do: 'authenticated', open, session, user, subprotocol, isResumed });
}
