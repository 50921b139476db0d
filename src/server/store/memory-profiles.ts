import { toHex } from '../hex.js';
import type { CredentialRecord, ProfileShare, UserStatus } from '../store.js';

function profileOf({ oprfSeedId, serverKeyId, ksf }: Omit<ProfileShare, 'count'>): string {
  return [toHex(oprfSeedId), toHex(serverKeyId), ksf.name, ksf.memoryKiB, ksf.iterations, ksf.parallelism].join();
}

/** How many of the active users share a way of registration, in the order of its text. */
export function countProfiles(
  entries: Iterable<{ readonly status: UserStatus; readonly credential: CredentialRecord }>,
): readonly ProfileShare[] {
  const counted = new Map<string, ProfileShare>();
  for (const { status, credential } of entries) {
    if (status !== 'active') continue;
    const profile = profileOf(credential);
    const { oprfSeedId, serverKeyId, ksf } = credential;
    counted.set(profile, { oprfSeedId, serverKeyId, ksf, count: (counted.get(profile)?.count ?? 0) + 1 });
  }
  return [...counted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, share]) => share);
}
