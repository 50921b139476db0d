import { checkLength } from './checks.js';
import type { Core } from './core.js';
import { coordinatesOf } from './decoded.js';
import type { Envelope, Opaque, OpaqueIdentities } from './types.js';

/** The room for the credential identifier and for the two identities together. */
const MAX_MESSAGE = 65536;

export function createOpaque(core: Core): Opaque {
  const { exports } = core;

  /** Writes the identities to the message, and gives their lengths as the core wants them. */
  const putIdentities = ({ server, client }: OpaqueIdentities): [number, number] => {
    if (server) core.putMessage(server);
    if (client) core.putMessage(client, server?.length ?? 0);
    return [server?.length ?? -1, client?.length ?? -1];
  };

  const checkIdentities = ({ server, client }: OpaqueIdentities): void => {
    if (server) checkLength('server identity', server, 0, 65535);
    if (client) checkLength('client identity', client, 0, Math.min(65535, MAX_MESSAGE - (server?.length ?? 0)));
  };

  const takeEnvelope = (): Envelope => ({
    clientPrivateKey: core.take(32),
    clientPublicKey: core.take(32, 32),
    exportKey: core.take(64, 64),
    maskingKey: core.take(64, 128),
    tag: core.take(64, 192),
  });

  return {
    evaluate(oprfSeed, credentialIdentifier, blindedElement) {
      checkLength('oprfSeed', oprfSeed, 64);
      checkLength('credentialIdentifier', credentialIdentifier, 0, 65000);
      const coordinates = coordinatesOf(blindedElement);
      if (!coordinates) checkLength('blindedElement', blindedElement as Uint8Array, 32);
      return core.operation(() => {
        core.put(oprfSeed);
        core.put(coordinates ?? (blindedElement as Uint8Array));
        core.putMessage(credentialIdentifier);
        core.check(exports.opaqueEvaluate(coordinates ? 1 : 0, credentialIdentifier.length));
        return core.take(32);
      });
    },
    sealEnvelope(randomizedPassword, nonce, serverPublicKey, identities = {}) {
      checkLength('randomizedPassword', randomizedPassword, 64);
      checkLength('nonce', nonce, 32);
      checkLength('serverPublicKey', serverPublicKey, 32);
      checkIdentities(identities);
      return core.operation(() => {
        core.put(randomizedPassword);
        core.put(nonce);
        core.put(serverPublicKey);
        core.reserve(256);
        core.check(exports.opaqueSeal(...putIdentities(identities)));
        return takeEnvelope();
      });
    },
    openEnvelope(randomizedPassword, nonce, tag, serverPublicKey, identities = {}) {
      checkLength('randomizedPassword', randomizedPassword, 64);
      checkLength('nonce', nonce, 32);
      checkLength('tag', tag, 64);
      checkLength('serverPublicKey', serverPublicKey, 32);
      checkIdentities(identities);
      return core.operation(() => {
        core.put(randomizedPassword);
        core.put(nonce);
        core.put(serverPublicKey);
        core.put(tag);
        core.reserve(256);
        core.check(exports.opaqueOpen(...putIdentities(identities)));
        return takeEnvelope();
      });
    },
  };
}
