import type { Crypto } from 'blindsalt/crypto';
import type { KsfParameters, Message } from 'blindsalt/proto';
import type { ServerKeys } from 'blindsalt/server';

export interface CapturedFrame {
  readonly from: 'client' | 'server';
  readonly frame: Uint8Array;
  readonly message: Message;
}
export function capture(options: {
  readonly username: string;
  readonly password: string;
  readonly stretch: (oprfOutput: Uint8Array, ksf: KsfParameters) => Promise<Uint8Array>;
}): Promise<{
  readonly signup: readonly CapturedFrame[];
  readonly login: readonly CapturedFrame[];
  readonly keys: ServerKeys;
  readonly credentialIdentifier: Uint8Array;
  readonly domain: string;
  readonly crypto: Crypto;
}>;
