// Mocha's own spec reporter, which also notes each result in the file named by SWAPLAB_TEST_TALLY, one letter each:
// p passed, f failed, e end of the run. It writes at once and synchronously, so that nothing is lost when the
// process is killed. scripts/test.mjs counts the letters.
'use strict';
const { appendFileSync } = require('node:fs');
const process = require('node:process');
const Mocha = require('mocha');

class TallyReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.SWAPLAB_TEST_TALLY;
    if (file === undefined) return;
    const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_RUN_END } = Mocha.Runner.constants;
    runner.on(EVENT_TEST_PASS, () => appendFileSync(file, 'p'));
    runner.on(EVENT_TEST_FAIL, () => appendFileSync(file, 'f'));
    runner.on(EVENT_RUN_END, () => appendFileSync(file, 'e'));
  }
}

module.exports = TallyReporter;
