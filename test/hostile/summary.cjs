const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');

// Says at the end of `npm run test:hostile` what ran, how much of it, for how long, and what did not.
module.exports = class Summary {
  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'blindsalt-hostile-'));
    this.file = path.join(this.folder, 'tally');
    writeFileSync(this.file, '');
    // Before there are workers, who inherit it.
    process.env.BLINDSALT_HOSTILE_TALLY = this.file;
  }

  onRunComplete(_contexts, { testResults, startTime }) {
    const lines = readFileSync(this.file, 'utf8').split('\n').filter(Boolean);
    rmSync(this.folder, { recursive: true, force: true });
    const out = ['', `What ran, in ${seconds(Date.now() - startTime)}:`];
    for (const { testFilePath, perfStats, testResults: tests, testExecError } of testResults) {
      const count = (...states) => tests.filter(({ status }) => states.includes(status)).length;
      const counts = `${count('passed')} passed, ${count('failed')} failed, ${count('pending', 'todo')} skipped`;
      const took = seconds(perfStats.end - perfStats.start);
      out.push(`  ${path.basename(testFilePath)}: ${testExecError ? 'could not run' : counts}, in ${took}`);
    }
    const results = new Map();
    for (const { what, result } of lines.map((line) => JSON.parse(line))) {
      results.set(what, [...(results.get(what) ?? []), result]);
    }
    out.push('How much:');
    for (const what of [...results.keys()].sort()) {
      for (const result of results.get(what)) out.push(`  ${what}: ${result}`);
    }
    const tests = testResults.flatMap((file) => file.testResults);
    const skipped = tests.filter(({ status }) => status === 'pending' || status === 'todo');
    out.push(skipped.length === 0 ? 'Skipped: nothing' : 'Skipped:');
    for (const { fullName } of skipped) out.push(`  ${fullName}`);
    process.stdout.write(`${out.join('\n')}\n`);
  }
};

const seconds = (ms) => `${Math.round(ms / 1000)} s`;
