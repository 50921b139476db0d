import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { BlindsaltError } from '../../proto/index.js';

/** Where `serve` and the administration keep what lasts. */
export interface DataFolder {
  readonly folder: string;
  /** SQLite database of users and codes. */
  readonly database: string;
  /** Server secrets, mode 0600, apart from the database. */
  readonly keys: string;
  /** Development certificates. */
  readonly certificates: string;
}

export const DEFAULT_DATA_FOLDER = './data';

/** What `--data` names. */
export const dataOf = ({ data }: Record<string, unknown>): string =>
  typeof data === 'string' ? data : DEFAULT_DATA_FOLDER;

export function dataFolder(folder: string): DataFolder {
  return {
    folder,
    database: path.join(folder, 'blindsalt.db'),
    keys: path.join(folder, 'keys.json'),
    certificates: path.join(folder, 'certs'),
  };
}

/** Makes the folder, for its owner only. */
export function createDataFolder(folder: string): DataFolder {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BlindsaltError('store-failed', `The data folder ${folder} cannot be created.`, { cause });
  }
  return dataFolder(folder);
}

/** For administration: the folder of a server that has run before, so that a typing error creates nothing. */
export function existingDataFolder(folder: string, needed: 'database' | 'keys'): DataFolder {
  const data = dataFolder(folder);
  if (!existsSync(data[needed])) {
    throw new BlindsaltError('store-failed', `${data[needed]} does not exist; name the server's folder with --data.`);
  }
  return data;
}
