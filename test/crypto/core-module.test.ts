// The compiled module itself, and how it is loaded.
import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { loadCrypto, loadCryptoSync } from '../../src/crypto/index.js';
import { hex } from '../support/vectors.js';

const read = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../build/${name}`, import.meta.url))));
const wasm = read('core.wasm');
const relaxed = read('core-relaxed.wasm');
const codeOf = (body: Promise<unknown>): Promise<unknown> =>
  body.then(
    () => 'no error',
    (error: { code?: unknown }) => error.code,
  );

describe('the compiled modules', () => {
  test('import nothing', () => {
    const module = new WebAssembly.Module(wasm);
    expect(WebAssembly.Module.imports(module)).toEqual([]);
    expect(WebAssembly.Module.exports(module).filter((e) => e.kind === 'memory')).toHaveLength(1);
    if (WebAssembly.validate(relaxed)) expect(WebAssembly.Module.imports(new WebAssembly.Module(relaxed))).toEqual([]);
  });

  test('have at most 28 KB together when compressed', () => {
    const compressed = [wasm, relaxed].map((bytes) => gzipSync(bytes, { level: 9 }).length);
    expect(compressed[0]! + compressed[1]!).toBeLessThanOrEqual(28 * 1024);
  });
});

describe('assembly/tables.ts', () => {
  test('is what its script makes', () => {
    const script = fileURLToPath(new URL('../../scripts/generate-core-tables.js', import.meta.url));
    execFileSync(process.execPath, [script, '--check']);
  });
});

describe('loadCrypto', () => {
  test('is one instance unless told otherwise', async () => {
    const crypto = await loadCrypto();
    expect(await loadCrypto()).toBe(crypto);
    expect(loadCryptoSync()).toBe(crypto);
    expect(await loadCrypto({ wasm })).not.toBe(crypto);
  });

  test('takes bytes, a buffer, a module or a response', async () => {
    const digest = hex((await loadCrypto()).sha512(wasm));
    const sources = [
      wasm,
      wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length),
      new WebAssembly.Module(wasm),
      new Response(wasm, { headers: { 'content-type': 'application/wasm' } }),
    ];
    for (const source of sources) expect(hex((await loadCrypto({ wasm: source })).sha512(wasm))).toBe(digest);
  });

  test('refuses what it cannot run', async () => {
    expect(await codeOf(loadCrypto({ wasm: new Uint8Array(8) }))).toBe('environment-unsupported');
    expect(await codeOf(loadCrypto({ wasm: new URL('file:///core.wasm') }))).toBe('option-invalid');
    // a module that is valid, but not the core
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    expect(await codeOf(loadCrypto({ wasm: empty }))).toBe('environment-unsupported');
  });

  test.each([
    ['a constant of SHA-512', '22ae28d7982f8a42'],
    ['a constant of the field', '59f1b226949bd6eb56b183829a14e000'],
    ['the group order that verification halves its scalars by', 'edd3f55c1a631258d69cf7a2def9de14'],
  ])('refuses a core that computes wrongly: %s', async (_name, constant) => {
    for (const source of WebAssembly.validate(relaxed) ? [wasm, relaxed] : [wasm]) {
      const at = Buffer.from(source).indexOf(Buffer.from(constant, 'hex'));
      expect(at).toBeGreaterThan(0);
      const changed = source.slice();
      changed[at + 3]! ^= 1;
      expect(WebAssembly.validate(changed)).toBe(true);
      expect(await codeOf(loadCrypto({ wasm: source }))).toBe('no error');
      expect(await codeOf(loadCrypto({ wasm: changed }))).toBe('environment-unsupported');
    }
  });

  test('draws randomness from the given source and fails closed', async () => {
    let drawn = 0;
    const good = await loadCrypto({
      random: (length) => {
        drawn += length;
        return new Uint8Array(length).fill(3);
      },
    });
    expect(good.oprf.blind(new Uint8Array(1))).toEqual(good.oprf.blind(new Uint8Array(1)));
    good.schnorr.sign(new Uint8Array(1), new Uint8Array(32).fill(1), new Uint8Array(0));
    expect(drawn).toBe(64 + 64 + 32);
    const broken: ((length: number) => Uint8Array)[] = [
      (length) => new Uint8Array(length),
      (length) => new Uint8Array(length - 1).fill(1),
      (length) => new Uint8Array(length + 1).fill(1),
      () => undefined as unknown as Uint8Array,
      () => {
        throw new Error('no entropy');
      },
    ];
    for (const random of broken) {
      const crypto = await loadCrypto({ random });
      const calls = [
        async () => crypto.oprf.blind(new Uint8Array(1)),
        async () => crypto.schnorr.sign(new Uint8Array(1), new Uint8Array(32).fill(1), new Uint8Array(0)),
        async () => crypto.randomBytes(32),
      ];
      for (const call of calls) expect(await codeOf(call())).toBe('crypto-randomness');
    }
  });
});
