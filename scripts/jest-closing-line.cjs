const { writeSync } = require('node:fs');

// Ends the run with one line that a script can read, on a line of its own, behind Jest's own summary.
module.exports = class ClosingLine {
  onRunComplete(_contexts, results) {
    const crashed = results.testResults.filter((file) => file.testExecError).length;
    const failed = results.numFailedTests + crashed;
    const skipped = results.numPendingTests + results.numTodoTests;
    const tail = skipped > 0 ? `, ${skipped} skipped` : '';
    process.once('exit', () => writeSync(1, `\nTests: ${results.numPassedTests} passed, ${failed} failed${tail}\n`));
  }
};
