import type { ServerKeys } from '../../src/server/index.js';

/** Keys of which only those of the audit trail are of use; the same in every process. */
export const auditKeys = (): ServerKeys => ({
  domain: 'example.org',
  oprfSeeds: [],
  serverKeys: [],
  ticketKeys: [],
  fakeKey: new Uint8Array(64).fill(1),
  auditKeys: [{ id: new Uint8Array(16).fill(2), seed: new Uint8Array(32).fill(3) }],
});
