import { randomBytes } from 'node:crypto';
import type { Store } from '../../../src/server/store.js';
import { userOf } from './derived-user.js';

/** Takes names that another process takes too, and names of its own; answers "name result" for each. */
export async function compete(store: Store, who: string, count: number): Promise<string[]> {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    for (const username of [`shared-${i}`, `${who}-${i}`]) {
      const userId = Uint8Array.from(randomBytes(16));
      const { result } = await store.createUserIfAbsent({ ...userOf(username, 1), userId });
      lines.push(`${username} ${result}`);
    }
  }
  return lines;
}
