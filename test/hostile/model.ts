// The protocol as a small model, and the steps of a walk through it. What servers answer moves the model; after each step it
// is compared with the store, and both ends with each other.
import type { AsyncCommand } from 'fast-check';
import { BlindsaltError, type LifeFields, type Message } from '../../proto/index.js';
import type { BlindsaltSocket } from '../../src/client/websocket.js';
import type { World } from './model-world.js';
import { ABSOLUTE_SECONDS, OpenTicketStore, type Trouble, type Wire } from './model-world.js';

export const NAMES = ['alice', 'bob'] as const;
export const PASSWORDS = ['correct horse', 'battery staple', 'a third one'] as const;
export const PLACES = 3;
/** Serials that a proof of the password replaced, and that servers remember at least: PROTOCOL.md 9.1. */
const REMEMBERED = 4;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

interface ModelSession {
  readonly user: string;
  current: string;
  successor: string | undefined;
  /** Those that a proof of the password replaced, since the last resume. */
  superseded: string[];
  /** Two may hold its tickets, or an answer that killed the tickets before was lost: reuse is to be expected. */
  isShared: boolean;
}
interface ModelUser {
  password: string;
  isDisabled: boolean;
}
/** Somewhere a person is: a tab, a device. */
export interface Place {
  readonly tickets: OpenTicketStore;
  socket: BlindsaltSocket | undefined;
  wire: Wire | undefined;
  trouble: Trouble;
}
export interface Model {
  readonly users: Map<string, ModelUser>;
  readonly sessions: Map<string, ModelSession>;
  readonly expired: Set<string>;
}
export interface Real {
  readonly world: World;
  readonly places: readonly Place[];
}

export function createPlaces(createTickets = (): OpenTicketStore => new OpenTicketStore()): Place[] {
  const trouble: Trouble = { what: 'none' };
  return Array.from({ length: PLACES }, () => ({
    tickets: createTickets(),
    socket: undefined,
    wire: undefined,
    trouble,
  }));
}

export class Broken extends Error {
  override readonly name = 'Broken';
}
function insist(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Broken(invariant);
}

export type Step =
  | {
      readonly do: 'signup' | 'login';
      readonly place: number;
      readonly name: number;
      readonly password: number;
      readonly trouble: Trouble;
    }
  | { readonly do: 'resume'; readonly place: number; readonly trouble: Trouble }
  | { readonly do: 'double'; readonly place: number }
  | { readonly do: 'steal'; readonly place: number; readonly from: number }
  | { readonly do: 'refresh' | 'close' | 'cut'; readonly place: number }
  | {
      readonly do: 'step-up' | 'logout' | 'revoke-others';
      readonly place: number;
      readonly isRight: boolean;
      readonly kill: Trouble;
    }
  | {
      readonly do: 'change';
      readonly place: number;
      readonly password: number;
      readonly endOthers: boolean;
      readonly kill: Trouble;
    }
  | { readonly do: 'disable' | 'enable' | 'delete'; readonly name: number }
  | { readonly do: 'restart' | 'expire' }
  | { readonly do: 'delay'; readonly tasks: number };

/** What somebody tried: what a welcome or a change has to come from. */
interface Try {
  readonly name: string;
  readonly password: string;
}

export class StepCommand implements AsyncCommand<Model, Real> {
  constructor(readonly step: Step) {}

  check(): boolean {
    return true;
  }

  toString(): string {
    return JSON.stringify(this.step);
  }

