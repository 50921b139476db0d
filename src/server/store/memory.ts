import { BlindsaltError } from '../../../proto/errors.js';
import type { Note } from '../audit/events.js';
import { toHex } from '../hex.js';
import type {
  Attributes,
  BeginSessionResult,
  CodeUse,
  CreateUserResult,
  CredentialRecord,
  EndSessions,
  LoginRow,
  NewSession,
  NewUser,
  ProfileShare,
  RecordReplacement,
  RegistrationCode,
  RotateTicketResult,
  SessionPolicy,
  SessionRow,
  SessionTouch,
  Store,
  StoreChange,
  TicketRotation,
  User,
  UserStatus,
} from '../store.js';
import * as check from './checks.js';
import { copyLoginRow, DECOY, placeOf } from './decoy.js';
import { MemoryAudit } from './memory-audit.js';
import { countProfiles } from './memory-profiles.js';
import { MemorySessions } from './memory-sessions.js';
import { MemoryThrottle } from './memory-throttle.js';
import * as checkSession from './session-checks.js';
import { Watchers } from './watchers.js';

interface Entry {
  readonly exists: true;
  readonly userId: Uint8Array;
  readonly username: string;
  readonly createdAtMs: number;
  status: UserStatus;
  recordVersion: number;
  credential: CredentialRecord;
  roles: readonly string[];
  attributesJson: string;
}

/** Days of `profileShares` that are kept. */
const KEPT_DAYS = 8;

function toUser(entry: Entry): User {
  return {
    userId: Uint8Array.from(entry.userId),
    username: entry.username,
    status: entry.status,
    recordVersion: entry.recordVersion,
    roles: [...entry.roles],
    attributes: JSON.parse(entry.attributesJson) as Attributes,
    createdAtMs: entry.createdAtMs,
  };
}

class MemoryStore implements Store {
  readonly audit = new MemoryAudit(() => this.#assertOpen());
  readonly throttle = new MemoryThrottle(() => this.#assertOpen());
  readonly #byName = new Map<string, Entry>();
  readonly #byId = new Map<string, Entry>();
  /** All names, in code-point order. */
  readonly #names: string[] = [];
  readonly #deletedIds = new Set<string>();
  readonly #codes = new Map<string, RegistrationCode>();
  readonly #shares = new Map<number, readonly ProfileShare[]>();
  readonly #sessions = new MemorySessions(
    (userId) => {
      const entry = this.#byId.get(toHex(userId));
      return entry && toUser(entry);
    },
    (change) => this.#tell(change),
  );
  readonly #watchers = new Watchers();
  #changes: StoreChange[] = [];
  #closed = false;

  async getUserOrDecoy(username: string): Promise<LoginRow> {
    this.#assertOpen();
    const entry = this.#byName.get(check.checkUsername(username));
    // Somebody's row, as hard to reach as the right one; of it no byte leaves the store.
    const other = this.#byName.get(this.#names[Math.floor(placeOf(username) * this.#names.length)] ?? '');
    const login = copyLoginRow(entry ?? other ?? DECOY);
    const decoy = copyLoginRow(DECOY);
    return entry ? login : decoy;
  }

  async getUser(userId: Uint8Array): Promise<User | undefined> {
    const entry = this.#find(userId);
    return entry && toUser(entry);
  }

  async findUser(username: string): Promise<User | undefined> {
    this.#assertOpen();
    const entry = this.#byName.get(check.checkUsername(username));
    return entry && toUser(entry);
  }

  async createUserIfAbsent(user: NewUser, use?: CodeUse, note?: Note<CreateUserResult>): Promise<CreateUserResult> {
    return this.#noted(this.#createUser(user, use), note);
  }

  #createUser(user: NewUser, use: CodeUse | undefined): CreateUserResult {
    this.#assertOpen();
    const { userId, username, credential, roles, attributesJson, createdAtMs } = check.checkNewUser(user);
    const code = use && this.#validCode(check.checkCodeUse(use));
    if (use && !code) return { result: 'code-invalid' };
    const holder = this.#byName.get(username);
    if (code?.kind === 'reset') {
      if (!holder || !check.sameBytes(holder.userId, code.userId!)) return { result: 'code-invalid' };
      this.#replaceCredential(holder, credential);
      this.#sessions.endAll(holder.userId, 'password-changed');
      return { result: 'reset', user: toUser(holder) };
    }
    if (holder) {
      // To learn that a name is taken costs the invite.
      if (code) this.#codes.delete(toHex(code.codeHash));
      return { result: 'taken' };
    }
    const key = toHex(userId);
    if (this.#byId.has(key) || this.#deletedIds.has(key)) {
      throw new BlindsaltError('store-failed', 'The user id was used before.', { reason: 'user-id-used' });
    }
    const entry: Entry = {
      exists: true,
      userId,
      username,
      createdAtMs,
      status: 'active',
      recordVersion: 1,
      credential,
      roles: check.checkRoles([...roles, ...(code?.roles ?? [])]),
      attributesJson,
    };
    if (code) this.#codes.delete(toHex(code.codeHash));
    this.#byName.set(username, entry);
    this.#byId.set(key, entry);
    this.#names.splice(this.#firstFrom(username), 0, username);
    return { result: 'created', user: toUser(entry) };
  }

