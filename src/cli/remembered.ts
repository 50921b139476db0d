import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileTickets, type FileTickets } from '../client/node.js';
import { prepareUsername } from '../opaque/identity/index.js';

/**
 * Where `login --remember` keeps the session of one account at one server: a file of mode 0600 in the user's state folder
 * (XDG_STATE_HOME, or its default; LOCALAPPDATA on Windows), whose name tells neither.
 */
export function rememberedSession(url: string, username: string): FileTickets {
  const { host } = new URL(url);
  const account = createHash('sha256')
    .update(`${host}\n${prepareUsername(username)}`)
    .digest('hex')
    .slice(0, 32);
  return fileTickets(path.join(stateFolder(), 'blindsalt', 'sessions', `${account}.json`));
}

function stateFolder(): string {
  const { XDG_STATE_HOME: given = '', LOCALAPPDATA: local = '' } = process.env;
  if (process.platform === 'win32' && path.isAbsolute(local)) return local;
  // Relative paths are to be ignored, says the XDG specification.
  return path.isAbsolute(given) ? given : path.join(homedir(), '.local', 'state');
}
