// RFC 9807, appendix C: registration and credential retrieval with ristretto255, SHA-512 and the Identity KSF.
import { existsSync, readFileSync } from 'node:fs';
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
} from '../../src/opaque/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { nobleCrypto } from '../support/noble-crypto.js';
import { VECTORS, type Vector } from './rfc9807-vectors.js';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

function real(crypto: Crypto, vector: Vector): void {
  const input = (name: string): Uint8Array => bytes(vector.inputs[name]!);
  const { intermediates, outputs } = vector;
  const password = input('password');
  const identities = {
    server: vector.inputs.server_identity === undefined ? undefined : input('server_identity'),
    client: vector.inputs.client_identity === undefined ? undefined : input('client_identity'),
  };

  expect(hex(deriveOprfKey(crypto, input('oprf_seed'), input('credential_identifier')))).toBe(intermediates.oprf_key);

  const registration = createRequest(crypto, password, input('blind_registration'));
  expect(hex(registration.request)).toBe(outputs.registration_request);
  const registrationResponse = createRegistrationResponse(
    crypto,
    registration.request,
    input('server_public_key'),
    input('credential_identifier'),
    input('oprf_seed'),
  );
  expect(hex(registrationResponse)).toBe(outputs.registration_response);
  const output = finalizeOprf(crypto, password, registration.blind, registrationResponse.subarray(0, 32));
  const randomized = randomizedPassword(crypto, output, output);
  expect(hex(randomized)).toBe(intermediates.randomized_password);
  const made = finalizeRegistration(
    crypto,
    randomized,
    registrationResponse.subarray(32),
    identities,
    input('envelope_nonce'),
  );
  expect(hex(made.record)).toBe(outputs.registration_upload);
  expect(hex(made.exportKey)).toBe(outputs.export_key);
  expect(hex(made.clientPublicKey)).toBe(intermediates.client_public_key);
  expect(hex(crypto.schnorr.publicKey(made.clientPrivateKey))).toBe(intermediates.client_public_key);
  const parts = splitRecord(made.record);
  expect(hex(parts.maskingKey)).toBe(intermediates.masking_key);
  expect(hex(parts.envelope)).toBe(intermediates.envelope);

  const login = createRequest(crypto, password, input('blind_login'));
  expect(hex(login.request)).toBe(outputs.KE1!.slice(0, 64));
  const response = createCredentialResponse(
    crypto,
    login.request,
    input('server_public_key'),
    made.record,
    input('credential_identifier'),
    input('oprf_seed'),
    input('masking_nonce'),
  );
  expect(hex(response)).toBe(outputs.KE2!.slice(0, 384));
  const loginOutput = finalizeOprf(crypto, password, login.blind, response.subarray(0, 32));
  const recovered = recoverCredentials(
    crypto,
    randomizedPassword(crypto, loginOutput, loginOutput),
    response,
    identities,
  );
  expect(hex(recovered.serverPublicKey)).toBe(vector.inputs.server_public_key);
  expect(hex(recovered.exportKey)).toBe(outputs.export_key);
  expect(recovered.clientPrivateKey).toEqual(made.clientPrivateKey);
}

function fake(crypto: Crypto, vector: Vector): void {
  const input = (name: string): Uint8Array => bytes(vector.inputs[name]!);
  const record = new Uint8Array(192);
  record.set(input('client_public_key'), 0);
  record.set(input('masking_key'), 32);
  const response = createCredentialResponse(
    crypto,
    input('KE1').subarray(0, 32),
    input('server_public_key'),
    record,
    input('credential_identifier'),
    input('oprf_seed'),
    input('masking_nonce'),
  );
  expect(hex(response)).toBe(vector.outputs.KE2!.slice(0, 384));
}

describe.each(VECTORS)('RFC 9807 appendix $name', (vector) => {
  const check = vector.fake ? fake : real;
  test('our core', async () => check(await loadCrypto(), vector));
  test('@noble', () => check(nobleCrypto(), vector));
});

describe('RFC 9807, the file of all vectors', () => {
  const file = new URL('../../../shared/vectors/rfc9807-ristretto255-3dh.json', import.meta.url);
  if (!existsSync(file)) {
    test.skip('is not present', () => undefined);
    return;
  }
  test('has these vectors and no others for this configuration', () => {
    const published = JSON.parse(readFileSync(file, 'utf8')) as (Vector & { config: Record<string, string> })[];
    expect(published.length).toBe(VECTORS.length);
    published.forEach((entry, i) => {
      expect(entry.config['Fake']).toBe(VECTORS[i]!.fake ? 'True' : 'False');
      expect(entry.inputs).toMatchObject({
        ...VECTORS[i]!.inputs,
        ...(VECTORS[i]!.fake && { KE1: entry.inputs['KE1'] }),
      });
      expect(entry.intermediates).toMatchObject(VECTORS[i]!.intermediates);
      for (const [name, value] of Object.entries(VECTORS[i]!.outputs)) {
        expect(entry.outputs[name]!.slice(0, value.length)).toBe(value);
      }
    });
  });
});
