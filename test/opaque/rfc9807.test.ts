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
import { nobleCrypto } from '../support/noble-crypto.js';

const crypto = nobleCrypto();
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

interface Vector {
  readonly config: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, string>>;
  readonly intermediates: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

// Appendix C.1.1, the parts that these functions give.
const C_1_1: Vector = {
  config: { Fake: 'False' },
  inputs: {
    oprf_seed:
      'f433d0227b0b9dd54f7c4422b600e764e47fb503f1f9a0f0a47c6606b054a7fdc65347f1a08f277e22358bbabe26f823fca82c7848e9a75661f4ec5d5c1989ef',
    credential_identifier: '31323334',
    password: '436f7272656374486f72736542617474657279537461706c65',
    envelope_nonce: 'ac13171b2f17bc2c74997f0fce1e1f35bec6b91fe2e12dbd323d23ba7a38dfec',
    masking_nonce: '38fe59af0df2c79f57b8780278f5ae47355fe1f817119041951c80f612fdfc6d',
    server_public_key: 'b2fe7af9f48cc502d016729d2fe25cdd433f2c4bc904660b2a382c9b79df1a78',
    blind_registration: '76cfbfe758db884bebb33582331ba9f159720ca8784a2a070a265d9c2d6abe01',
    blind_login: '6ecc102d2e7a7cf49617aad7bbe188556792d4acd60a1a8a8d2b65d4b0790308',
  },
  intermediates: {
    oprf_key: '5d4c6a8b7c7138182afb4345d1fae6a9f18a1744afbcc3854f8f5a2b4b4c6d05',
    randomized_password:
      'aac48c25ab036e30750839d31d6e73007344cb1155289fb7d329beb932e9adeea73d5d5c22a0ce1952f8aba6d66007615cd1698d4ac85ef1fcf150031d1435d9',
    client_public_key: '76a845464c68a5d2f7e442436bb1424953b17d3e2e289ccbaccafb57ac5c3675',
    masking_key:
      '1ac5844383c7708077dea41cbefe2fa15724f449e535dd7dd562e66f5ecfb95864eadddec9db5874959905117dad40a4524111849799281fefe3c51fa82785c5',
    envelope:
      'ac13171b2f17bc2c74997f0fce1e1f35bec6b91fe2e12dbd323d23ba7a38dfec634b0f5b96109c198a8027da51854c35bee90d1e1c781806d07d49b76de6a28b8d9e9b6c93b9f8b64d16dddd9c5bfb5fea48ee8fd2f75012a8b308605cdd8ba5',
  },
  outputs: {
    registration_request: '5059ff249eb1551b7ce4991f3336205bde44a105a032e747d21bf382e75f7a71',
    registration_response:
      '7408a268083e03abc7097fc05b587834539065e86fb0c7b6342fcf5e01e5b019b2fe7af9f48cc502d016729d2fe25cdd433f2c4bc904660b2a382c9b79df1a78',
    registration_upload:
      '76a845464c68a5d2f7e442436bb1424953b17d3e2e289ccbaccafb57ac5c36751ac5844383c7708077dea41cbefe2fa15724f449e535dd7dd562e66f5ecfb95864eadddec9db5874959905117dad40a4524111849799281fefe3c51fa82785c5ac13171b2f17bc2c74997f0fce1e1f35bec6b91fe2e12dbd323d23ba7a38dfec634b0f5b96109c198a8027da51854c35bee90d1e1c781806d07d49b76de6a28b8d9e9b6c93b9f8b64d16dddd9c5bfb5fea48ee8fd2f75012a8b308605cdd8ba5',
    // The CredentialRequest and CredentialResponse that KE1 and KE2 begin with.
    KE1: 'c4dedb0ba6ed5d965d6f250fbe554cd45cba5dfcce3ce836e4aee778aa3cd44d',
    KE2: '7e308140890bcde30cbcea28b01ea1ecfbd077cff62c4def8efa075aabcbb47138fe59af0df2c79f57b8780278f5ae47355fe1f817119041951c80f612fdfc6dd6ec60bcdb26dc455ddf3e718f1020490c192d70dfc7e403981179d8073d1146a4f9aa1ced4e4cd984c657eb3b54ced3848326f70331953d91b02535af44d9fedc80188ca46743c52786e0382f95ad85c08f6afcd1ccfbff95e2bdeb015b166c6b20b92f832cc6df01e0b86a7efd92c1c804ff865781fa93f2f20b446c8371b6',
    export_key:
      '1ef15b4fa99e8a852412450ab78713aad30d21fa6966c9b8c9fb3262a970dc62950d4dd4ed62598229b1b72794fc0335199d9f7fcc6eaedde92cc04870e63f16',
  },
};

function real(vector: Vector): void {
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

function fake(vector: Vector): void {
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

describe('RFC 9807 appendix C', () => {
  test('C.1.1, inlined', () => real(C_1_1));

  const file = new URL('../../../shared/vectors/rfc9807-ristretto255-3dh.json', import.meta.url);
  if (existsSync(file)) {
    const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[];
    test('the file has real vectors, one of them with identities, and a fake one', () => {
      expect(vectors.filter((vector) => vector.config.Fake === 'False').length).toBeGreaterThanOrEqual(2);
      expect(vectors.filter((vector) => vector.config.Fake === 'True').length).toBeGreaterThanOrEqual(1);
      expect(vectors.some((v) => v.config.Fake === 'False' && v.inputs.client_identity !== undefined)).toBe(true);
    });
    vectors.forEach((vector, i) => {
      const isFake = vector.config.Fake === 'True';
      test(`vector ${i + 1}${isFake ? ' (fake record)' : ''}`, () => (isFake ? fake(vector) : real(vector)));
    });
  } else {
    test.skip('the other vectors: their file is not present', () => undefined);
  }
});