  async run(model: Model, real: Real): Promise<void> {
    const { world } = real;
    const { step } = this;
    const logged = world.log.length;
    const tries = new Map<Wire, Try>();
    let result: unknown;
    let isKilled = false;
    switch (step.do) {
      case 'signup':
      case 'login':
      case 'resume': {
        const place = real.places[step.place]!;
        place.trouble = step.trouble;
        const before = snapshot(model);
        const held = place.tickets.kept?.ticket.id;
        const dialled = world.wires.length;
        const connector = world.connector(place.tickets, () => place.trouble);
        const credentials =
          step.do === 'resume' ? undefined : { username: NAMES[step.name]!, password: PASSWORDS[step.password]! };
        result = await settled(
          credentials === undefined ? connector.resume() : connector[step.do as 'login'](credentials),
          world,
        );
        for (const wire of world.wires.slice(dialled)) {
          place.wire = wire;
          if (credentials !== undefined)
            tries.set(wire, { name: credentials.username, password: credentials.password });
        }
        place.socket = result instanceof Error ? undefined : (result as BlindsaltSocket);
        await world.rest();
        isKilled = world.isDead;
        if (!isKilled) {
          this.#follow(model, world, logged, tries);
          if (step.trouble.what === 'none') expectResult(step, before, model, held, result, credentials);
        }
        break;
      }
      case 'double': {
        const place = real.places[step.place]!;
        if (place.tickets.kept === undefined) break;
        const session = model.sessions.get(hex(place.tickets.kept.ticket.id.slice(0, 16)));
        if (session !== undefined) session.isShared = true;
        const copies = [place.tickets, new OpenTicketStore()];
        copies[1]!.kept = place.tickets.kept;
        const results = await Promise.all(
          copies.map((tickets) => settled(world.connector(tickets, () => ({ what: 'none' })).resume(), world)),
        );
        place.socket = results[0] instanceof Error ? undefined : (results[0] as BlindsaltSocket);
        place.wire = world.wires.at(-2);
        break;
      }
      case 'steal': {
        const kept = real.places[step.from]!.tickets.kept;
        if (kept === undefined || step.from === step.place) break;
        const session = model.sessions.get(hex(kept.ticket.id.slice(0, 16)));
        if (session !== undefined) session.isShared = true;
        real.places[step.place]!.tickets.kept = kept;
        break;
      }
      case 'refresh':
      case 'step-up':
      case 'logout':
      case 'revoke-others':
      case 'change': {
        const place = real.places[step.place]!;
        const { socket, wire } = place;
        if (socket === undefined || wire === undefined || socket.readyState !== 1) break;
        const name = socket.session.username;
        const right = model.users.get(name)?.password ?? PASSWORDS[0];
        if ('kill' in step && step.kill.what === 'kill') world.dieAt(step.kill.when, step.kill.write);
        const wrong = `${right} not`;
        switch (step.do) {
          case 'refresh':
            result = await settled(socket.refresh(), world);
            break;
          case 'step-up':
            result = await settled(socket.stepUp({ password: step.isRight ? right : wrong }), world);
            break;
          case 'logout':
            result = await settled(socket.logout(step.isRight ? { everywhere: true, password: right } : {}), world);
            break;
          case 'revoke-others':
            result = await settled(socket.revokeOtherSessions({ password: step.isRight ? right : wrong }), world);
            break;
          case 'change': {
            const newPassword = PASSWORDS[step.password]!;
            tries.set(wire, { name, password: newPassword });
            result = await settled(
              socket.changePassword({ password: right, newPassword, endOtherSessions: step.endOthers }),
              world,
            );
            break;
          }
        }
        isKilled = world.isDead;
        break;
      }
      case 'close':
        real.places[step.place]!.socket?.close();
        break;
      case 'cut':
        real.places[step.place]!.wire?.cut();
        break;
      case 'disable':
      case 'enable':
      case 'delete': {
        const name = NAMES[step.name]!;
        const user = await world.store.findUser(name);
        insist((user !== undefined) === model.users.has(name), 'a user is in the model iff it is in the store');
        if (user === undefined) break;
        if (step.do === 'delete') {
          await world.store.deleteUser(user.userId);
          model.users.delete(name);
        } else {
          await world.store.setUserStatus(user.userId, step.do === 'disable' ? 'disabled' : 'active');
          model.users.get(name)!.isDisabled = step.do === 'disable';
        }
        if (step.do !== 'enable') endAll(model, name);
        break;
      }
      case 'restart':
        isKilled = true;
        break;
      case 'expire':
        for (const wire of world.wires) wire.cut();
        await world.rest();
        world.nowMs += 1000 * ABSOLUTE_SECONDS;
        for (const id of model.sessions.keys()) model.expired.add(id);
        model.sessions.clear();
        break;
      case 'delay':
        world.delay = step.tasks;
        break;
    }
    world.disarm();
    await world.rest();
    if (!['signup', 'login', 'resume'].includes(step.do) || isKilled) this.#follow(model, world, logged, tries);
    if (isKilled) {
      await world.restart();
      await adopt(model, world, step, tries, real);
    }
    await world.rest();
    await check(model, real);
  }

