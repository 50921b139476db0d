import type { FailureDetail, Level } from './case.js';

export type Status = 'passed' | 'failed' | 'skipped';

export interface CaseResult {
  readonly id: string;
  readonly area: string;
  readonly section: string;
  readonly title: string;
  readonly level: Level;
  readonly status: Status;
  readonly durationMs: number;
  /** Why it was skipped, or what went wrong where no rule was broken (a timeout, a lost connection). */
  readonly reason?: string;
  readonly failure?: FailureDetail;
  readonly notes: readonly string[];
}

export interface Report {
  readonly format: 'blindsalt-conformance-report';
  readonly version: 1;
  readonly protocol: 'blindsalt.v1';
  /** Which end was tested. */
  readonly tests: 'server' | 'client';
  /** Where it was. */
  readonly subject: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly counts: { readonly passed: number; readonly failed: number; readonly skipped: number };
  /** No MUST was broken. */
  readonly conforms: boolean;
  readonly cases: readonly CaseResult[];
}

/** JSON Schema 2020-12 of a report. */
export const REPORT_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'blindsalt conformance report',
  type: 'object',
  required: [
    'format',
    'version',
    'protocol',
    'tests',
    'subject',
    'startedAt',
    'durationMs',
    'counts',
    'conforms',
    'cases',
  ],
  additionalProperties: false,
  properties: {
    format: { const: 'blindsalt-conformance-report' },
    version: { const: 1 },
    protocol: { const: 'blindsalt.v1' },
    tests: { enum: ['server', 'client'] },
    subject: { type: 'string' },
    startedAt: { type: 'string', format: 'date-time' },
    durationMs: { type: 'integer', minimum: 0 },
    counts: {
      type: 'object',
      required: ['passed', 'failed', 'skipped'],
      additionalProperties: false,
      properties: {
        passed: { type: 'integer', minimum: 0 },
        failed: { type: 'integer', minimum: 0 },
        skipped: { type: 'integer', minimum: 0 },
      },
    },
    conforms: { type: 'boolean' },
    cases: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'area', 'section', 'title', 'level', 'status', 'durationMs', 'notes'],
        additionalProperties: false,
        properties: {
          id: { type: 'string', pattern: '^[a-z0-9]+(-[a-z0-9]+)*$' },
          area: { type: 'string' },
          section: { type: 'string', pattern: '^\\d+(\\.\\d+)?$' },
          title: { type: 'string' },
          level: { enum: ['MUST', 'SHOULD'] },
          status: { enum: ['passed', 'failed', 'skipped'] },
          durationMs: { type: 'integer', minimum: 0 },
          reason: { type: 'string' },
          failure: {
            type: 'object',
            required: ['rule', 'sent', 'expected', 'came'],
            additionalProperties: false,
            properties: {
              rule: { type: 'string' },
              sent: { type: 'array', items: { type: 'string' } },
              expected: { type: 'string' },
              came: { type: 'string' },
            },
          },
          notes: { type: 'array', items: { type: 'string' } },
        },
      },
    },
  },
} as const;

/** The lines under a case that did not pass. */
function detailLines({ reason, failure }: CaseResult): readonly string[] {
  if (failure === undefined) return reason === undefined ? [] : [reason];
  return [
    `rule:     ${failure.rule}`,
    ...failure.sent.map((line, i) => `${i === 0 ? 'sent:    ' : '         '} ${line}`),
    `expected: ${failure.expected}`,
    `came:     ${failure.came}`,
    ...(reason === undefined ? [] : [reason]),
  ];
}

/** One case, for people. */
export function formatCase(result: CaseResult): string {
  const { status, section, id, title, level, durationMs, notes } = result;
  const mark = { passed: 'ok  ', failed: level === 'MUST' ? 'FAIL' : 'warn', skipped: 'skip' }[status];
  const lines = [`${mark} ${section.padEnd(4)} ${id}: ${title} (${durationMs} ms)`];
  if (status !== 'passed') lines.push(...detailLines(result).map((line) => `          ${line}`));
  lines.push(...notes.map((note) => `          ${note}`));
  return lines.join('\n');
}

/** The last lines of a report, for people. */
export function formatSummary({ counts, conforms, cases, subject, durationMs }: Report): string {
  const reasons = new Map<string, number>();
  for (const { status, reason = '' } of cases) {
    if (status === 'skipped') reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const broken = cases.filter(({ status, level }) => status === 'failed' && level === 'MUST').length;
  return [
    `${subject}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${(durationMs / 1000).toFixed(1)} s`,
    ...[...reasons].map(([reason, count]) => `  ${count} skipped: ${reason}`),
    conforms ? 'No MUST that was tried is broken.' : `It does not conform: ${broken} MUST broken.`,
  ].join('\n');
}

/** A whole report, for people. */
export function formatText(report: Report): string {
  return `${report.cases.map(formatCase).join('\n')}\n\n${formatSummary(report)}\n`;
}

/** TAP version 14, with a YAML block under each case that did not pass. */
export function formatTap({ cases }: Report): string {
  const lines = ['TAP version 14', `1..${cases.length}`];
  cases.forEach((result, i) => {
    const { status, id, section, title, level, reason = '', failure } = result;
    const isOk = status !== 'failed';
    // A SHOULD that is not met is what TAP calls a todo: told, not counted.
    const directive =
      status === 'skipped' ? ` # SKIP ${plain(reason)}` : !isOk && level === 'SHOULD' ? ' # TODO a SHOULD' : '';
    lines.push(`${isOk ? 'ok' : 'not ok'} ${i + 1} - ${plain(`${section} ${id}: ${title}`)}${directive}`);
    if (isOk) return;
    lines.push('  ---', `  section: ${JSON.stringify(section)}`, `  level: ${level}`);
    if (reason !== '') lines.push(`  reason: ${JSON.stringify(reason)}`);
    if (failure !== undefined) {
      lines.push(`  rule: ${JSON.stringify(failure.rule)}`, '  sent:');
      lines.push(...failure.sent.map((line) => `    - ${JSON.stringify(line)}`));
      lines.push(`  expected: ${JSON.stringify(failure.expected)}`, `  came: ${JSON.stringify(failure.came)}`);
    }
    lines.push('  ...');
  });
  return `${lines.join('\n')}\n`;
}

/** No line breaks, and no `#`, which begins a directive. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/#/g, '\\#');
}
