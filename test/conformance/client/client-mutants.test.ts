import { beforeAll, describe, expect, test } from '@jest/globals';
import { clientCases, testClient, type Identity } from '../../../src/conformance/client/index.js';
import { formatText, type Report } from '../../../src/conformance/report.js';
import { loadCrypto, type Crypto } from '../../../src/crypto/index.js';
import { testCertificate } from '../../support/certificate.js';
import { doubleClient } from './double-client.js';
import { FAULTS, type Fault } from './faults.js';

let identity: Identity;
let crypto: Crypto;

beforeAll(async () => {
  identity = await testCertificate();
  crypto = await loadCrypto();
});

const run = (fault?: Fault, only?: readonly string[]): Promise<Report> =>
  testClient({
    subject: doubleClient(crypto, identity.cert, fault),
    identity,
    only,
    stepMs: 2000,
    concurrency: 16,
  });

describe('the suite for clients finds broken ones', () => {
  test('the double without a fault passes every case', async () => {
    const report = await run();
    const rest = report.cases.filter(({ status }) => status !== 'passed');
    if (rest.length > 0) process.stderr.write(formatText({ ...report, cases: rest }));
    expect(report.counts).toEqual({ passed: clientCases.length, failed: 0, skipped: 0 });
  });

  const faults = Object.entries(FAULTS) as [Fault, string][];
  const reports = new Map<Fault, Report>();

  // Mostly they wait for one another, so that many go at a time.
  beforeAll(async () => {
    const waiting = [...faults];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        reports.set(next[0], await run(next[0], [next[1]]));
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
  });

  for (const [fault, id] of faults) {
    test(`${fault}: ${id}`, () => {
      const found = reports.get(fault)!.cases.find((each) => each.id === id);
      expect(found).toMatchObject({ id, status: 'failed', failure: { rule: expect.any(String) } });
    });
  }
});