  /** Moves the model by what the servers answered. */
  #follow(model: Model, world: World, from: number, tries: ReadonlyMap<Wire, Try>): void {
    for (const { wire, message, to } of world.log.slice(from))
      follow(model, wire, message, to, tries.get(wire), wire.answered);
    world.log.length = 0;
  }
}

/** Everybody's answer comes, or the connection ends: nothing hangs. */
async function settled(promise: Promise<unknown>, world: World): Promise<unknown> {
  let isSettled = false;
  const result = promise.catch((error: unknown) => error as Error).finally(() => (isSettled = true));
  // WebCrypto takes its time; the limit is for what would never end.
  const giveUpMs = performance.now() + 20_000;
  while (!isSettled && performance.now() < giveUpMs) await world.rest();
  insist(isSettled, 'every attempt and request ends');
  return result;
}

const snapshot = ({ users, sessions, expired }: Model): Model => ({
  users: new Map([...users].map(([name, user]) => [name, { ...user }])),
  sessions: new Map([...sessions].map(([id, session]) => [id, { ...session }])),
  expired: new Set(expired),
});

function supersede(session: ModelSession): void {
  session.superseded.push(...[session.current, session.successor].filter((serial) => serial !== undefined));
}

function endAll(model: Model, name: string, except?: string): void {
  for (const [id, { user }] of model.sessions) if (user === name && id !== except) model.sessions.delete(id);
}

const serialOf = (ticketId: Uint8Array): string => hex(ticketId.slice(16));

function follow(
  model: Model,
  wire: Wire,
  message: Message | 'closed',
  to: Message | undefined,
  attempt: Try | undefined,
  answered: readonly Message[],
): void {
  const welcomed = answered.find((other) => other.kind === 'welcome');
  const own = welcomed?.kind === 'welcome' ? hex(welcomed.sessionId) : '';
  const session = model.sessions.get(own);
  if (message === 'closed') {
    if (to?.kind !== 'logout' || session === undefined) return;
    if (to.everywhere === 1) endAll(model, session.user);
    model.sessions.delete(own);
    return;
  }
  switch (message.kind) {
    case 'welcome': {
      const id = hex(message.sessionId);
      const serial = serialOf(message.ticketId);
      if (to?.kind === 'resume') {
        const known = model.sessions.get(id);
        insist(known !== undefined, 'welcome by ticket is for a session that lives');
        insist(known.user === message.username, 'welcome is for the user whose session it is');
        const used = serialOf(to.ticketId);
        insist(used === known.current || used === known.successor, 'a dead ticket is not accepted');
        known.current = used;
        known.successor = serial;
        // From now on they are dead tickets like all others.
        known.superseded = [];
        return;
      }
      insist(attempt !== undefined && attempt.name === message.username, 'welcome is for the user who asked');
      const user = model.users.get(attempt.name);
      if (to?.kind === 'signupFinish') {
        insist(user === undefined, 'a taken name is not given away');
        model.users.set(attempt.name, { password: attempt.password, isDisabled: false });
      } else {
        insist(
          user?.password === attempt.password && !user.isDisabled,
          'welcome only after a valid proof for that user',
        );
      }
      insist(!model.sessions.has(id), 'session ids are fresh');
      model.sessions.set(id, {
        user: attempt.name,
        current: serial,
        successor: undefined,
        superseded: [],
        isShared: false,
      });
      return;
    }
    case 'refreshed':
      insist(session !== undefined, 'only a session that lives is refreshed');
      session.current = session.successor ?? session.current;
      session.successor = serialOf(message.ticketId);
      return;
    case 'reregistered':
    case 'steppedUp': {
      insist(session !== undefined, 'only a session that lives is renewed');
      supersede(session);
      session.current = serialOf((message as unknown as LifeFields).ticketId);
      session.successor = undefined;
      if (message.kind === 'steppedUp') return;
      insist(attempt !== undefined, 'a password changes for who asked');
      model.users.get(session.user)!.password = attempt.password;
      if (to?.kind === 'reregisterFinish' && to.endOthers === 1) endAll(model, session.user, own);
      return;
    }
    case 'done':
      if (to?.kind === 'revoke' && session !== undefined) endAll(model, session.user, own);
      return;
    case 'error': {
      if (to?.kind !== 'resume' || welcomed !== undefined) return;
      const id = hex(to.ticketId.slice(0, 16));
      const known = model.sessions.get(id);
      const serial = serialOf(to.ticketId);
      if (message.code === 'session-revoked') {
        const isDead =
          known === undefined ||
          ![known.current, known.successor, ...known.superseded.slice(-REMEMBERED)].includes(serial);
        insist(isDead, 'nobody is locked out who has a living ticket');
        model.sessions.delete(id);
      } else if (message.code === 'resume-failed') {
        insist(
          known?.superseded.includes(serial) === true,
          'a ticket fails that a proof of the password replaced, and no other',
        );
      } else if (message.code === 'session-replaced') {
        // Of two that come at once; what the first was given, the second replaced.
        insist(known !== undefined, 'replaced is what lives');
      } else if (message.code === 'session-expired')
        insist(model.expired.has(id), 'expired is what has reached a limit');
      else
        insist(
          message.code === 'account-disabled' && known === undefined,
          'a resume with a valid proof fails for a cause',
        );
      return;
    }
    default:
  }
}

