import { checkServerIdentity, type TLSSocket } from 'node:tls';
import { BlindsaltError } from '../../proto/errors.js';

// An agent makes connections as it likes, and its TLS options win over ours: what it made is looked at afterwards.

const LOOPBACK_ADDRESS = /^(?:::ffff:)?127\.|^::1$/;

/**
 * Node asks DNS for names under `.localhost`, where browsers know that they are this machine.
 * @throws BlindsaltError `insecure-url`
 */
export function checkPlainHost(url: string): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'ws:' && hostname.endsWith('.localhost')) {
    throw new BlindsaltError('insecure-url', 'In Node, ws:// is for localhost, 127.0.0.0/8 and [::1] only.');
  }
}

/** Why nothing may be sent over an open connection to this URL; undefined when something may. */
export function distrustOf(url: string, socket: Partial<TLSSocket>, minVersion: string): Error | undefined {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'wss:') {
    return LOOPBACK_ADDRESS.test(socket.remoteAddress ?? '')
      ? undefined
      : new BlindsaltError('insecure-url', 'The agent made a connection without TLS to another machine.');
  }
  if (socket.authorized !== true) return new Error('the agent made a connection whose certificate was not verified');
  // "TLSv1" < "TLSv1.1" < "TLSv1.2" < "TLSv1.3"
  const version = socket.getProtocol?.() ?? '';
  if (!/^TLSv1(?:\.\d)?$/.test(version) || version < minVersion) {
    return new Error(`the agent made a connection with ${version || 'no TLS'}, below ${minVersion}`);
  }
  const certificate = socket.getPeerCertificate?.();
  if (certificate === undefined) return new Error('the agent made a connection without a certificate');
  return checkServerIdentity(hostname.replace(/^\[(.*)\]$/, '$1'), certificate);
}
