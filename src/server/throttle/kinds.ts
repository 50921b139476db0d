import type { RateName } from './rates.js';

/** Two hexadecimal digits in keys. Never changed: stored keys have them. */
export const KIND = {
  account: '00',
  newcomers: '01',
  device: '02',
  accountNetwork: '03',
  beside: '04',
  session: '05',
  /** Empty: the network has not failed at the account for long. Lets nothing through or not. */
  failedBefore: '06',
  /** Not empty: the owner has logged in there a moment ago. */
  door: '07',
  /** Both counted by this process for itself. */
  arrivals: '08',
  resumptions: '09',
  address: '10',
  network: '11',
  overall: '12',
  signupAddress: '20',
  signupNetwork: '21',
  signupOverall: '22',
  codeAddress: '30',
  codeNetwork: '31',
  codeOverall: '32',
} as const satisfies Record<RateName | 'failedBefore' | 'door', string>;
export type Kind = keyof typeof KIND;

/**
 * Kind of what says that an account's counters were emptied: those who look later see it even where a failure was counted
 * behind it. The rest of its key is the account's prefix and zeros.
 */
export const CLEARED = 'ff';

/** Where in a key its kind stands, in hexadecimal digits: behind the account's prefix. */
export const KIND_AT = 24;

export const kindOf = (key: string): string => key.slice(KIND_AT, KIND_AT + 2);