function expectResult(
  step: Extract<Step, { do: 'signup' | 'login' | 'resume' }>,
  before: Model,
  after: Model,
  held: Uint8Array | undefined,
  result: unknown,
  credentials: { readonly username: string; readonly password: string } | undefined,
): void {
  const isIn = !(result instanceof Error);
  if (!isIn) insist(result instanceof BlindsaltError, 'clients fail with a BlindsaltError');
  if (step.do === 'resume') {
    const session = held && before.sessions.get(hex(held.slice(0, 16)));
    const isAlive = session !== undefined && [session.current, session.successor].includes(serialOf(held!));
    insist(isIn === isAlive, 'a living ticket opens its session, and no other does');
    return;
  }
  const user = before.users.get(credentials!.username);
  if (step.do === 'signup') insist(isIn === (user === undefined), 'a free name can be had, a taken one cannot');
  else
    insist(
      isIn === (user?.password === credentials!.password && !user.isDisabled),
      'the right password logs in, nothing else',
    );
  insist(!isIn || after.sessions.size > 0, 'who is in has a session');
}

/** After a process was killed: each step of the store was taken as a whole or not at all. */
async function adopt(model: Model, world: World, step: Step, tries: ReadonlyMap<Wire, Try>, real: Real): Promise<void> {
  const [attempt] = [...tries.values()];
  if (step.do === 'signup' && attempt !== undefined && !model.users.has(attempt.name)) {
    if ((await world.store.findUser(attempt.name)) !== undefined) {
      model.users.set(attempt.name, { password: attempt.password, isDisabled: false });
    }
  }
  const rows = new Map<string, { user: string; current: string; successor: string | undefined }>();
  for (const name of model.users.keys()) {
    const user = await world.store.findUser(name);
    insist(user !== undefined, 'a user is in the model iff it is in the store');
    for (const row of await world.store.listSessions(user.userId, world.nowMs)) {
      const { currentSerial, successorSerial } = row;
      rows.set(hex(row.sessionId), {
        user: name,
        current: hex(currentSerial),
        successor: successorSerial && hex(successorSerial),
      });
    }
  }
  const place = 'place' in step ? real.places[step.place] : undefined;
  for (const [id, row] of rows) {
    const known = model.sessions.get(id);
    if (known === undefined) {
      const isNew = (step.do === 'login' || step.do === 'signup') && row.user === attempt?.name;
      insist(isNew && row.successor === undefined, 'a kill makes no session that nobody asked for');
      model.sessions.set(id, { ...row, superseded: [], isShared: false });
      continue;
    }
    const isSame = row.current === known.current && row.successor === known.successor;
    if (isSame) continue;
    const used = place?.tickets.kept && serialOf(place.tickets.kept.ticket.id);
    const isRotated = step.do === 'resume' && row.current === used && [known.current, known.successor].includes(used);
    const isRenewed = ['step-up', 'change', 'revoke-others', 'logout'].includes(step.do) && row.successor === undefined;
    insist(isRotated || isRenewed, 'a kill leaves tickets as they were, or as asked');
    // Who did not hear of the renewal has a ticket that is dead by the rules.
    if (isRenewed) supersede(known);
    else known.superseded = [];
    Object.assign(known, row, { isShared: known.isShared || isRenewed });
  }
  const mayEnd = ['resume', 'change', 'revoke-others', 'logout'].includes(step.do);
  for (const id of [...model.sessions.keys()]) {
    if (rows.has(id)) continue;
    insist(mayEnd, 'a kill ends no session');
    model.sessions.delete(id);
  }
  if (step.do === 'change' && attempt !== undefined) {
    // Only a login tells which of both is in force.
    const tickets = new OpenTicketStore();
    const login = await settled(
      world.connector(tickets, () => ({ what: 'none' })).login({ username: attempt.name, password: attempt.password }),
      world,
    );
    const user = model.users.get(attempt.name)!;
    if (!(login instanceof Error)) {
      user.password = attempt.password;
      const id = hex(tickets.kept!.ticket.id.slice(0, 16));
      model.sessions.set(id, {
        user: attempt.name,
        current: serialOf(tickets.kept!.ticket.id),
        successor: undefined,
        superseded: [],
        isShared: true,
      });
      (login as BlindsaltSocket).close();
    }
    world.log.length = 0;
  }
}

