import { createRequire } from 'node:module';
import { EXIT } from './exit-codes.js';
import { reportFailure } from './output.js';
import { commanderExitCode, createProgram } from './program.js';

/** Runs one command and answers its exit code; the process may then still have output to flush. */
export async function main(argv: readonly string[]): Promise<number> {
  // A reader that left (`| head`) is no failure.
  process.stdout.on('error', ignoreBrokenPipe);
  hideSqliteWarning();
  const program = createProgram(packageVersion(), {
    serve: async () => (await import('./serve/index.js')).serve,
    signup: async () => (await import('./account.js')).signup,
    login: async () => (await import('./account.js')).login,
    logout: async () => (await import('./account.js')).logout,
    users: async () => (await import('./administration.js')).users,
    unlock: async () => (await import('./unlock.js')).unlock,
    sessions: async () => (await import('./administration.js')).sessions,
    invitesCreate: async () => (await import('./administration.js')).createInvite,
    keysShow: async () => (await import('./administration.js')).showKeys,
    audit: async () => (await import('./audit.js')).audit,
    certs: async () => (await import('./administration.js')).certificates,
    conformance: async () => (await import('./conformance.js')).conformance,
    conformanceClient: async () => (await import('./conformance-client.js')).conformanceClient,
  });
  try {
    await program.parseAsync(argv);
    // What a command says by its exit code alone.
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
  } catch (error) {
    const code = commanderExitCode(error);
    if (code !== undefined) return code;
    const flags = beforeSeparator(argv);
    return reportFailure(error, {
      json: flags.includes('--json'),
      verbose: flags.includes('--verbose') || flags.includes('-v') || /\bblindsalt\b/.test(process.env['DEBUG'] ?? ''),
    }).exitCode;
  }
}

function beforeSeparator(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Node 22 and 24 warn of their own SQLite, which nobody who runs a command can do anything about. */
function hideSqliteWarning(): void {
  const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (!String(warning).includes('SQLite is an experimental feature')) emitWarning(warning, ...rest);
  };
}

/** From package.json, which lies beside `dist/` in the repository and in the package. */
function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };
  return version;
}
