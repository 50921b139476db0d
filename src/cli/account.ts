import { readFileSync } from 'node:fs';
import { BlindsaltError } from '../../proto/index.js';
import { connect, type NodeConnectOptions } from '../client/node.js';
import { talk, sendOne } from './line-mode.js';
import { output } from './output.js';
import { readPassword, readSecrets } from './password.js';
import type { Action } from './program.js';
import { isLoopback } from './serve/options.js';

interface AccountOptions {
  readonly passwordStdin?: boolean;
  readonly ca?: string;
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
  await closed(socket);
  if (options.json === true) output.json({ username: prepared, userId });
  else output.note(`Signed up as ${prepared}.`);
};

export const login: Action = async (raw, url, username) => {
  const options = raw as AccountOptions & { readonly send?: string };
  const server = connect(url, connectOptions(options, url));
  const password = await readPassword({ stdin: options.passwordStdin === true, confirm: false, username: username });
  const socket = await server.login({ username: username, password });
  const json = options.json === true;
  if (options.send !== undefined) return sendOne(socket, options.send, { json });
  output.note(`Logged in as ${socket.session.username}. Ctrl-D closes.`);
  return talk(socket, { json });
};

function connectOptions(options: AccountOptions, url: string): NodeConnectOptions {
  return {
    domain: options.domain ?? developmentDomain(url),
    serverKey: options.serverKey,
    ...(options.ca !== undefined && { ca: readCa(options.ca) }),
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

function readCa(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new BlindsaltError('certificate-invalid', `The CA file ${file} cannot be read.`, { cause });
  }
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw new BlindsaltError('certificate-invalid', `The CA file ${file} holds no PEM certificate.`);
  }
  return pem;
}

function closed(socket: EventTarget & { close(): void }): Promise<void> {
  return new Promise((resolve) => {
    socket.addEventListener('close', () => resolve());
    socket.close();
  });
}
