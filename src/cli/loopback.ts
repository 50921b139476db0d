import { isIP } from 'node:net';

/** Whether only this machine reaches a server that listens there. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (name === 'localhost') return true;
  return isIP(name) === 4
    ? name.startsWith('127.')
    : isIP(name) === 6 && new URL(`http://[${name}]`).hostname === '[::1]';
}
