import { createSecureContext } from 'node:tls';
import { BlindsaltError } from '../../proto/index.js';
import {
  connect,
  type BlindsaltSocket,
  type Connector,
  type FileTickets,
  type NodeConnectOptions,
} from '../client/node.js';
import { usageError } from './failure.js';
import { isLoopback } from './loopback.js';
import { talk, sendOne } from './line-mode.js';
import { output } from './output.js';
import { readPassword, readSecrets } from './password.js';
import { readAuthorities, readPemPair } from './pem.js';
import type { Action } from './program.js';
import { rememberedSession } from './remembered.js';

interface AccountOptions {
  readonly passwordStdin?: boolean;
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly domain?: string;
  readonly serverKey?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export const signup: Action = async (raw, url, username) => {
  const options = raw as AccountOptions & { readonly invite?: string };
  const server = connect(url, connectOptions(options, url));
  const stdin = options.passwordStdin === true;
  const { password, invite } = await readSecrets({ stdin, confirm: true, username, invite: options.invite });
  const socket = await server.signup({ username, password, invite });
  const { username: prepared, userId } = socket.session;
  await leaveForGood(socket);
  if (options.json === true) output.json({ username: prepared, userId });
  else output.note(`Signed up as ${prepared}.`);
};

export const login: Action = async (raw, url, username) => {
  const options = raw as AccountOptions & { readonly send?: string; readonly remember?: boolean };
  const { remember } = options;
  const settings = connectOptions(options, url);
  if (remember !== true) {
    return endBy(await converse(await byPassword(connect(url, settings), options, username), options, leaveForGood));
  }
  const { tickets, server } = remembering(url, username, settings);
  let signal: NodeJS.Signals | undefined;
  try {
    const socket = (await byTicket(server)) ?? (await byPassword(server, options, username));
    signal = await converse(socket, options, closed);
  } finally {
    await tickets.close();
  }
  endBy(signal);
};

/** Ends the process by the signal that it got, if any: whoever started us is to see it, as without us. */
function endBy(signal: NodeJS.Signals | undefined): void {
  if (signal !== undefined) process.kill(process.pid, signal);
}

export const logout: Action = async (raw, url, username) => {
  const options = raw as AccountOptions & { readonly everywhere?: boolean };
  const { tickets, server } = remembering(url, username, connectOptions(options, url));
  const everywhere = options.everywhere === true;
  try {
    const resumed = await byTicket(server);
    if (resumed === undefined && !everywhere) {
      return output.note('No session is remembered, or another process uses it.');
    }
    await endSession(resumed ?? (await byPassword(server, options, username)), async ({ session }) => ({
      everywhere,
      ...(everywhere && session.level === 'resumed' && { password: await askPassword(options, username) }),
    }));
    output.note(everywhere ? 'All sessions have ended.' : 'The session has ended.');
  } finally {
    await tickets.close();
  }
};

type LogoutOptions = Parameters<BlindsaltSocket['logout']>[0];

async function endSession(
  socket: BlindsaltSocket,
  options: (socket: BlindsaltSocket) => Promise<LogoutOptions>,
): Promise<void> {
  try {
    await socket.logout(await options(socket));
  } catch (error) {
    await closed(socket);
    throw error;
  }
}

function remembering(
  url: string,
  username: string,
  settings: NodeConnectOptions,
): { readonly tickets: FileTickets; readonly server: Connector } {
  // Complains of the URL before anything is made of it.
  connect(url, settings);
  const tickets = rememberedSession(url, username);
  const onTicketsUnavailable = (cause: unknown): void =>
    output.note(`The session is not remembered: ${cause instanceof Error ? cause.message : 'its file failed'}.`);
  return { tickets, server: connect(url, { ...settings, tickets, onTicketsUnavailable }) };
}

/** Undefined when the password is needed. */
async function byTicket(server: Connector): Promise<BlindsaltSocket | undefined> {
  try {
    return await server.resume();
  } catch (error) {
    const isOver = error instanceof BlindsaltError && OVER.includes(error.code);
    if (!isOver) throw error;
    if (error.reason !== 'no-ticket') output.note('The remembered session is over.');
    return undefined;
  }
}

const OVER: readonly string[] = ['resume-failed', 'session-expired', 'session-revoked'];

const askPassword = (options: AccountOptions, username: string): Promise<string> =>
  readPassword({ stdin: options.passwordStdin === true, confirm: false, username });

async function byPassword(server: Connector, options: AccountOptions, username: string): Promise<BlindsaltSocket> {
  return server.login({ username, password: await askPassword(options, username) });
}

const INTERRUPTIONS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * @param leave ends the connection; resolves when it is closed
 * @returns the signal that interrupted it
 */
async function converse(
  socket: BlindsaltSocket,
  options: AccountOptions & { readonly send?: string },
  leave: (socket: BlindsaltSocket) => Promise<void>,
): Promise<NodeJS.Signals | undefined> {
  const json = options.json === true;
  let left: Promise<void> | undefined;
  const leaveOnce = (): Promise<void> => (left ??= leave(socket));
  let interruption: NodeJS.Signals | undefined;
  const unwatch = (): void => INTERRUPTIONS.forEach((each) => process.off(each, interrupt));
  const interrupt = (signal: NodeJS.Signals): void => {
    interruption = signal;
    // A second one ends the process at once.
    unwatch();
    void leaveOnce();
  };
  for (const each of INTERRUPTIONS) process.on(each, interrupt);
  try {
    if (options.send !== undefined) await sendOne(socket, options.send, { json });
    else {
      const how = socket.session.level === 'resumed' ? 'Logged in again' : 'Logged in';
      output.note(`${how} as ${socket.session.username}. Ctrl-D closes.`);
      await talk(socket, { json, leave: () => void leaveOnce() });
    }
  } catch (error) {
    if (interruption === undefined) throw error;
  } finally {
    await leaveOnce();
    unwatch();
  }
  return interruption;
}

/** How long the server may take to end a session. */
const GOODBYE_MS = 5_000;

/** Ends a session that nobody could come back to: at the server it would stand open until it runs out. */
async function leaveForGood(socket: BlindsaltSocket): Promise<void> {
  if (socket.readyState !== socket.OPEN) return closed(socket);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BlindsaltError('timeout')), GOODBYE_MS);
  });
  try {
    await Promise.race([socket.logout(), late]);
  } catch {
    output.note('The session could not be ended at the server; it runs out there.');
  } finally {
    clearTimeout(timer);
    await closed(socket);
  }
}

