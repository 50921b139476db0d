import type { LoginRow } from '../store.js';
import { DECOY, placeOf } from './decoy.js';
import { storeFailed, type SqliteTuple } from './sqlite-driver.js';
import {
  bytesAt,
  damaged,
  decodeKsf,
  encodeCredential,
  encodeVersion,
  integerAt,
  joined,
  readU32,
} from './sqlite-rows.js';
import type { Statements } from './sqlite-statements.js';

/**
 * One probe of the index of names, then one row: the user's, or for an unknown name the first from a place on that
 * follows from the name. Both are found by the same search, and lie as cold or warm in the cache as each other.
 */
const PROBE = '(SELECT number FROM users WHERE username = ?1)';
const PACKED = joined(
  'c.user_id',
  'c.record_version',
  'c.registration_record',
  'c.credential_identifier',
  'c.oprf_seed_id',
  'c.server_key_id',
  'c.ksf',
);
const LOGIN = `SELECT ${PROBE} AS found, c.number, c.status, ${PACKED} AS packed FROM credentials c
  WHERE c.number >= coalesce(${PROBE}, ?2) ORDER BY c.number LIMIT 1`;

const LENGTH = 16 + 4 + 192 + 32 + 16 + 16 + 16;
const DECOY_PACKED = Uint8Array.from(
  [DECOY.userId, encodeVersion(DECOY.recordVersion), ...encodeCredential(DECOY.credential)].flatMap((part) => [
    ...part,
  ]),
);

/** @param packed is handed out */
function decode(packed: Uint8Array, exists: boolean, status: number): LoginRow {
  return {
    exists,
    status: status === 1 ? 'active' : 'disabled',
    userId: packed.subarray(0, 16),
    recordVersion: readU32(packed, 16),
    credential: {
      registrationRecord: packed.subarray(20, 212),
      credentialIdentifier: packed.subarray(212, 244),
      oprfSeedId: packed.subarray(244, 260),
      serverKeyId: packed.subarray(260, 276),
      ksf: decodeKsf(packed, 276),
    },
  };
}

/** The user's row or the decoy's, by the same steps; `highestNumber` is that of the user who was made last. */
export function readLogin(statements: Statements, username: string, highestNumber: number): LoginRow {
  const place = Math.floor(placeOf(username) * highestNumber) + 1;
  const row: SqliteTuple | undefined = statements.tuples(LOGIN).get(username, place);
  if (!row) throw storeFailed('The store is damaged: no decoy.', undefined, 'damaged');
  const packed = bytesAt(row, 3, 'credentials');
  if (packed.length !== LENGTH) throw damaged('credentials');
  const exists = row[0] === row[1];
  // Of another user's row no byte leaves the store.
  const which = Number(exists);
  return decode([DECOY_PACKED.slice(), packed][which]!, exists, [1, integerAt(row, 2, 'status')][which]!);
}
