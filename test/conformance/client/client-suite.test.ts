import { describe, expect, test } from '@jest/globals';
import { clientCases, testClient } from '../../../src/conformance/client/index.js';
import { formatText } from '../../../src/conformance/report.js';
import { testCertificate } from '../../support/certificate.js';
import { realClient } from './real-client.js';

describe('conformance suite for clients', () => {
  test('our Node client passes every case', async () => {
    const identity = await testCertificate();
    const ksf = { name: 'argon2id', memoryKiB: 19_456, iterations: 2, parallelism: 1 };
    const subject = realClient(identity.cert);
    const report = await testClient({ subject, identity, ksf, name: 'our client', concurrency: 12 });
    const rest = report.cases.filter(({ status }) => status !== 'passed');
    if (rest.length > 0) process.stderr.write(formatText({ ...report, cases: rest }));
    expect(report.counts).toEqual({ passed: clientCases.length, failed: 0, skipped: 0 });
  });
});