function connectOptions(options: AccountOptions, url: string): NodeConnectOptions {
  return {
    domain: options.domain ?? developmentDomain(url),
    serverKey: options.serverKey,
    deviceLabel: 'command line',
    ...(options.ca !== undefined && { ca: readAuthorities(options.ca) }),
    ...clientPair(options),
    ...(options.verbose === true && { onProgress: (stage: string) => output.note(`${stage} …`) }),
  };
}

/** A server on this machine is `localhost`, under whatever spelling of loopback it is dialled. */
function developmentDomain(url: string): string | undefined {
  try {
    return isLoopback(new URL(url).hostname) ? 'localhost' : undefined;
  } catch {
    return undefined;
  }
}

function clientPair({ clientCert, clientKey }: AccountOptions): Pick<NodeConnectOptions, 'cert' | 'key'> {
  if (clientCert === undefined && clientKey === undefined) return {};
  if (clientCert === undefined || clientKey === undefined)
    throw usageError('--client-cert and --client-key go together');
  const pair = readPemPair({ cert: clientCert, key: clientKey });
  try {
    createSecureContext(pair);
  } catch (cause) {
    const message = `${clientCert} and ${clientKey} are no certificate and its key, or the key is encrypted.`;
    throw new BlindsaltError('certificate-invalid', message, { cause });
  }
  return pair;
}

/** Closes what is not closed yet; resolves when it is. */
function closed(socket: BlindsaltSocket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState === socket.CLOSED) return resolve();
    socket.addEventListener('close', () => resolve());
    socket.close(1000);
  });
}
