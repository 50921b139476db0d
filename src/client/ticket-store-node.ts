import { randomBytes } from 'node:crypto';
import { readFileSync, unlinkSync } from 'node:fs';
import { mkdir, open, readFile, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import { BYTES } from '../../proto/constants.js';
import { withDevice } from './devices.js';
import { importTicketSecret, isOfSession, type TicketStore } from './tickets.js';

export interface FileTickets extends TicketStore {
  /** Lets another process have the file. */
  close(): Promise<void>;
}

interface Row {
  readonly id: string;
  readonly secret: string;
  readonly userId: string;
  readonly username: string;
}
interface DeviceRow {
  readonly username: string;
  readonly id: string;
  readonly secret: string;
}
interface Content {
  readonly tickets: Record<string, Row>;
  /** Absent in files of earlier versions. */
  readonly devices?: Record<string, readonly DeviceRow[]>;
}

/** The last turn at each file: reading and replacing it is one step. */
const turns = new Map<string, Promise<unknown>>();
/** What this thread wrote into the locks that it holds. */
const ownLocks = new Set<string>();

/**
 * Tickets in a file of mode 0600, which is replaced as a whole. One process at a time has the file (`<path>.lock`): for
 * others it is as if there were no tickets, and theirs are not kept. A file that others may read is refused.
 */
export function fileTickets(file: string | URL): FileTickets {
  const target = path.resolve(file instanceof URL ? fileURLToPath(file) : file);
  const lock = `${target}.lock`;
  const mark = `${process.pid} ${threadId} ${randomBytes(12).toString('hex')}`;
  let isHeld = false;
  const unlock = (): void => {
    if (!isHeld) return;
    isHeld = false;
    try {
      if (readFileSync(lock, 'utf8') === mark) unlinkSync(lock);
    } catch {
      // Gone already.
    }
    ownLocks.delete(mark);
  };
  const hold = async (): Promise<boolean> => {
    if (isHeld) return true;
    await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
    isHeld = (await tryLock(lock, mark)) || ((await clearStale(lock)) && (await tryLock(lock, mark)));
    if (isHeld) process.once('exit', unlock);
    return isHeld;
  };

  return {
    load(server) {
      return inTurn(target, async () => {
        if (!(await hold())) return undefined;
        const row = (await readContent(target)).tickets[server];
        if (row === undefined) return undefined;
        const secret = bytes(row.secret, BYTES.ticketSecret);
        try {
          const key = await importTicketSecret(secret);
          const { username } = row;
          return { id: bytes(row.id, BYTES.ticketId), key, userId: bytes(row.userId, BYTES.userId), username };
        } finally {
          secret.fill(0);
        }
      });
    },
    store(server, { id, secret, userId, username }) {
      return inTurn(target, async () => {
        if (!(await hold())) throw new Error('another process has the file of tickets');
        const row: Row = { id: text(id), secret: text(secret), userId: text(userId), username };
        const content = await readContent(target);
        await writeContent(target, { ...content, tickets: { ...content.tickets, [server]: row } });
      });
    },
    remove(server, sessionId) {
      return inTurn(target, async () => {
        if (!(await hold())) return;
        const content = await readContent(target);
        const { [server]: row, ...others } = content.tickets;
        if (row === undefined) return;
        if (sessionId !== undefined && !isOfSession({ id: bytes(row.id, BYTES.ticketId) }, sessionId)) return;
        await writeContent(target, { ...content, tickets: others });
      });
    },
    // Whoever has the file: to be known is no secret between the processes of one person.
    loadDevices(server) {
      return inTurn(target, async () =>
        ((await readContent(target)).devices?.[server] ?? []).map(({ username, id, secret }) => ({
          username,
          deviceId: bytes(id, BYTES.deviceId),
          deviceSecret: bytes(secret, BYTES.deviceSecret),
        })),
      );
    },
    storeDevice(server, { username, deviceId, deviceSecret }) {
      const row = { username, id: text(deviceId), secret: text(deviceSecret) };
      return inTurn(target, async () => {
        if (!(await hold())) throw new Error('another process has the file of tickets');
        const content = await readContent(target);
        const devices = { ...content.devices, [server]: withDevice(content.devices?.[server] ?? [], row) };
        await writeContent(target, { ...content, devices });
      });
    },
    removeDevice(server, username) {
      return inTurn(target, async () => {
        const content = await readContent(target);
        const left = (content.devices?.[server] ?? []).filter((row) => row.username !== username);
        if (left.length === (content.devices?.[server] ?? []).length || !(await hold())) return;
        await writeContent(target, { ...content, devices: { ...content.devices, [server]: left } });
      });
    },
    close() {
      return inTurn(target, () => {
        process.removeListener('exit', unlock);
        unlock();
        return Promise.resolve();
      });
    },
  };
}

function inTurn<T>(target: string, task: () => Promise<T>): Promise<T> {
  const turn = (turns.get(target) ?? Promise.resolve()).then(task);
  const settled: Promise<unknown> = turn
    .catch(() => undefined)
    .then(() => {
      if (turns.get(target) === settled) turns.delete(target);
    });
  turns.set(target, settled);
  return turn;
}

async function tryLock(lock: string, mark: string): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(lock, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  ownLocks.add(mark);
  try {
    await handle.writeFile(mark);
  } catch (error) {
    ownLocks.delete(mark);
    await unlink(lock).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
  return true;
}

/** Takes a lock away whose holder is gone. @returns whether there may be none now */
async function clearStale(lock: string): Promise<boolean> {
  const aside = `${lock}.${randomBytes(6).toString('hex')}`;
  try {
    const mark = await readFile(lock, 'utf8');
    if (!isStale(mark)) return false;
    // Somebody else may have taken it over since: what is taken away has to be what was read.
    await rename(lock, aside);
    if ((await readFile(aside, 'utf8')) !== mark) {
      await rename(aside, lock);
      return false;
    }
    await unlink(aside);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

function isStale(mark: string): boolean {
  const [, pid, thread = '0'] = /^([1-9]\d{0,9})(?: (\d+) [0-9a-f]+)?$/.exec(mark) ?? [];
  if (pid === undefined) return false;
  // Ids are given again, to the first process of a container always. Of other threads' locks nothing is known here.
  if (Number(pid) === process.pid) return Number(thread) === threadId && !ownLocks.has(mark);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

async function readContent(file: string): Promise<Content> {
  let content: string;
  try {
    const { mode } = await stat(file);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw new Error('others may read the file of tickets');
    content = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { tickets: {} };
    throw error;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    // The parser's own message would quote the file.
    throw new Error('the file of tickets is damaged');
  }
  const { blindsalt, tickets, devices = {} } = (parsed ?? {}) as Partial<Record<string, unknown>>;
  const areTables = [tickets, devices].every((table) => typeof table === 'object' && table !== null);
  if (blindsalt !== 1 || !areTables || !Object.values(devices as object).every(Array.isArray)) {
    throw new Error('the file of tickets is damaged');
  }
  return { tickets, devices } as Content;
}

async function writeContent(file: string, content: Content): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ blindsalt: 1, ...content }, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString('base64url');
}

function bytes(value: unknown, length: number): Uint8Array<ArrayBuffer> {
  const decoded = typeof value === 'string' ? Buffer.from(value, 'base64url') : Buffer.alloc(0);
  if (decoded.length !== length) throw new Error('the file of tickets is damaged');
  return new Uint8Array(decoded);
}