  async findCode(use: CodeUse, username: string): Promise<RegistrationCode['kind'] | undefined> {
    this.#assertOpen();
    check.checkUsername(username);
    const code = this.#validCode(check.checkCodeUse(use));
    const owner = code?.userId && this.#byId.get(toHex(code.userId));
    return code?.kind === 'reset' && owner?.username !== username ? undefined : code?.kind;
  }

  async replaceRecordAndRenew(
    replacement: RecordReplacement,
    note?: Note<RotateTicketResult>,
  ): Promise<RotateTicketResult> {
    const entry = this.#find(replacement.userId);
    const copy = checkSession.checkReplacement(replacement);
    const replace = (): void => this.#replaceCredential(entry!, copy.credential);
    return this.#noted(this.#sessions.renewWithRecord(copy, replace), note);
  }

  async setUserStatus(userId: Uint8Array, status: UserStatus, note?: Note<boolean>): Promise<boolean> {
    const changed = this.#change(userId, { status: check.checkStatus(status) });
    if (changed && status === 'disabled') this.#sessions.endAll(userId, 'user-disabled');
    return this.#noted(changed, note);
  }

  async setUserRoles(userId: Uint8Array, roles: readonly string[], note?: Note<boolean>): Promise<boolean> {
    return this.#noted(this.#change(userId, { roles: check.checkRoles(roles) }), note);
  }

  async setUserAttributes(userId: Uint8Array, attributes: Attributes, note?: Note<boolean>): Promise<boolean> {
    return this.#noted(this.#change(userId, { attributesJson: check.attributesToJson(attributes) }), note);
  }

  async deleteUser(userId: Uint8Array, note?: Note<boolean>): Promise<boolean> {
    const entry = this.#find(userId);
    if (!entry) return this.#noted(false, note);
    const key = toHex(entry.userId);
    this.#byId.delete(key);
    this.#byName.delete(entry.username);
    this.#names.splice(this.#firstFrom(entry.username), 1);
    this.#deletedIds.add(key);
    this.#dropResets(entry);
    this.#sessions.endAll(entry.userId, 'user-deleted');
    this.#tell({ kind: 'user-changed', userId: entry.userId });
    return this.#noted(true, note);
  }

