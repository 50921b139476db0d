// The suite on servers that are set up in other ways, and what it says of what it cannot try.
import { describe, expect, test } from '@jest/globals';
import {
  formatTap,
  formatText,
  REPORT_SCHEMA,
  selectCases,
  serverCases,
  testServer,
  type Report,
  type TestServerOptions,
} from '../../src/conformance/index.js';
import type { EngineOptions } from '../../src/server/index.js';
import { startDouble } from './double/double-server.js';
import { MUTANTS } from './double/mutants.js';

async function run(
  change: Partial<EngineOptions>,
  options: Partial<TestServerOptions>,
  invites = 0,
): Promise<{ readonly report: Report; readonly users: readonly string[] }> {
  const double = await startDouble(undefined, change);
  try {
    const codes = await Promise.all(
      Array.from({ length: invites }, () => double.engine.admin.createInvite({ expiresInSeconds: 600 })),
    );
    const report = await testServer({
      url: double.url,
      domain: 'localhost',
      invites: codes.map(({ code }) => code),
      helloCount: 80,
      ...options,
    });
    const users = (await double.engine.admin.listUsers()).map(({ username }) => username);
    return { report, users };
  } finally {
    await double.stop();
  }
}
const statusOf = (report: Report, id: string): unknown => report.cases.find((result) => result.id === id)?.status;

describe('servers that are set up in other ways', () => {
  test('closed registration: what needs an account is skipped with that reason, never passed', async () => {
    const only = ['signup-*', 'login-*', 'hello-versions', 'unknown-user-stable'];
    const { report } = await run({ registration: 'closed' }, { only });
    expect(statusOf(report, 'signup-closed')).toBe('passed');
    expect(statusOf(report, 'unknown-user-stable')).toBe('passed');
    const skipped = report.cases.find(({ id }) => id === 'login-honest');
    expect(skipped).toMatchObject({ status: 'skipped', reason: expect.stringContaining('registration is closed') });
    expect(report.counts.failed).toBe(0);
    expect(report.conforms).toBe(true);
  });

  test('registration by invite: as many accounts as there are invites', async () => {
    const only = ['signup-then-login', 'signup-invite-missing', 'login-honest', 'resume-honest', 'resume-replay'];
    const { report, users } = await run({ registration: 'invite' }, { only, concurrency: 1 }, 3);
    const results = report.cases.map(({ id, status }) => `${id} ${status}`);
    expect(results).toContain('signup-invite-missing passed');
    expect(results).toContain('login-honest passed');
    expect(results).toContain('resume-honest passed');
    const reasons = report.cases.flatMap(({ reason }) => reason ?? []);
    expect(reasons).toEqual(['no invite is left: give more with --invite']);
    expect(users).toEqual([]);
  });

  test('short limits are waited for', async () => {
    const limits = { idleSeconds: 2, absoluteSeconds: 5, expiryWarningSeconds: 1 };
    const { report } = await run({ limits }, { only: ['idle-limit', 'absolute-limit'] });
    expect(report.cases.map(({ status }) => status)).toEqual(['passed', 'passed']);
  });

  test('the accounts of a run are deleted, or kept when that is asked for', async () => {
    const only = ['login-honest', 'signup-welcome'];
    expect((await run({}, { only })).users).toEqual([]);
    const { users } = await run({}, { only, cleanUp: false, userPrefix: 'probe-' });
    expect(users).toHaveLength(2);
    expect(users.every((username) => username.startsWith('probe-'))).toBe(true);
  });
});

describe('reports', () => {
  test('JSON follows its schema, TAP its plan; a broken rule says what was sent, expected and came', async () => {
    const double = await startDouble(MUTANTS.find(({ name }) => name === 'skips-binding-check'));
    const only = ['binding-unoffered', 'hello-versions', 'tls-version'];
    const report = await testServer({ url: double.url, domain: 'localhost', only });
    await double.stop();
    expect(conformsTo(JSON.parse(JSON.stringify(report)), REPORT_SCHEMA, 'report')).toEqual([]);
    expect(report.conforms).toBe(false);
    const failed = report.cases.find(({ status }) => status === 'failed')!;
    expect(failed.failure).toMatchObject({
      rule: expect.stringMatching(/^Section 5\.2: "binding offered in hello"/),
      sent: [expect.stringMatching(/^login-start \{ username ".*binding "tls-unique"/)],
      expected: 'error binding-refused, then close 4406',
      came: expect.stringMatching(/^login-challenge \{ serverNonce/),
    });
    const tap = formatTap(report).split('\n');
    expect(tap.slice(0, 2)).toEqual(['TAP version 14', '1..3']);
    expect(tap.filter((line) => /^(not )?ok /.test(line))).toEqual([
      expect.stringMatching(/^ok 1 - 5\.1 hello-versions/),
      expect.stringMatching(/^ok 2 - 3 tls-version: .* # SKIP needs a wss:\/\/ URL$/),
      expect.stringMatching(/^not ok 3 - 5\.2 binding-unoffered/),
    ]);
    expect(formatText(report)).toContain('It does not conform: 1 MUST broken.');
  });

  test('ids are unique; a section stands for its subsections, an id with * for its beginning', () => {
    const ids = serverCases.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const sections = new Set(selectCases(serverCases, { sections: ['9'] }).map(({ section }) => section));
    expect([...sections].sort()).toEqual(['9.1', '9.2', '9.3']);
    expect(selectCases(serverCases, { only: ['decode-resume-*'] }).length).toBe(11);
    expect(selectCases(serverCases, { only: ['hello-first', 'nothing'] }).map(({ id }) => id)).toEqual(['hello-first']);
  });
});

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** As much of JSON Schema as the report's uses; gives the complaints. */
function conformsTo(value: unknown, schema: Schema, path: string): readonly string[] {
  const complaints: string[] = [];
  const isOf = (type: string): boolean => {
    if (type === 'integer') return Number.isInteger(value);
    if (type === 'array') return Array.isArray(value);
    if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
    return typeof value === type;
  };
  if (schema.type !== undefined && !isOf(schema.type)) return [`${path} is no ${schema.type}`];
  if (schema.const !== undefined && value !== schema.const)
    complaints.push(`${path} is not ${JSON.stringify(schema.const)}`);
  if (schema.enum !== undefined && !schema.enum.includes(value)) complaints.push(`${path} is none of the enum`);
  if (schema.minimum !== undefined && (value as number) < schema.minimum) complaints.push(`${path} is too small`);
  if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value as string))
    complaints.push(`${path}: pattern`);
  for (const name of schema.required ?? [])
    if (!(name in (value as object))) complaints.push(`${path}.${name} is missing`);
  if (schema.properties !== undefined) {
    for (const [name, inner] of Object.entries(value as object)) {
      const of = schema.properties[name];
      complaints.push(
        ...(of === undefined ? [`${path}.${name} is unknown`] : conformsTo(inner, of, `${path}.${name}`)),
      );
    }
  }
  if (schema.items !== undefined) {
    (value as readonly unknown[]).forEach((entry, i) =>
      complaints.push(...conformsTo(entry, schema.items!, `${path}[${i}]`)),
    );
  }
  return complaints;
}