async function check(model: Model, { world, places }: Real): Promise<void> {
  let inStore = 0;
  for (const name of NAMES) {
    const user = await world.store.findUser(name);
    insist((user !== undefined) === model.users.has(name), 'a user is in the model iff it is in the store');
    if (user === undefined) continue;
    for (const row of await world.store.listSessions(user.userId, world.nowMs)) {
      inStore += 1;
      const known = model.sessions.get(hex(row.sessionId));
      insist(known !== undefined, 'a session that ended is not in the store');
      insist(known.user === name, 'a session stays its user’s');
      insist(known.current === hex(row.currentSerial), 'the current ticket is that of the model');
      insist(
        known.successor === (row.successorSerial && hex(row.successorSerial)),
        'at most one live successor, that of the model',
      );
    }
  }
  insist(inStore === model.sessions.size, 'a session that lives is in the store');

  const open = new Map<string, Wire>();
  for (const wire of world.wires) {
    insist(wire.framesAfterEnd === 0, 'nothing is sent on a connection that has ended');
    if (wire.session === undefined || !wire.isServerOpen) continue;
    const id = wire.session.sessionId;
    insist(model.sessions.has(id), 'the connection of a session that ended is closed');
    insist(!open.has(id), 'a session has one connection');
    open.set(id, wire);
  }
  for (const { socket, wire, tickets } of places) {
    if (socket?.readyState === 1) {
      insist(wire?.session !== undefined, 'where the client is logged in, the server agrees');
      insist(wire.session.username === socket.session.username, 'both ends agree who it is');
      insist(wire.session.sessionId === socket.session.sessionId, 'both ends agree which session it is');
    }
    if (tickets.kept === undefined) continue;
    const { id } = tickets.kept.ticket;
    const session = model.sessions.get(hex(id.slice(0, 16)));
    if (session === undefined || session.isShared) continue;
    insist([session.current, session.successor].includes(serialOf(id)), 'who lost an answer still has a living ticket');
  }
}
