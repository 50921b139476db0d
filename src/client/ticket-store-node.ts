import { randomBytes } from 'node:crypto';
import { readFileSync, unlinkSync } from 'node:fs';
import { mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { BYTES } from '../../proto/constants.js';
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
type Rows = Record<string, Row>;

/**
 * Tickets in a file of mode 0600, which is replaced as a whole. One process at a time has the file (`<path>.lock`): for
 * others it is as if there were no tickets, and theirs are not kept. A file that others may read is refused.
 */
export function fileTickets(file: string | URL): FileTickets {
  const target = path.resolve(file instanceof URL ? file.pathname : file);
  const lock = `${target}.lock`;
  let isHeld = false;
  const unlock = (): void => {
    if (!isHeld) return;
    isHeld = false;
    try {
      if (readFileSync(lock, 'utf8') === String(process.pid)) unlinkSync(lock);
    } catch {
      // Gone already.
    }
  };
  const hold = async (): Promise<boolean> => {
    if (isHeld) return true;
    await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
    isHeld = (await tryLock(lock)) || ((await isStale(lock)) && (await tryLock(lock)));
    if (isHeld) process.once('exit', unlock);
    return isHeld;
  };

  return {
    async load(server) {
      if (!(await hold())) return undefined;
      const row = (await readRows(target))[server];
      if (row === undefined) return undefined;
      const secret = bytes(row.secret, BYTES.ticketSecret);
      try {
        const key = await importTicketSecret(secret);
        const { username } = row;
        return { id: bytes(row.id, BYTES.ticketId), key, userId: bytes(row.userId, BYTES.userId), username };
      } finally {
        secret.fill(0);
      }
    },
    async store(server, { id, secret, userId, username }) {
      if (!(await hold())) throw new Error('another process has the file of tickets');
      const row: Row = { id: text(id), secret: text(secret), userId: text(userId), username };
      await writeRows(target, { ...(await readRows(target)), [server]: row });
    },
    async remove(server, sessionId) {
      if (!(await hold())) return;
      const { [server]: row, ...others } = await readRows(target);
      if (row === undefined) return;
      if (sessionId !== undefined && !isOfSession({ id: bytes(row.id, BYTES.ticketId) }, sessionId)) return;
      await writeRows(target, others);
    },
    close() {
      process.removeListener('exit', unlock);
      unlock();
      return Promise.resolve();
    },
  };
}

async function tryLock(lock: string): Promise<boolean> {
  try {
    const handle = await open(lock, 'wx', 0o600);
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether the process that held it is gone; then it is taken away. */
async function isStale(lock: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(lock, 'utf8'));
    if (!Number.isSafeInteger(pid) || pid <= 0) return false;
    try {
      process.kill(pid, 0);
      return false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') return false;
    }
    await unlink(lock);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

async function readRows(file: string): Promise<Rows> {
  let content: string;
  try {
    const { mode } = await stat(file);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw new Error('others may read the file of tickets');
    content = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    // The parser's own message would quote the file.
    throw new Error('the file of tickets is damaged');
  }
  const { blindsalt, tickets } = (parsed ?? {}) as { blindsalt?: unknown; tickets?: unknown };
  if (blindsalt !== 1 || typeof tickets !== 'object' || tickets === null) {
    throw new Error('the file of tickets is damaged');
  }
  return tickets as Rows;
}

async function writeRows(file: string, tickets: Rows): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ blindsalt: 1, tickets }, undefined, 2)}\n`);
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
