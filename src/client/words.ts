// Words for people, which page and command line share.

/** Rules of names and passwords (RFC 8265), by the `reason` of the error. */
const RULES: Readonly<Record<string, string>> = {
  empty: 'it is empty.',
  'too-short': 'it needs at least 8 characters.',
  'too-long': 'it is too long.',
  'lone-surrogate': 'it has a damaged character.',
  unassigned: 'it has a character that is too new to be known everywhere.',
  'disallowed-code-point':
    'it has a character that is not allowed, like a line break; in a username also spaces, emoji and other symbols.',
  context: 'it has a character that is not allowed at that place.',
  bidi: 'it mixes writing directions.',
  'mixed-script': 'it mixes writing systems.',
  'mixed-digits': 'it mixes digits of different writing systems.',
  unstable: 'it cannot be written in one way only.',
  mismatch: 'the repetition is different.',
};

/** The rule that a username or password broke, as the second half of a sentence; undefined for an unknown `reason`. */
export function brokenRule(reason: string | undefined): string | undefined {
  return reason !== undefined && Object.hasOwn(RULES, reason) ? RULES[reason] : undefined;
}

/** "in 5 seconds", "in 3 minutes", "later". */
export function waitingTime(retryAfterMs: number | undefined): string {
  if (retryAfterMs === undefined || retryAfterMs <= 0) return 'later';
  const seconds = Math.ceil(retryAfterMs / 1000);
  if (seconds < 90) return `in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
  return `in ${Math.ceil(seconds / 60)} minutes`;
}
