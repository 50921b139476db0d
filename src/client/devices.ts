import { BYTES, LABEL } from '../../proto/constants.js';
import { concat, proofMessage, type Binding, type Transcript } from '../../proto/transcript.js';
import type { Crypto } from '../crypto/types.js';

/** With which a login shows that it comes from a device that logged in before: PROTOCOL.md 8.1. Opens nothing. */
export interface Device {
  /** Whose logins; prepared. */
  readonly username: string;
  /** 16 bytes. */
  readonly deviceId: Uint8Array;
  /** 32 bytes. */
  readonly deviceSecret: Uint8Array;
}

/** What a server gives out; both empty for none. */
export type IssuedDevice = Pick<Device, 'deviceId' | 'deviceSecret'>;

/** So many accounts of one server are remembered, those used last. */
export const MAX_DEVICES = 8;

const EMPTY = new Uint8Array(0);

export function isDevice({ deviceId, deviceSecret }: IssuedDevice): boolean {
  return deviceId.length === BYTES.deviceId && deviceSecret.length === BYTES.deviceSecret;
}

/** The list with this one in front, in place of the account's earlier one. */
export function withDevice<D extends { readonly username: string }>(devices: readonly D[], device: D): D[] {
  return [device, ...devices.filter(({ username }) => username !== device.username)].slice(0, MAX_DEVICES);
}

export interface DeviceProofFacts {
  readonly devices: readonly Device[];
  readonly domain: string;
  readonly username: string;
  readonly clientNonce: Uint8Array;
  readonly binding: Binding;
  /** Up to the frame before `login-start`. */
  readonly transcript: Transcript;
}

/** The field `deviceProof` of `login-start`, 80 bytes; empty where the account's device is not known. */
export function deviceProof(crypto: Crypto, facts: DeviceProofFacts): Uint8Array {
  const { devices, domain, username, clientNonce, binding, transcript } = facts;
  const device = devices.find((known) => known.username === username && isDevice(known));
  if (device === undefined) return EMPTY;
  const message = proofMessage(domain, username, clientNonce, transcript.hash(LABEL.device, binding));
  return concat(device.deviceId, crypto.hmacSha512(device.deviceSecret, message));
}
