import { describe, expect, test } from '@jest/globals';
import { formatText, serverCases, testServer, type Report } from '../../src/conformance/index.js';
import { startDouble, type Mutant } from './double/double-server.js';
import { MUTANTS } from './double/mutants.js';

async function reportOf(mutant: Mutant | undefined, only: readonly string[]): Promise<Report> {
  const double = await startDouble(mutant, { limits: { handshakeTimeoutMs: 1_500 } });
  try {
    const { url, administrator } = double;
    const small = {
      helloCount: 80,
      challengeCount: 16,
      cleanUp: false,
      answerTimeoutMs: mutant === undefined ? 10_000 : 1_000,
    };
    return await testServer({ url, domain: 'localhost', administrator, only, ...small });
  } finally {
    await double.stop();
  }
}

describe('the suite for servers finds broken ones', () => {
  test('there are at least 30, each with a name of its own and a case that exists', () => {
    const names = new Set(MUTANTS.map(({ name }) => name));
    const ids = new Set(serverCases.map(({ id }) => id));
    expect(names.size).toBe(MUTANTS.length);
    expect(MUTANTS.length).toBeGreaterThanOrEqual(30);
    expect(MUTANTS.filter(({ caughtBy }) => !ids.has(caughtBy))).toEqual([]);
  });

  test.each(MUTANTS)('$name: $caughtBy fails', async (mutant) => {
    const report = await reportOf(mutant, [mutant.caughtBy]);
    const [result] = report.cases;
    expect({ ...result, text: formatText(report) }).toMatchObject({ id: mutant.caughtBy, status: 'failed' });
    // A broken rule, not a suite that got stuck.
    expect(result!.failure ?? result!.reason).toBeDefined();
  });

  test('the cases that find them pass where nothing is broken', async () => {
    const report = await reportOf(undefined, [...new Set(MUTANTS.map(({ caughtBy }) => caughtBy))]);
    expect(report.cases.filter(({ status }) => status !== 'passed')).toEqual([]);
  });
});
