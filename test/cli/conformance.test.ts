import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Report } from '../../src/conformance/index.js';
import { blindsalt, serve, temporaryFolder, type RunningServer } from '../support/cli.js';

describe('blindsalt conformance', () => {
  const folder = temporaryFolder();
  let server: RunningServer;
  beforeAll(async () => {
    server = await serve(path.join(folder.path, 'data'));
  });
  afterAll(async () => {
    await server.stop();
    folder.remove();
  });
  const run = (...args: string[]) => blindsalt(['conformance', server.url, '--ca', server.ca, ...args]);

  test('lines for people, a report as JSON, and 0 when nothing is broken', async () => {
    const file = path.join(folder.path, 'report.json');
    const cases = ['--only', 'hello-versions', '--only', 'login-*', '--only', 'resume-honest,idle-limit'];
    const { code, stdout, stderr } = await run(...cases, '--json', file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ok {3}5\.1 {2}hello-versions: hello lists version 1 \(\d+ ms\)$/m);
    expect(stdout).toMatch(/^skip 9\.3 {2}idle-limit: .*\n +needs an idle limit of at most 10 s: it is 3600 s$/m);
    expect(stdout).toContain('No MUST that was tried is broken.');
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    expect(report).toMatchObject({ format: 'blindsalt-conformance-report', conforms: true, counts: { failed: 0 } });
  });

  test('TAP, and nothing else on standard output', async () => {
    const { code, stdout } = await run('--section', '3', '--only', 'subprotocol-*', '--tap');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^TAP version 14\n1\.\.2\nok 1 - 3 subprotocol-missing: .*\nok 2 - 3 subprotocol-among-others: .*\n$/,
    );
  });

  test('1 when a MUST is broken: another domain than was expected', async () => {
    const { code, stdout } = await run('--only', 'hello-domain', '--domain', 'example.org');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL 5\.1 {2}hello-domain/m);
    expect(stdout).toContain('It does not conform: 1 MUST broken.');
  });

  test('2 when there is nothing to test, or nothing is asked for', async () => {
    const untrusted = await blindsalt(['conformance', server.url, '--only', 'hello-first']);
    expect(untrusted.code).toBe(2);
    expect(untrusted.stderr).toMatch(/^blindsalt: connection-failed: .*--ca DATA\/certs\/ca\.pem\n$/);
    expect((await run('--only', 'no-such-case')).code).toBe(2);
    expect((await blindsalt(['conformance', 'ws://example.org'])).code).toBe(2);
    expect((await blindsalt(['conformance', 'nonsense'])).code).toBe(2);
  });

  test('--list names the cases and tests nothing', async () => {
    const { code, stdout } = await blindsalt(['conformance', 'wss://localhost:1', '--list', '--section', '8.1']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^8\.1 {3}device-given {2}SHOULD {2}every proof of the password gives out a device$/m);
  });
});
