import { BlindsaltError } from '../../../proto/errors.js';
import { identityError, type IdentityReason } from './errors.js';

/** Longest domain, in bytes of ASCII (RFC 1035, section 2.3.4, without the root's dot). */
export const MAX_DOMAIN_BYTES = 253;
/** Longest target: the longest domain, a colon, five digits. */
export const MAX_TARGET_BYTES = MAX_DOMAIN_BYTES + 6;
/** Longer input, in UTF-16 units, is refused unseen. */
const MAX_INPUT_UNITS = 1024;

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
/** A host whose last label looks like a number is read as an IPv4 address by URL parsers, `127.1` and `0x7f` included. */
const NUMBER_LABEL = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * Prepares a domain: a host name in lower case (letters, digits, hyphens; 1–253 bytes, labels of 1–63; no dot at the
 * end), a dotted quad, or an IPv6 address as RFC 5952, section 4, writes it, without brackets (and with an embedded IPv4
 * address in hexadecimal, as URL parsers write it). Input may have capitals, labels in Unicode, which the platform's URL
 * parser converts to A-labels, and brackets around IPv6; so `url.hostname` is good input.
 *
 * Throws `domain-invalid` with a `reason`: `empty`, `too-long`, `lone-surrogate` or `syntax`.
 */
export function prepareDomain(input: string): string {
  if (input === '') refuse('empty');
  if (input.length > MAX_INPUT_UNITS) refuse('too-long');
  if (!/^[\u0000-\u007f]*$/.test(input)) return prepareUnicodeHost(input);
  if (input.includes(':')) return prepareIpv6(input);
  const host = input.toLowerCase();
  const labels = host.split('.');
  if (NUMBER_LABEL.test(labels.at(-1) ?? '')) {
    if (!isDottedQuad(labels)) refuse('syntax');
  } else {
    checkHostName(host, labels);
  }
  return host;
}

/** Whether `prepareDomain` returns exactly this string; false for every string that it refuses. */
export function isPreparedDomain(input: string): boolean {
  return isUnchanged(input, prepareDomain);
}

/**
 * What a client dialled: `host:port`, the host as `prepareDomain` returns it, IPv6 in brackets, the port (1–65535) always
 * there. Throws `domain-invalid`; `reason` is that of `prepareDomain`, or `port`.
 */
export function prepareTarget(host: string, port: number): string {
  const domain = prepareDomain(host);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) refuse('port');
  return `${domain.includes(':') ? `[${domain}]` : domain}:${port}`;
}

/** Whether a string is one that `prepareTarget` returns. */
export function isPreparedTarget(input: string): boolean {
  if (input.length > MAX_TARGET_BYTES) return false;
  const colon = input.lastIndexOf(':');
  return isUnchanged(input, () => prepareTarget(input.slice(0, Math.max(colon, 0)), Number(input.slice(colon + 1))));
}

function isUnchanged(input: string, prepare: (input: string) => string): boolean {
  try {
    return prepare(input) === input;
  } catch (error) {
    if (error instanceof BlindsaltError) return false;
    throw error;
  }
}

function isDottedQuad(labels: readonly string[]): boolean {
  return labels.length === 4 && labels.every((label) => OCTET.test(label) && Number(label) <= 255);
}

function checkHostName(host: string, labels: readonly string[]): void {
  if (host.length > MAX_DOMAIN_BYTES || labels.some((label) => label.length > 63)) refuse('too-long');
  if (!labels.every((label) => LABEL.test(label))) refuse('syntax');
}

function prepareUnicodeHost(input: string): string {
  if (/\p{Surrogate}/u.test(input)) refuse('lone-surrogate');
  // What the URL parser gives a meaning to, or drops, never reaches it.
  if (!/^[a-z0-9.\u0080-\u{10ffff}-]+$/iu.test(input)) refuse('syntax');
  const host = parseHost(input);
  const labels = host.split('.');
  if (NUMBER_LABEL.test(labels.at(-1) ?? '')) refuse('syntax');
  checkHostName(host, labels);
  return host;
}

function prepareIpv6(input: string): string {
  const address = /^\[.*\]$/.test(input) ? input.slice(1, -1) : input;
  if (!/^[0-9a-f:.]+$/i.test(address)) refuse('syntax');
  return parseHost(`[${address}]`).slice(1, -1);
}

function parseHost(host: string): string {
  try {
    return new URL(`https://${host}/`).hostname;
  } catch {
    // The parser's own error would carry the input.
    return refuse('syntax');
  }
}

function refuse(reason: IdentityReason): never {
  throw identityError('domain-invalid', reason);
}
