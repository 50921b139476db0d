import { BlindsaltError, type ErrorCode } from '../../../proto/errors.js';

/** Why a username, password or domain is refused: the `reason` of the error. The input itself is never part of it. */
const REASONS = {
  empty: 'it is empty',
  'too-short': 'it is too short',
  'too-long': 'it is too long',
  'lone-surrogate': 'it is not well-formed Unicode',
  unassigned: 'it has a character that Unicode 14.0 does not know',
  'disallowed-code-point': 'it has a character that is not allowed there',
  context: 'it has a character that is not allowed at that place',
  bidi: 'left-to-right and right-to-left characters stand in an order that is not allowed',
  'mixed-script': 'it mixes writing systems',
  'mixed-digits': 'it mixes digits of several writing systems',
  unstable: 'it has no stable prepared form',
  syntax: 'it is neither a host name nor an IP address in canonical form',
  port: 'the port is not an integer from 1 to 65535',
} as const;

export type IdentityReason = keyof typeof REASONS;
export type IdentityErrorCode = Extract<ErrorCode, 'username-invalid' | 'password-invalid' | 'domain-invalid'>;

const SUBJECT: Readonly<Record<IdentityErrorCode, string>> = {
  'username-invalid': 'username',
  'password-invalid': 'password',
  'domain-invalid': 'domain or target',
};

export function identityError(code: IdentityErrorCode, reason: IdentityReason): BlindsaltError {
  return new BlindsaltError(code, `The ${SUBJECT[code]} is not allowed: ${REASONS[reason]}.`, { reason });
}
