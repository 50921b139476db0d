import { BYTES, concat, len16, proofMessage } from '../../../proto/index.js';
import type { Crypto, RandomSource } from '../../crypto/types.js';
import { hmacUnder } from '../hashed-keys.js';
import type { ServerKeys } from '../keys.js';

// Devices that have logged in before: PROTOCOL.md 8.1. Nothing of them is stored.

const LABEL = len16('blindsalt.v1 device');
const DAY_MS = 86_400_000;
/** Days after its issue for which a device is known. */
export const MAX_DEVICE_DAYS = 400;

/** Whose device, and of which password: with a new one all devices from before are unknown. */
export interface DeviceOwner {
  /** 16 bytes. */
  readonly userId: Uint8Array;
  readonly recordVersion: number;
}

export interface IssuedDevice {
  /** 16 bytes: the day of issue as u32be, 12 random ones. */
  readonly deviceId: Uint8Array;
  /** 32 bytes. */
  readonly deviceSecret: Uint8Array;
}

function u32be(n: number): Uint8Array {
  return Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n);
}

const dayOf = (nowMs: number): number => Math.max(0, Math.min(0xffff_ffff, Math.floor(nowMs / DAY_MS)));

function deriveSecret(
  crypto: Crypto,
  key: Uint8Array,
  domain: string,
  { userId, recordVersion }: DeviceOwner,
  deviceId: Uint8Array,
): Uint8Array {
  const message = concat(LABEL, len16(domain), userId, u32be(recordVersion), deviceId);
  const full = hmacUnder(crypto, key, message);
  const secret = full.slice(0, BYTES.deviceSecret);
  crypto.wipe(full);
  return secret;
}

/** A device that is known from now on; under the current ticket key. */
export function issueDevice(
  crypto: Crypto,
  keys: ServerKeys,
  random: RandomSource,
  owner: DeviceOwner,
  nowMs: number,
): IssuedDevice {
  const deviceId = concat(u32be(dayOf(nowMs)), random(BYTES.deviceId - 4));
  return { deviceId, deviceSecret: deriveSecret(crypto, keys.ticketKeys[0]!.key, keys.domain, owner, deviceId) };
}

/** What a `login-start` shows of its device, and what that was made over. */
export interface DeviceClaim {
  /** 80 bytes: device id, HMAC. */
  readonly proof: Uint8Array;
  readonly clientNonce: Uint8Array;
  /** Of the frames before `login-start`, with the device's label. */
  readonly transcriptHash: Uint8Array;
}

/** The device's id if the claim is that of a device of this owner, else undefined. All ticket keys are tried. */
export function knownDevice(
  crypto: Crypto,
  keys: ServerKeys,
  owner: DeviceOwner & { readonly username: string },
  { proof, clientNonce, transcriptHash }: DeviceClaim,
  nowMs: number,
): Uint8Array | undefined {
  const deviceId = proof.slice(0, BYTES.deviceId);
  const message = proofMessage(keys.domain, owner.username, clientNonce, transcriptHash);
  let isKnown = false;
  for (const { key } of keys.ticketKeys) {
    const secret = deriveSecret(crypto, key, keys.domain, owner, deviceId);
    const expected = crypto.hmacSha512(secret, message);
    if (crypto.equal(expected, proof.slice(BYTES.deviceId))) isKnown = true;
    crypto.wipe(secret, expected);
  }
  const ageDays = dayOf(nowMs) - new DataView(deviceId.buffer).getUint32(0);
  return isKnown && ageDays <= MAX_DEVICE_DAYS ? deviceId : undefined;
}
