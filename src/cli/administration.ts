import { existsSync } from 'node:fs';
import path from 'node:path';
import { BlindsaltError } from '../../proto/errors.js';
import { createAdmin, type Admin } from '../server/admin.js';
import type { Store, User } from '../server/store.js';
import { toHex } from '../server/hex.js';
import { createDataFolder, dataFolder, dataOf, existingDataFolder } from './data-folder.js';
import { usageError } from './failure.js';
import { output } from './output.js';
import type { Action } from './program.js';

const PAGE = 1000;

/** Opens the store of a server that may be running at the same time. */
async function withAdmin<T>(options: Record<string, unknown>, use: (admin: Admin) => Promise<T>): Promise<T> {
  const { database } = existingDataFolder(dataOf(options), 'database');
  const { openSqliteStore } = await import('../server/store/sqlite.js');
  const store = await openSqliteStore(database);
  try {
    await signTrail(store, options);
    return await use(createAdmin(store, { actor: actorOfCommandLine() }));
  } finally {
    await store.close();
  }
}

/** Who acts, for the audit trail: the account on this machine, by its number. */
export const actorOfCommandLine = (): string => `cli:uid-${process.getuid?.() ?? 'none'}`;

/** Checkpoints of the audit trail need its key; where the keys are kept elsewhere, the server makes the next one. */
async function signTrail(store: Store, options: Record<string, unknown>): Promise<void> {
  const { keys } = dataFolder(dataOf(options));
  if (store.audit === undefined || !existsSync(keys)) return;
  const [{ readServerKeys }, { createAuditSigner }] = await Promise.all([
    import('./server-keys.js'),
    import('../server/audit/signer.js'),
  ]);
  const { crypto, keys: serverKeys } = await readServerKeys(keys);
  store.audit.setSigner(createAuditSigner(crypto, serverKeys));
}

async function* everyUser(admin: Admin): AsyncGenerator<User> {
  let after: string | undefined;
  do {
    const users = await admin.listUsers({ limit: PAGE, ...(after !== undefined && { after }) });
    yield* users;
    after = users.length === PAGE ? users.at(-1)!.username : undefined;
  } while (after !== undefined);
}

const list: Action = (options) =>
  withAdmin(options, async (admin) => {
    const rows: ReturnType<typeof describeUser>[] = [];
    for await (const user of everyUser(admin)) rows.push(describeUser(user));
    if (options['json'] === true) return output.json(rows);
    if (rows.length === 0) return output.note('No accounts yet.');
    const width = Math.max(8, ...rows.map((row) => [...row.username].length));
    const column = (text: string): string => text + ' '.repeat(width - [...text].length);
    output.line(`${column('USERNAME')}  STATUS    CREATED               ROLES`);
    for (const row of rows) {
      const created = `${row.createdAt.slice(0, 19)}Z`;
      output.line(`${column(row.username)}  ${row.status.padEnd(8)}  ${created}  ${row.roles.join(', ')}`.trimEnd());
    }
  });

function describeUser(user: User) {
  return {
    username: user.username,
    userId: toHex(user.userId),
    status: user.status,
    roles: user.roles,
    createdAt: new Date(user.createdAtMs).toISOString(),
    recordVersion: user.recordVersion,
  };
}

function change(done: string, apply: (admin: Admin, username: string) => Promise<void>): Action {
  return (options, username) =>
    withAdmin(options, async (admin) => {
      await apply(admin, username);
      if (options['json'] === true) output.json({ username, status: done });
      else output.note(`${username} is ${done}.`);
    });
}

const reset: Action = (options, username) =>
  withAdmin(options, async (admin) => {
    const { code, expiresAtMs } = await admin.createResetCode(username, { expiresInSeconds: secondsOf(options) });
    const expiresAt = new Date(expiresAtMs).toISOString();
    if (options['json'] === true) return output.json({ username, code, expiresAt });
    output.line(code);
    output.note(
      `Valid once, until ${expiresAt}. Its holder signs up with it: blindsalt signup URL ${username} --invite -`,
    );
    output.note('Whoever has the code gets the account: hand it over to that person only.');
  });

export const users = {
  list,
  disable: change('disabled', (admin, username) => admin.disableUser(username)),
  enable: change('active', (admin, username) => admin.enableUser(username)),
  delete: change('deleted', (admin, username) => admin.deleteUser(username)),
  reset,
};

