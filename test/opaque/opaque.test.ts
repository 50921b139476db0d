// Registration and credential retrieval: what must fail, and how.
import { describe, expect, test } from '@jest/globals';
import {
  createCredentialResponse,
  createRegistrationResponse,
  createRequest,
  deriveOprfKey,
  finalizeOprf,
  finalizeRegistration,
  randomizedPassword,
  recoverCredentials,
  splitRecord,
  type Identities,
} from '../../src/opaque/index.js';
import { nobleCrypto } from '../support/noble-crypto.js';

const crypto = nobleCrypto();
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const code = (expected: string): unknown => expect.objectContaining({ name: 'BlindsaltError', code: expected });

const oprfSeed = crypto.randomBytes(64);
const credentialIdentifier = crypto.randomBytes(32);
const serverKey = crypto.oprf.deriveKeyPair(crypto.randomBytes(32), utf8('test'));
const identities = { server: utf8('example.org'), client: utf8('alice') };

function register(password: string): ReturnType<typeof finalizeRegistration> {
  const { blind, request } = createRequest(crypto, utf8(password));
  const response = createRegistrationResponse(crypto, request, serverKey.publicKey, credentialIdentifier, oprfSeed);
  const output = finalizeOprf(crypto, utf8(password), blind, response.subarray(0, 32));
  return finalizeRegistration(crypto, randomizedPassword(crypto, output, output), response.subarray(32), identities);
}

function retrieve(
  password: string,
  record: Uint8Array,
  who: Identities = identities,
  change: (response: Uint8Array) => void = () => undefined,
): ReturnType<typeof recoverCredentials> {
  const { blind, request } = createRequest(crypto, utf8(password));
  const response = createCredentialResponse(
    crypto,
    request,
    serverKey.publicKey,
    record,
    credentialIdentifier,
    oprfSeed,
  );
  change(response);
  const output = finalizeOprf(crypto, utf8(password), blind, response.subarray(0, 32));
  return recoverCredentials(crypto, randomizedPassword(crypto, output, output), response, who);
}

describe('credential retrieval', () => {
  const made = register('correct horse');

  test('gives back the keys of the registration, and the server key', () => {
    const recovered = retrieve('correct horse', made.record);
    expect(recovered.clientPrivateKey).toEqual(made.clientPrivateKey);
    expect(recovered.clientPublicKey).toEqual(made.clientPublicKey);
    expect(recovered.exportKey).toEqual(made.exportKey);
    expect(recovered.serverPublicKey).toEqual(serverKey.publicKey);
  });

  test('a wrong password does not open the envelope', () => {
    expect(() => retrieve('correct hors', made.record)).toThrow(code('envelope-invalid'));
  });

  test('other identities do not open the envelope', () => {
    for (const who of [{ ...identities, client: utf8('bob') }, { ...identities, server: utf8('example.com') }, {}]) {
      expect(() => retrieve('correct horse', made.record, who)).toThrow(code('envelope-invalid'));
    }
  });

  test('no bit of nonce, masked key, masked nonce or masked tag can be changed', () => {
    for (const at of [32, 63, 64, 95, 96, 127, 128, 191]) {
      const flip = (response: Uint8Array): void => void (response[at]! ^= 1);
      expect(() => retrieve('correct horse', made.record, identities, flip)).toThrow(code('envelope-invalid'));
    }
  });

  test('two responses for one record share nothing but their length', () => {
    const { request } = createRequest(crypto, utf8('x'));
    const args = [crypto, request, serverKey.publicKey, made.record, credentialIdentifier, oprfSeed] as const;
    const [a, b] = [createCredentialResponse(...args), createCredentialResponse(...args)];
    expect(a.subarray(0, 32)).toEqual(b.subarray(0, 32));
    expect(a.subarray(32, 64)).not.toEqual(b.subarray(32, 64));
    expect(a.subarray(64)).not.toEqual(b.subarray(64));
  });

  test('a decoy record (random masking key, envelope of zeros) opens for no password', () => {
    const decoy = new Uint8Array(192);
    decoy.set(crypto.randomBytes(64), 32);
    expect(() => retrieve('correct horse', decoy)).toThrow(code('envelope-invalid'));
  });

  test('registrations of one password have nothing in common under another credential identifier', () => {
    const key = deriveOprfKey(crypto, oprfSeed, credentialIdentifier);
    expect(deriveOprfKey(crypto, oprfSeed, crypto.randomBytes(32))).not.toEqual(key);
    expect(deriveOprfKey(crypto, crypto.randomBytes(64), credentialIdentifier)).not.toEqual(key);
  });
});

describe('bad input', () => {
  const { request, blind } = createRequest(crypto, utf8('x'));
  const record = register('correct horse').record;
  const noncanonical = new Uint8Array(32).fill(0xff);
  const identity = new Uint8Array(32);

  test('elements from the client: non-canonical, identity, wrong length', () => {
    const respond = (element: Uint8Array): Uint8Array =>
      createRegistrationResponse(crypto, element, serverKey.publicKey, credentialIdentifier, oprfSeed);
    expect(() => respond(noncanonical)).toThrow(code('crypto-encoding'));
    expect(() => respond(identity)).toThrow(code('crypto-identity'));
    expect(() => respond(request.subarray(1))).toThrow(code('crypto-length'));
    const retrieveWith = (element: Uint8Array): Uint8Array =>
      createCredentialResponse(crypto, element, serverKey.publicKey, record, credentialIdentifier, oprfSeed);
    expect(() => retrieveWith(noncanonical)).toThrow(code('crypto-encoding'));
    expect(() => retrieveWith(identity)).toThrow(code('crypto-identity'));
  });

  test('elements from the server: non-canonical, identity, wrong length', () => {
    expect(() => finalizeOprf(crypto, utf8('x'), blind, noncanonical)).toThrow(code('crypto-encoding'));
    expect(() => finalizeOprf(crypto, utf8('x'), blind, identity)).toThrow(code('crypto-identity'));
    expect(() => finalizeOprf(crypto, utf8('x'), blind, new Uint8Array(31))).toThrow(code('crypto-length'));
  });

  test('lengths of records, seeds, responses and stretched outputs', () => {
    expect(() => splitRecord(record.subarray(1))).toThrow(code('crypto-length'));
    expect(() => deriveOprfKey(crypto, oprfSeed.subarray(1), credentialIdentifier)).toThrow(code('crypto-length'));
    const randomized = crypto.randomBytes(64);
    expect(() => recoverCredentials(crypto, randomized, new Uint8Array(191), identities)).toThrow(
      code('crypto-length'),
    );
    expect(() => randomizedPassword(crypto, randomized, randomized.subarray(1))).toThrow(code('crypto-length'));
  });

  test('a failing source of randomness stops everything', () => {
    const broken = nobleCrypto(() => {
      throw new Error('no entropy');
    });
    expect(() => createRequest(broken, utf8('x'))).toThrow(code('crypto-randomness'));
    expect(() => finalizeRegistration(broken, crypto.randomBytes(64), serverKey.publicKey, identities)).toThrow(
      code('crypto-randomness'),
    );
    expect(() =>
      createCredentialResponse(broken, request, serverKey.publicKey, record, credentialIdentifier, oprfSeed),
    ).toThrow(code('crypto-randomness'));
  });
});
