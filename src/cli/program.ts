import { Command, CommanderError, Option } from 'commander';
import { DEFAULT_DATA_FOLDER } from './data-folder.js';
import { exitCodeTable } from './exit-codes.js';

/** What a command does; loaded when it is called, so that `--help` and errors of usage are quick. */
export type Action = (options: Record<string, unknown>, ...args: string[]) => Promise<void>;

export interface Actions {
  readonly serve: () => Promise<Action>;
  readonly signup: () => Promise<Action>;
  readonly login: () => Promise<Action>;
  readonly logout: () => Promise<Action>;
  readonly users: () => Promise<Record<'list' | 'disable' | 'enable' | 'delete' | 'reset', Action>>;
  readonly unlock: () => Promise<Action>;
  readonly sessions: () => Promise<Record<'list' | 'revoke', Action>>;
  readonly invitesCreate: () => Promise<Action>;
  readonly keysShow: () => Promise<Action>;
  readonly audit: () => Promise<Record<'verify' | 'tail' | 'export' | 'prune', Action>>;
  readonly certs: () => Promise<Action>;
  readonly conformance: () => Promise<Action>;
  readonly conformanceClient: () => Promise<Action>;
}

const repeatable = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

/** The command line as commander parses it; `version` is the package's. */
export function createProgram(version: string, actions: Actions): Command {
  const program = new Command('blindsalt')
    .description('Password sign-up and login over one TLS-secured WebSocket; the password never leaves the client.')
    .version(version)
    .option('-v, --verbose', 'show stack traces and causes of failures')
    .showHelpAfterError('(--help shows the options)')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'blindsalt: option-invalid: ')) })
    .addHelpText('afterAll', () => `\n${exitCodeTable()}`);

  addServe(program, actions);
  addAccounts(program, actions);
  addAdministration(program, actions);
  addAudit(program, actions);
  addConformance(program, actions);
  return program;
}

/** Exit code 0 for help and version, 2 for what commander refused; undefined for other errors. */
export function commanderExitCode(error: unknown): 0 | 2 | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  return error.exitCode === 0 ? 0 : 2;
}

