// One search in a process of its own, lean enough for V8's counters. Arguments: target, fault or -, seconds, inputs,
// seed, and `keep` to write the corpus anew from what it has and what was found.
// Prints one line of JSON.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readCorpus, toHex, writeCorpus } from './corpus.js';
import { Coverage } from './coverage.js';
import { distil, search } from './loop.js';
import { createPrng } from './prng.js';
import { createTarget } from './targets/index.js';

// Refusals are frequent, and their stacks would cost more than what they refuse.
Error.stackTraceLimit = 3;
const [name = '', fault = '-', seconds = '1', maxInputs = 'Infinity', seed = '1', keep] = process.argv.slice(2);
const target = await createTarget(name, fault === '-' ? undefined : fault);
const source = readFileSync(fileURLToPath(import.meta.url), 'utf8');
const coverage = new Coverage(import.meta.url, source, (module) => target.covers.test(module));
const result = await search(target, {
  prng: createPrng(Number(seed)),
  corpus: fault === '-' ? readCorpus(target.name) : [],
  maxInputs: Number(maxInputs),
  untilMs: performance.now() + 1000 * Number(seconds),
  coverage,
});
const { finding } = result;
if (keep === 'keep') writeCorpus(target.name, await distil(target, [...readCorpus(target.name), ...result.kept]));
const line = JSON.stringify({
  inputs: result.inputs,
  outcomes: result.outcomes,
  kept: result.kept.map(toHex),
  coverage: coverage.share,
  finding: finding && { ...finding, input: toHex(finding.input) },
});
// Stores and timers of a target are not waited for.
process.stdout.write(`${line}\n`, () => process.exit(0));