const listSessions: Action = (options, username) =>
  withAdmin(options, async (admin) => {
    const rows = (await admin.listSessions(username)).map((session) => ({
      sessionId: session.sessionId,
      deviceLabel: session.deviceLabel,
      addressPrefix: session.addressPrefix,
      createdAt: isoTime(session.createdAtMs),
      lastSeenAt: isoTime(session.lastSeenAtMs),
    }));
    if (options['json'] === true) return output.json(rows);
    if (rows.length === 0) return output.note(`${username} has no open session.`);
    output.line(
      `${'SESSION'.padEnd(32)}  ${'BEGAN'.padEnd(20)}  ${'LAST SEEN'.padEnd(20)}  FROM                DEVICE`,
    );
    for (const { sessionId, createdAt, lastSeenAt, addressPrefix, deviceLabel } of rows) {
      output.line(`${sessionId}  ${createdAt}  ${lastSeenAt}  ${addressPrefix.padEnd(18)}  ${deviceLabel}`.trimEnd());
    }
  });

const revokeSessions: Action = (options, username, sessionId) =>
  withAdmin(options, async (admin) => {
    const count = await admin.endSessions(username, sessionId === undefined ? {} : { sessionId });
    if (options['json'] === true) return output.json({ username, ended: count });
    if (count === 0 && sessionId !== undefined) throw new BlindsaltError('session-unknown');
    output.note(`${count} ${count === 1 ? 'session' : 'sessions'} of ${username} ended.`);
  });

export const sessions = { list: listSessions, revoke: revokeSessions };

const isoTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export const createInvite: Action = (options) =>
  withAdmin(options, async (admin) => {
    const roles = (options['role'] as readonly string[] | undefined) ?? [];
    const { code, expiresAtMs } = await admin.createInvite({ expiresInSeconds: secondsOf(options), roles });
    const expiresAt = new Date(expiresAtMs).toISOString();
    if (options['json'] === true) return output.json({ code, expiresAt, roles });
    output.line(code);
    output.note(`Valid once, until ${expiresAt}: blindsalt signup URL USERNAME --invite - (asks for the code)`);
  });

function secondsOf(options: Record<string, unknown>): number {
  const text = String(options['expires']);
  const hours = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  const seconds = Math.round(hours * 3600);
  if (seconds < 1) throw usageError(`--expires ${text} is not a number of hours`);
  return seconds;
}

export const showKeys: Action = async (options) => {
  const file = existingDataFolder(dataOf(options), 'keys').keys;
  const [{ readServerKeys }, { describeKeys }, { auditPublicKeys }] = await Promise.all([
    import('./server-keys.js'),
    import('../server/key-file.js'),
    import('../server/audit/signer.js'),
  ]);
  const { crypto, keys } = await readServerKeys(file);
  const [auditKey] = auditPublicKeys(crypto, keys);
  const shown = { ...describeKeys(keys), auditKey: Buffer.from(auditKey!).toString('base64url') };
  if (options['json'] === true) return output.json(shown);
  output.line(`domain       ${shown.domain}`);
  for (const key of shown.serverKeys) {
    output.line(`server key   ${key.id}  ${mark(key)}`);
    output.line(`  public     ${key.publicKey}  (clients may pin it: --server-key)`);
    output.line(`  print      ${key.fingerprint}`);
  }
  for (const seed of shown.oprfSeeds) output.line(`OPRF seed    ${seed.id}  ${mark(seed)}`);
  for (const key of shown.ticketKeys) output.line(`ticket key   ${key.id}  ${mark(key)}`);
  output.line(`audit key    ${shown.auditKey}  (verifies exports: audit verify --key)`);
};

const mark = ({ current, createdAt }: { readonly current: boolean; readonly createdAt: string }): string =>
  `since ${createdAt.slice(0, 10)}${current ? ', current' : ''}`;

export const certificates: Action = async (options) => {
  // Absolute, so that the commands work from anywhere.
  const { certificates: folder } = createDataFolder(path.resolve(dataOf(options)));
  const { ensureDevelopmentCertificates, trustInstructions } = await import('../../certs/development-ca.js');
  const made = await ensureDevelopmentCertificates(folder);
  const trust = trustInstructions(made);
  if (options['json'] === true) return output.json({ ...made, trust });
  output.line(`CA           ${made.caFile}  (${made.caName})`);
  output.line(`certificate  ${made.certFile}`);
  output.line(`key          ${made.keyFile}`);
  output.line(`expires      ${new Date(made.expiresAtMs).toISOString().slice(0, 10)}`);
  for (const { where, command, note } of trust) {
    output.line(`\nTo trust the CA in: ${where}${note === undefined ? '' : ` (${note})`}\n  ${command}`);
  }
};
