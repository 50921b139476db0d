/**
 * The symbolic models of proto/model, checked by ProVerif 2.x where it is installed (`PROVERIF` names the program if it is not
 * in the path): each model's queries come out as its "Expected" line says, and faults put into a model are found.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

const folder = fileURLToPath(new URL('../../proto/model/', import.meta.url));
const program = process.env['PROVERIF'] ?? 'proverif';
const hasProverif = /Proverif/i.test(spawnSync(program, ['-help'], { encoding: 'utf8' }).stdout ?? '');

const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  'login.pv': ['login.pvl', 'login-world.pvl'],
  'login-database-stolen.pv': ['login.pvl', 'login-world.pvl'],
  'login-all-stolen.pv': ['login.pvl', 'login-world.pvl'],
  'binding.pv': ['login.pvl'],
  'signup-pinned.pv': ['signup.pvl'],
  'signup-unpinned.pv': ['signup.pvl'],
  'resume.pv': [],
};

function testProverif(name: string, body: () => void): void {
  if (hasProverif) test(name, body);
  else test.skip(`${name} (skipped: no proverif)`, body);
}

/** Whether each query holds, in order; undefined: ProVerif cannot tell. */
function results(model: string, where = folder): (boolean | undefined)[] {
  const libraries = ['primitives.pvl', ...LIBRARIES[model]!].flatMap((name) => ['-lib', join(where, name)]);
  const { stdout } = spawnSync(program, [...libraries, join(where, model)], { encoding: 'utf8', timeout: 60_000 });
  const summary = stdout.split('Verification summary:')[1];
  if (summary === undefined) throw new Error(`${model}: ${stdout.slice(-400)}`);
  const lines = summary.split('\n').filter((line) => /^(Query|Weak secret)/.test(line));
  return lines.map((line) => (line.endsWith(' is true.') ? true : line.endsWith(' is false.') ? false : undefined));
}

function expected(model: string): boolean[] {
  const line = /\(\* Expected: (.*)\. \*\)/.exec(readFileSync(join(folder, model), 'utf8'));
  return line![1]!.split(', ').map((entry) => entry.endsWith('true'));
}

/** The results of a model after texts of one of its files were replaced; every text has to be there. */
function mutated(model: string, file: string, replacements: readonly (readonly [string, string])[]): unknown[] {
  const copy = mkdtempSync(join(tmpdir(), 'blindsalt-model-'));
  try {
    cpSync(folder, copy, { recursive: true });
    let text = readFileSync(join(copy, file), 'utf8');
    for (const [from, to] of replacements) {
      if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
      text = text.replaceAll(from, to);
    }
    writeFileSync(join(copy, file), text);
    return results(model, copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

describe('symbolic models', () => {
  test('every model is listed here', () => {
    expect(readdirSync(folder).filter((name) => name.endsWith('.pv'))).toEqual(Object.keys(LIBRARIES).sort());
  });

  for (const model of Object.keys(LIBRARIES)) {
    testProverif(`${model}: each query as expected`, () => {
      expect(results(model)).toEqual(expected(model));
    });
  }
});

describe('faults that the models find', () => {
  testProverif('no OPRF: what the wire shows tests guesses', () => {
    const fault = ['stretch(unblind(evaluated, r))', 'stretch((domain, user, password))'] as const;
    const record = ['stretch(prf((domain, user, password), k))', 'stretch((domain, user, password))'] as const;
    expect(mutated('login.pv', 'login.pvl', [fault, record])[0]).toBe(false);
  });

  testProverif('the client does not check the proof of the server', () => {
    const fault = [
      'verify(signature, (loginServer, domain, user, serverNonce, (binding, frames)), serverPublic) = true',
      'true = true',
    ] as const;
    expect(mutated('login.pv', 'login.pvl', [fault])[4]).toBe(false);
  });

  testProverif('the target is not in what is signed', () => {
    const client = ['((helloNonce, domain), start, challenge)', '((helloNonce, domain), challenge)'] as const;
    const server = [
      '((helloNonce, domain), (user, clientNonce, target, blinded), challenge)',
      '((helloNonce, domain), challenge)',
    ] as const;
    expect(mutated('login.pv', 'login.pvl', [client, server])[3]).toBe(false);
  });

  testProverif('the channel binding is not in what is signed', () => {
    const faults = [
      ['(binding, frames)', 'frames'],
      ['(binding, sha512((frames, signature)))', 'sha512((frames, signature))'],
    ] as const;
    expect(mutated('binding.pv', 'login.pvl', faults)[0]).toBe(false);
  });

  testProverif("hello's nonce is not in what resume proves", () => {
    const fault = ['sha512(((helloNonce, domain), (', 'sha512((domain, ('] as const;
    expect(mutated('resume.pv', 'resume.pv', [fault])[0]).toBe(false);
  });
});
