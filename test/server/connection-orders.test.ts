// All orders of messages to the state machine of a connection, against a model of it.
import { beforeAll, expect, test } from '@jest/globals';
import { createBench, type Bench } from '../support/connection-bench.js';
import { LETTERS, MEANING, play, type Letter } from '../support/connection-play.js';

let bench: Bench;

beforeAll(async () => {
  bench = await createBench();
  expect(await bench.connect().signup('alice')).toMatchObject({ kind: 'welcome' });
});

/** What must come of a message. */
type ModelState = 'start' | 'login' | 'signup' | 'open' | 'closed';
function model(state: ModelState, letter: Letter): readonly [ModelState, string | undefined] {
  if (state === 'closed') return ['closed', undefined];
  if (letter === 'a') return state === 'open' ? ['open', undefined] : ['closed', 'early-frame'];
  if (state !== 'open') {
    if (letter === 'L') return ['login', 'loginChallenge'];
    if (letter === 'S') return ['signup', 'signupChallenge'];
    if (letter === 'l' && state === 'login') return ['open', 'welcome'];
    if (letter === 'w' && state === 'login') return ['start', 'login-failed'];
    if (letter === 's' && state === 'signup') return ['open', 'welcome'];
  }
  return ['closed', 'protocol-error'];
}

test('all orders of messages up to length 4', async () => {
  let played = 0;
  const walk = async (word: readonly Letter[], state: ModelState): Promise<void> => {
    for (const letter of LETTERS) {
      const longer = [...word, letter];
      const connection = bench.connect();
      let expected: ModelState = 'start';
      for (const step of longer) {
        const [next, answer] = model(expected, step);
        const got = await play(connection, step);
        if (got !== answer) {
          throw new Error(`${longer.map((l) => MEANING[l]).join(', ')}: ${got} where ${answer} was due`);
        }
        expected = next;
      }
      expect(connection.connection.isClosed).toBe(expected === 'closed');
      expect(connection.connection.isOpen).toBe(expected === 'open');
      played += 1;
      // What follows a close is silence; one more letter shows it.
      if (longer.length < 4 && state !== 'closed') await walk(longer, expected);
    }
  };
  await walk([], 'start');
  expect(played).toBeGreaterThan(400);
});