  async listUsers(options: { readonly after?: string; readonly limit?: number } = {}): Promise<readonly User[]> {
    this.#assertOpen();
    const { after, limit } = check.checkPage(options);
    let start = this.#firstFrom(after);
    if (this.#names[start] === after) start += 1;
    return this.#names.slice(start, start + limit).map((name) => toUser(this.#byName.get(name)!));
  }

  async createCode(code: RegistrationCode, note?: Note<void>): Promise<void> {
    this.#assertOpen();
    const copy = check.checkCode(code);
    const key = toHex(copy.codeHash);
    if (copy.userId && !this.#byId.has(toHex(copy.userId))) throw new BlindsaltError('user-unknown');
    if (this.#codes.has(key)) {
      throw new BlindsaltError('store-failed', 'The code exists already.', { reason: 'code-exists' });
    }
    this.#codes.set(key, copy);
    this.#noted(undefined, note);
  }

  async profileShares(day: number): Promise<readonly ProfileShare[]> {
    this.#assertOpen();
    check.checkDay(day);
    let shares = this.#shares.get(day);
    if (!shares) {
      shares = countProfiles(this.#byId.values());
      for (const old of this.#shares.keys()) if (old <= day - KEPT_DAYS) this.#shares.delete(old);
      this.#shares.set(day, shares);
    }
    return shares.map(check.copyShare);
  }

  async beginSession(
    session: NewSession,
    policy: SessionPolicy,
    note?: Note<BeginSessionResult>,
  ): Promise<BeginSessionResult> {
    this.#assertOpen();
    const copy = checkSession.checkNewSession(session);
    return this.#noted(this.#sessions.begin(copy, checkSession.checkPolicy(policy)), note);
  }

  async rotateTicket(rotation: TicketRotation, note?: Note<RotateTicketResult>): Promise<RotateTicketResult> {
    this.#assertOpen();
    return this.#noted(this.#sessions.rotate(checkSession.checkRotation(rotation)), note);
  }

  async endSessions(which: EndSessions, note?: Note<readonly Uint8Array[]>): Promise<readonly Uint8Array[]> {
    this.#assertOpen();
    return this.#noted(this.#sessions.end(checkSession.checkEndSessions(which)), note);
  }

  async getSession(sessionId: Uint8Array): Promise<SessionRow | undefined> {
    this.#assertOpen();
    return this.#sessions.get(checkSession.copySessionId(sessionId));
  }

  async listSessions(userId: Uint8Array, nowMs: number): Promise<readonly SessionRow[]> {
    this.#assertOpen();
    return this.#sessions.list(check.copyUserId(userId), check.checkTimeMs('nowMs', nowMs));
  }

  async touchSessions(touches: readonly SessionTouch[]): Promise<readonly (number | undefined)[]> {
    this.#assertOpen();
    return this.#sessions.touch(checkSession.checkTouches(touches));
  }

  watch(listener: (change: StoreChange) => void): () => void {
    this.#assertOpen();
    return this.#watchers.add(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#flush();
    this.#watchers.clear();
  }

  /**
   * Tells a change in a microtask: after the method that made it, so that listeners find it done, and before whoever
   * awaits that method goes on.
   */
  #tell(change: StoreChange): void {
    if (this.#watchers.size === 0) return;
    if (this.#changes.push(change) === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const changes = this.#changes;
    this.#changes = [];
    for (const change of changes) this.#watchers.tell(change);
  }

  #noted<T>(outcome: T, note: Note<T> | undefined): T {
    if (note !== undefined) this.audit.note(note(outcome));
    return outcome;
  }

  #assertOpen(): void {
    if (this.#closed) throw new BlindsaltError('store-failed', 'The store is closed.', { reason: 'closed' });
  }

  #find(userId: Uint8Array): Entry | undefined {
    this.#assertOpen();
    return this.#byId.get(toHex(check.copyUserId(userId)));
  }

  #change(userId: Uint8Array, changes: Partial<Entry>): boolean {
    const entry = this.#find(userId);
    if (!entry) return false;
    Object.assign(entry, changes);
    this.#tell({ kind: 'user-changed', userId: entry.userId });
    return true;
  }

  #replaceCredential(entry: Entry, credential: CredentialRecord): void {
    entry.credential = credential;
    entry.recordVersion += 1;
    this.#dropResets(entry);
  }

  /** A reset code is void once the credential that it was made for is no more. */
  #dropResets({ userId }: Entry): void {
    for (const [key, code] of this.#codes) {
      if (code.userId && check.sameBytes(code.userId, userId)) this.#codes.delete(key);
    }
  }

  #validCode({ codeHash, nowMs }: CodeUse): RegistrationCode | undefined {
    const code = this.#codes.get(toHex(codeHash));
    return code && nowMs < code.expiresAtMs ? code : undefined;
  }

  /** Index of the first name that is not before `name`. */
  #firstFrom(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (check.compareCodePoints(this.#names[middle]!, name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A store that forgets when the process ends: for tests and trials. Every call is atomic, since none of them waits. */
export function openMemoryStore(): Store {
  return new MemoryStore();
}
