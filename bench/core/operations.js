// What is measured, and who takes part. `ours` is {name: Crypto}, one for each build; the rest is absent where it does not
// exist. Runs in Node and in browsers.

const bytes = (length, seed) => Uint8Array.from({ length }, (_, i) => (i * 73 + seed * 151 + ((i * i) >> 2)) & 255);
const utf8 = new TextEncoder();

/** Calls `make` for each of our builds. */
function each(ours, make) {
  return Object.fromEntries(Object.entries(ours).map(([name, crypto]) => [name, make(crypto)]));
}

/** Without those that are undefined. */
function present(contenders) {
  return Object.fromEntries(Object.entries(contenders).filter(([, call]) => call));
}

export function createOperations({ ours, sodium, noble, node, wasmCrypto }) {
  const reference = Object.values(ours)[0];
  const { scalar, ristretto255: group, schnorr, ed25519, oprf } = reference;
  const k = scalar.reduce(bytes(64, 1));
  const p = group.multiplyBase(scalar.reduce(bytes(64, 2)));
  const uniform = bytes(64, 3);
  const message = bytes(100, 4);
  const megabyte = bytes(1 << 20, 5);
  const seed = bytes(32, 6);
  const context = utf8.encode('login server proof');
  const random = bytes(32, 7);
  const publicKey = schnorr.publicKey(k);
  const signature = schnorr.sign(message, k, context, random);
  const edKey = ed25519.publicKey(seed);
  const edSignature = ed25519.sign(message, seed);
  const sodiumKeys = sodium.crypto_sign_seed_keypair(seed);
  const evaluated = oprf.blindEvaluate(k, p);
  const oprfSeed = bytes(64, 8);
  const maskingKey = bytes(64, 9);
  const identifier = bytes(32, 10);
  const cleartext = bytes(128, 11);

  const nobleScalar = noble.ed25519.Point.Fn.fromBytes(k);
  const fa = wasmCrypto;

  return [
    {
      name: 'ristretto255 multiply',
      contenders: {
        ...each(ours, (c) => () => c.ristretto255.multiply(k, p)),
        'libsodium.js': () => sodium.crypto_scalarmult_ristretto255(k, p),
        'noble-curves': () => noble.ristretto255.Point.fromBytes(p).multiply(nobleScalar).toBytes(),
        'wasm-crypto': fa && fa.multiply(k, p),
      },
    },
    {
      name: 'ristretto255 multiplyBase',
      contenders: {
        ...each(ours, (c) => () => c.ristretto255.multiplyBase(k)),
        'libsodium.js': () => sodium.crypto_scalarmult_ristretto255_base(k),
        'noble-curves': () => noble.ristretto255.Point.BASE.multiply(nobleScalar).toBytes(),
        'wasm-crypto': fa && fa.multiplyBase(k),
      },
    },
    {
      name: 'ristretto255 fromUniformBytes',
      contenders: {
        ...each(ours, (c) => () => c.ristretto255.fromUniformBytes(uniform)),
        'libsodium.js': () => sodium.crypto_core_ristretto255_from_hash(uniform),
        'noble-curves': () => noble.ristretto255_hasher.deriveToCurve(uniform).toBytes(),
        'wasm-crypto': fa && fa.fromHash(uniform),
      },
    },
    {
      name: 'OPRF blind',
      contenders: {
        ...each(ours, (c) => () => c.oprf.blind(message, k)),
        'noble-curves': () => noble.ristretto255_oprf.oprf.blind(message),
      },
    },
    {
      name: 'OPRF blindEvaluate',
      contenders: {
        ...each(ours, (c) => () => c.oprf.blindEvaluate(k, p)),
        'noble-curves': () => noble.ristretto255_oprf.oprf.blindEvaluate(k, p),
      },
    },
    {
      name: 'OPRF finalize',
      contenders: {
        ...each(ours, (c) => () => c.oprf.finalize(message, k, evaluated)),
        'noble-curves': () => noble.ristretto255_oprf.oprf.finalize(message, k, evaluated),
      },
    },
    {
      name: 'Schnorr verify (others: Ed25519), 100 bytes',
      contenders: {
        ...each(ours, (c) => () => c.schnorr.verify(signature, message, publicKey, context)),
        'libsodium.js': () => sodium.crypto_sign_verify_detached(edSignature, message, edKey),
        'node:crypto': node && node.ed25519Verify(edSignature, message, edKey),
        'wasm-crypto': fa && fa.verify(edSignature, message, edKey),
      },
    },
    {
      name: 'Schnorr sign by a signer (others: Ed25519), 100 bytes',
      contenders: {
        ...each(ours, (c) => {
          const signer = c.schnorr.createSigner(k);
          return () => signer.sign(message, context, random);
        }),
        'libsodium.js': () => sodium.crypto_sign_detached(message, sodiumKeys.privateKey),
        'node:crypto': node && node.ed25519Sign(message, seed),
      },
    },
    {
      name: 'Ed25519 verify, 100 bytes',
      contenders: {
        ...each(ours, (c) => () => c.ed25519.verify(edSignature, message, edKey)),
        'libsodium.js': () => sodium.crypto_sign_verify_detached(edSignature, message, edKey),
        'noble-curves': () => noble.ed25519.verify(edSignature, message, edKey),
        'node:crypto': node && node.ed25519Verify(edSignature, message, edKey),
        'wasm-crypto': fa && fa.verify(edSignature, message, edKey),
      },
    },
    {
      name: 'Ed25519 sign by a signer, 100 bytes',
      contenders: {
        ...each(ours, (c) => {
          const signer = c.ed25519.createSigner(seed);
          return () => signer.sign(message);
        }),
        'libsodium.js': () => sodium.crypto_sign_detached(message, sodiumKeys.privateKey),
        'node:crypto': node && node.ed25519Sign(message, seed),
      },
    },
    {
      name: 'Ed25519 sign from the seed alone, 100 bytes',
      contenders: {
        ...each(ours, (c) => () => c.ed25519.sign(message, seed)),
        'libsodium.js': () => sodium.crypto_sign_detached(message, sodium.crypto_sign_seed_keypair(seed).privateKey),
        'noble-curves': () => noble.ed25519.sign(message, seed),
      },
    },
    {
      name: 'SHA-512, 100 bytes',
      contenders: {
        ...each(ours, (c) => () => c.sha512(message)),
        'libsodium.js': () => sodium.crypto_hash_sha512(message),
        'noble-hashes': () => noble.sha512(message),
        'node:crypto': node && (() => node.sha512(message)),
        'wasm-crypto': fa && fa.hash(message),
      },
    },
    {
      name: 'SHA-512, 1 MiB',
      contenders: {
        ...each(ours, (c) => () => c.sha512(megabyte)),
        'libsodium.js': () => sodium.crypto_hash_sha512(megabyte),
        'noble-hashes': () => noble.sha512(megabyte),
        'node:crypto': node && (() => node.sha512(megabyte)),
        'wasm-crypto': fa && fa.hash(megabyte),
      },
    },
    {
      name: 'server side of one login: derive the key and evaluate, mask, sign, verify',
      contenders: each(ours, (c) => {
        const signer = c.schnorr.createSigner(k);
        return () => {
          c.opaque.evaluate(oprfSeed, identifier, p);
          const pad = c.hkdfSha512.expand(maskingKey, identifier, 128);
          for (let i = 0; i < 128; i++) pad[i] ^= cleartext[i];
          signer.sign(message, context, random);
          if (!c.schnorr.verify(signature, message, publicKey, context)) throw new Error('must verify');
        };
      }),
    },
  ].map((operation) => ({ ...operation, contenders: present(operation.contenders) }));
}
