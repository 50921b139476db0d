import type { Trial } from '../../case.js';
import { bytesOf } from '../../wire/schema.js';
import { define, type ServerCase } from '../define.js';

const nonces = define('nonces');

/** Connections at a time for the counts of nonces. */
const LANES = 8;

export const nonceCases: readonly ServerCase[] = [
  nonces(
    'hello-nonces',
    '5.1',
    'no nonce of hello comes twice',
    [],
    async (context, trial) => {
      const seen = new Set<string>();
      let left = context.helloCount;
      const rule = 'Section 5.1: serverNonce: "fresh random; identifies the connection".';
      const lane = async (goesOn: () => boolean): Promise<void> => {
        while (goesOn() && left-- > 0) {
          const client = await context.client(trial, rule);
          const nonce = bytesOf(client.hello, 'serverNonce').toString('hex');
          client.link.check(!seen.has(nonce), 'a nonce that was not seen before', nonce);
          seen.add(nonce);
          client.link.end();
        }
      };
      await inLanes(trial, lane);
      const link = (await context.client(trial, rule)).link;
      checkSpread(seen, (what) => link.fail('nonces that look random', what));
      trial.note(`${seen.size} connections`);
    },
    { timeoutMs: 300_000 },
  ),
  nonces(
    'challenge-nonces',
    '5.4',
    'no nonce of a challenge comes twice, nor one of hello',
    [],
    async (context, trial) => {
      const seen = new Set<string>();
      const rule = 'Section 5.4: serverNonce: "fresh random for this attempt".';
      const each = Math.min(4, context.limit('starts') ?? 4);
      let left = context.challengeCount;
      const lane = async (goesOn: () => boolean): Promise<void> => {
        while (goesOn() && left > 0) {
          const client = await context.client(trial, rule);
          const take = (nonce: string): void => {
            client.link.check(!seen.has(nonce), 'a nonce that was not seen before', nonce);
            seen.add(nonce);
          };
          take(bytesOf(client.hello, 'serverNonce').toString('hex'));
          for (let i = 0; i < each && left-- > 0; i += 1) {
            const challenge = await client.startLogin(context.freshIdentity());
            take(bytesOf(challenge, 'serverNonce').toString('hex'));
            take(bytesOf(challenge, 'mechanismData').subarray(32, 64).toString('hex'));
          }
          client.link.end();
        }
      };
      await inLanes(trial, lane);
      trial.note(`${seen.size} nonces`);
    },
    { timeoutMs: 120_000 },
  ),
];

/** Several at a time; the first that fails stops all. */
async function inLanes(trial: Trial, lane: (goesOn: () => boolean) => Promise<void>): Promise<void> {
  let hasFailed = false;
  const goesOn = (): boolean => !hasFailed && !trial.signal.aborted;
  const watched = async (): Promise<void> => {
    try {
      await lane(goesOn);
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: LANES }, watched));
}

/** Counters, clocks and short nonces show in bytes that hardly change; so few equal bytes are chance once in 10^9 runs. */
function checkSpread(nonces: ReadonlySet<string>, fail: (what: string) => void): void {
  const all = [...nonces].map((nonce) => Buffer.from(nonce, 'hex'));
  if (all.length < 64) return;
  for (let at = 0; at < 32; at += 1) {
    const counts = new Map<number, number>();
    for (const nonce of all) counts.set(nonce[at]!, (counts.get(nonce[at]!) ?? 0) + 1);
    const most = Math.max(...counts.values());
    if (most > all.length / 4) fail(`byte ${at} has one value in ${most} of ${all.length} nonces`);
  }
}
