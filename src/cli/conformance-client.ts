import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDevelopmentCertificates } from '../../certs/development-ca.js';
import type { Identity, Task } from '../conformance/index.js';
import { listOf } from './conformance.js';
import { EXIT } from './exit-codes.js';
import { usageError } from './failure.js';
import { readNumber } from './number-option.js';
import { output } from './output.js';
import { readPemPair } from './pem.js';
import type { Action } from './program.js';

interface Options {
  readonly cert?: string;
  readonly key?: string;
  readonly host: string;
  readonly address: string;
  readonly port: string;
  readonly can?: string;
  readonly only?: readonly string[];
  readonly section?: readonly string[];
  readonly stepSeconds: string;
  readonly json?: string;
  readonly tap?: boolean;
  readonly showErrors?: boolean;
  readonly list?: boolean;
}

const ACTIONS: readonly Task['action'][] = ['signup', 'login', 'resume'];

/** Plays honest and lying servers to a client that is a program; 0: no MUST is broken, 1: one is. */
export const conformanceClient: Action = async (raw, ...args) => {
  const { clientCases, commandSubject, formatCase, formatSummary, formatTap, selectCases, testClient } =
    await import('../conformance/index.js');
  const options = raw as unknown as Options;
  // Commander gives the words of a variadic argument as one list.
  const command = args.flat();
  const selection = { only: listOf(options.only), sections: listOf(options.section) };
  const selected = selectCases(clientCases, selection);
  if (selected.length === 0) throw usageError('no case has such an id or section; --list shows all');
  if (options.list === true) {
    for (const { section, id, level, title } of selected) output.line(`${section.padEnd(5)} ${id}  ${level}  ${title}`);
    return;
  }
  if (command.length === 0) throw usageError('give the command that starts the client, behind --');
  const isQuiet = options.tap === true || options.json === '-';
  const scratch = await mkdtemp(join(tmpdir(), 'blindsalt-conformance-'));
  try {
    const { identity, ca } = await identityOf(options, scratch);
    const filled = command.map((argument) => argument.replaceAll('{ca}', ca));
    const report = await testClient({
      subject: commandSubject(filled, actionsOf(options.can), { showErrors: options.showErrors === true }),
      identity,
      name: command.join(' '),
      host: options.host,
      address: options.address,
      port: readNumber('--port', options.port, [0, 65_535]),
      stepMs: 1000 * readNumber('--step-seconds', options.stepSeconds, [1, 600]),
      ...selection,
      onResult: (result, done, total) => {
        if (!isQuiet) output.line(formatCase(result));
        else if (process.stderr.isTTY) output.note(`${done}/${total} ${result.status} ${result.id}`);
      },
    });
    if (options.tap === true) process.stdout.write(formatTap(report));
    if (options.json === '-') output.json(report);
    else if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
    if (!isQuiet) output.line(`\n${formatSummary(report)}`);
    process.exitCode = report.conforms ? EXIT.ok : EXIT.unexpected;
  } finally {
    await rm(scratch, { recursive: true });
  }
};

/** The certificate given, or a throwaway one for `localhost`; and where the CA's certificate is. */
async function identityOf({ cert, key, host }: Options, scratch: string): Promise<{ identity: Identity; ca: string }> {
  if (cert !== undefined && key !== undefined) {
    return { identity: readPemPair({ cert, key }), ca: cert };
  }
  if (cert !== undefined || key !== undefined) throw usageError('give both --cert and --key');
  if (host !== 'localhost') throw usageError(`--host ${host} needs --cert and --key`);
  const made = await ensureDevelopmentCertificates(scratch);
  return { identity: readPemPair({ cert: made.certFile, key: made.keyFile }), ca: made.caFile };
}

function actionsOf(text: string | undefined): readonly Task['action'][] | undefined {
  if (text === undefined) return undefined;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(ACTIONS as readonly string[]).includes(name));
  if (unknown !== undefined) throw usageError(`--can ${unknown}: one of ${ACTIONS.join(', ')}`);
  return names as Task['action'][];
}