function addServe(program: Command, actions: Actions): void {
  command(program, 'serve')
    .summary('run a server with a page and a chat')
    .description(
      'Serves https:// with a page, and on the same port wss:// with sign-up, login and a small chat. At most 10,000 ' +
        'connections at a time in each process. SIGHUP reads certificate and key again.',
    )
    .option('--dev', 'development: domain localhost, loopback only, certificates made under DATA/certs')
    .option('--cert <file>', 'certificate chain, PEM')
    .option('--key <file>', 'private key, PEM')
    .option('--ocsp <file>', 'OCSP response for the certificate, DER, to staple while it is fresh')
    .option('--client-ca <file>', 'clients (browsers too) need a certificate of these authorities, PEM')
    .option('--workers <number>', 'processes that serve, on one port and one data folder', '1')
    .option('--host <address>', 'address to listen on (default: every address; with --dev, loopback)')
    .option('--port <number>', 'port; 0 for any free one', '8443')
    .option('--data <dir>', 'folder for accounts and keys', DEFAULT_DATA_FOLDER)
    .option('--domain <name>', 'domain that every account is bound to; cannot change later')
    .option('--target <host:port>', 'where clients dial; repeatable (default: the domain at the port)', repeatable)
    .option('--origin <origin>', 'pages that may connect; repeatable (default: https:// and each target)', repeatable)
    .addOption(
      new Option('--registration <policy>', 'who may sign up').choices(['open', 'invite', 'closed']).default('open'),
    )
    .option('--operations-port <number>', 'port on 127.0.0.1 for /metrics, /healthz, /readyz; 0 for any free one')
    .option('--drain-delay <seconds>', 'at the end: not ready for so long before anything closes', '0')
    .option('--drain-seconds <seconds>', 'at the end: connections close spread over so long (with --dev: 0)', '5')
    .option('--audit-days <days>', 'removes older entries of the audit trail; 0: keeps all', '0')
    .option(
      '--ksf <parameters>',
      'key stretching of new accounts, argon2id:KIB:PASSES:LANES or pbkdf2-sha512:ROUNDS, the preferred one first; ' +
        'repeatable (default: argon2id:65536:3:1, then pbkdf2-sha512:210000)',
      repeatable,
    )
    .addOption(
      new Option('--log-level <level>', 'what is logged to standard error')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .action(lazily(actions.serve));
}

function addAccounts(program: Command, actions: Actions): void {
  const account = (name: string): Command =>
    command(program, name)
      .argument('<url>', 'wss://host:port of the server (https:// means the same)')
      .argument('<username>')
      .option('--password-stdin', 'read the password from standard input; one newline at its end is dropped')
      .option('--ca <file>', 'trust the certificate authorities in this PEM file instead of the usual ones')
      .option('--client-cert <file>', 'certificate to show to a server that asks for one, PEM')
      .option('--client-key <file>', 'its private key, PEM')
      .option('--domain <name>', "the server's domain (default: the URL's host; localhost for loopback)")
      .option('--server-key <key>', "accept only this public key of the server's, as `keys show` prints it")
      .option('--json', 'output for programs');

  account('signup')
    .summary('create an account')
    .description(
      'Creates an account. The password is asked for without echo, or read with --password-stdin. No session stays open.',
    )
    .option(
      '--invite <code>',
      'invite, or the reset code of an account; better "-", which asks for it (with --password-stdin: the first line of ' +
        'standard input), because command lines can be seen by others on this machine',
    )
    .action(lazily(actions.signup));
  account('login')
    .summary('log in and talk')
    .description(
      'Logs in. Then each line that is typed is sent as a text frame and each frame that comes is printed; ' +
        'Ctrl-D, or the end of standard input, closes the connection, and ends the session unless --remember keeps it.',
    )
    .option('--send <text>', 'send one text frame, print the first answer, leave')
    .option(
      '--remember',
      'go on with the session of the last time, without the password, and keep it for the next, in a file that only you ' +
        'can read',
    )
    .action(lazily(actions.login));
  account('logout')
    .summary('end a remembered session')
    .description('Ends the session that `login --remember` has kept, at the server too.')
    .option('--everywhere', 'end all sessions of the account; asks for the password')
    .action(lazily(actions.logout));
}

function addAdministration(program: Command, actions: Actions): void {
  const admin = (parent: Command, name: string): Command =>
    command(parent, name)
      .option('--data <dir>', "the server's folder", DEFAULT_DATA_FOLDER)
      .option('--json', 'output for programs');

  const users = program
    .command('users')
    .summary('list, disable, enable, delete, reset, unlock accounts')
    .description('Accounts of a server, in its data folder.');
  const user = (name: 'disable' | 'enable' | 'delete' | 'reset', summary: string): Command =>
    described(admin(users, name), summary)
      .argument('<username>')
      .action(lazily(async () => (await actions.users())[name]));
  described(admin(users, 'list'), 'lists all accounts').action(lazily(async () => (await actions.users()).list));
  user('disable', 'makes logins fail and ends open sessions; keeps the account');
  user('enable', 'undoes disable');
  user('delete', 'deletes the account and ends its sessions; the name becomes free');
  user('reset', 'prints a one-time code with which its holder signs up anew under the same name').option(
    '--expires <hours>',
    'hours until the code expires',
    '24',
  );
  described(admin(users, 'unlock'), 'forgets failed logins, so that unknown devices may try again')
    .argument('<username>')
    .option('--dry-run', 'only shows until when they are counted')
    .action(lazily(actions.unlock));

  const sessions = program
    .command('sessions')
    .summary('list and revoke sessions')
    .description("Users' sessions. Sockets of a running server close within a second.");
  described(admin(sessions, 'list'), 'lists the open sessions of a user')
    .argument('<username>')
    .action(lazily(async () => (await actions.sessions()).list));
  described(admin(sessions, 'revoke'), 'ends one session of a user, or all')
    .argument('<username>')
    .argument('[session]', 'id as `sessions list` shows it (default: all)')
    .action(lazily(async () => (await actions.sessions()).revoke));

  const invites = program
    .command('invites')
    .summary('create invites')
    .description('Invites for servers with --registration invite.');
  described(admin(invites, 'create'), 'prints a one-time code for one sign-up')
    .option('--expires <hours>', 'hours until the code expires', '168')
    .option('--role <name>', 'role of the new account; repeatable', repeatable)
    .action(lazily(actions.invitesCreate));

  const keys = program.command('keys').summary("show the server's keys").description("The server's keys.");
  described(admin(keys, 'show'), 'shows the domain and the public parts of the keys').action(lazily(actions.keysShow));

  admin(program, 'certs')
    .summary('make and trust the development certificates')
    .description(
      'Makes the development CA and certificate under DATA/certs unless they are there, and says how to trust them.',
    )
    .action(lazily(actions.certs));
}

function addAudit(program: Command, actions: Actions): void {
  const trail = program
    .command('audit')
    .summary('verify, show, export, prune the audit trail')
    .description('The audit trail of a server, in its data folder. The server may be running.');
  const audit = (name: 'verify' | 'tail' | 'export' | 'prune', summary: string): Command =>
    described(command(trail, name), summary).option('--data <dir>', "the server's folder", DEFAULT_DATA_FOLDER);
  const run = (name: 'verify' | 'tail' | 'export' | 'prune') => lazily(async () => (await actions.audit())[name]);
  audit('verify', 'checks hashes, numbers and signatures, and says what was changed, removed or moved, and where')
    .argument('[file]', 'an export, or - for standard input (default: the database)')
    .option(
      '--key <key>',
      'audit key as `keys show` prints it; repeatable (default: those of the key file)',
      repeatable,
    )
    .option('--domain <name>', 'with --key: the domain of the server')
    .option(
      '--expect <number:hash>',
      'an entry that has to be there, as a log line or another run told; repeatable',
      repeatable,
    )
    .option('--json', 'output for programs')
    .action(run('verify'));
  audit('tail', 'shows the last entries')
    .option('-n, --lines <number>', 'how many', '20')
    .option('-f, --follow', 'go on with those that come')
    .option('--json', 'as the lines of an export')
    .action(run('tail'));
  audit('export', 'prints everything as lines of JSON, which verify without the database').action(run('export'));
  audit('prune', 'removes old entries and puts a signed note in their place')
    .requiredOption('--before <date>', 'a date, 2026-01-31, or a time with its zone')
    .option('--json', 'output for programs')
    .action(run('prune'));
}

function addConformance(program: Command, actions: Actions): void {
  command(program, 'conformance')
    .summary('test a server against the protocol')
    .description(
      'Tests any server of blindsalt.v1 from outside, rule by rule of PROTOCOL.md. Makes test accounts with random ' +
        'passwords on it and deletes them. Exits with 0 when no MUST is broken, 1 when one is, 2 when there is nothing to test.',
    )
    .argument('<url>', 'wss://host:port/path of the server; ws:// for loopback')
    .option('--ca <file>', 'trust the certificate authorities in this PEM file instead of the usual ones')
    .option('--domain <name>', "the server's domain (default: the URL's host; localhost for loopback)")
    .option('--origin <origin>', 'speak as a page of this origin (default: as a native client)')
    .option('--user-prefix <text>', 'what the names of test accounts begin with', 'conformance-')
    .option('--invite <code>', 'code for one sign-up; repeatable', repeatable)
    .option('--only <id>', 'this case, or all whose ids begin so (`decode-*`); repeatable', repeatable)
    .option('--section <number>', 'the cases of this section of PROTOCOL.md; repeatable', repeatable)
    .option('--connections <number>', 'connections whose nonces are compared', '2000')
    .option('--concurrency <number>', 'cases at a time', '8')
    .option('--json <file>', 'write the report as JSON; - for standard output')
    .option('--tap', 'report as TAP 14 on standard output')
    .option('--keep', 'leave the test accounts there')
    .option('--list', 'list the cases and test nothing')
    .action(lazily(actions.conformance));

  command(program, 'conformance-client')
    .summary('test a client against the protocol')
    .description(
      'Plays an honest server and every kind of lying one to a client, and reports what it did. The client is a program, started for ' +
        'each attempt, with {action} (signup, login or resume), {url}, {username} and {ca} filled in; the password comes on standard ' +
        'input. What it prints is not read, and its exit code does not matter. Example: blindsalt conformance-client -- ./client {action} {url} {username} --ca {ca}. Exits with 0 when no MUST is broken, else 1.',
    )
    .argument('[command...]', 'the client, behind --')
    .option('--can <actions>', 'what the client knows: signup, login, resume', 'signup,login')
    .option(
      '--host <name>',
      'host in the URLs, and the domain; another than localhost needs a certificate',
      'localhost',
    )
    .option('--address <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port for all cases, one after the other; 0 for a free one for each', '0')
    .option('--cert <file>', 'certificate chain, PEM (default: a throwaway one whose CA is {ca})')
    .option('--key <file>', 'private key, PEM')
    .option('--step-seconds <number>', 'how long the client may take for a step', '10')
    .option('--show-errors', 'pass on what the client writes to standard error')
    .option('--only <id>', 'this case, or all whose ids begin so (`login-*`); repeatable', repeatable)
    .option('--section <number>', 'the cases of this section of PROTOCOL.md; repeatable', repeatable)
    .option('--json <file>', 'write the report as JSON; - for standard output')
    .option('--tap', 'report as TAP 14 on standard output')
    .option('--list', 'list the cases and test nothing')
    .action(lazily(actions.conformanceClient));
}

function command(parent: Command, name: string): Command {
  return parent
    .command(name)
    .allowExcessArguments(false)
    .option('-v, --verbose', 'show stack traces and causes of failures');
}

/** In the list of commands as it is, at the head of the command's own help as a sentence. */
function described(command: Command, summary: string): Command {
  return command.summary(summary).description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
}

/** Commander calls with the arguments, then the options, then the command. */
function lazily(load: () => Promise<Action>): (...args: unknown[]) => Promise<void> {
  return async (...all) => {
    const args = all.slice(0, -2) as string[];
    const options = all.at(-2) as Record<string, unknown>;
    await (
      await load()
    )(options, ...args);
  };
}
