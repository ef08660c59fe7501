// `npm test`: makes the tree ready, then lint, format, layering, the README's examples, and all tests. Arguments are passed on to mocha,
// as in `npm test -- --grep xvmalloc`.
//
// Promise: the last line is always `N passed, N failed`, and the exit code is 0 only when nothing failed, whatever
// happens in between: a failing step, a test run that is killed, a worker that hangs for ever. Lint, format,
// layering and the examples count as one check each; a step that did not come to its end counts as one failure.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { runNode, stopAll } from './children.mjs';
import { prepare, root } from './prepare.mjs';

/** A deadlocked worker keeps mocha alive after its last test, so the run as a whole has a limit. */
const LIMIT_MINUTES = 13;

const scratch = mkdtempSync(join(tmpdir(), 'swaplab-test-'));
const tallies = [join(scratch, 'tally-0'), join(scratch, 'tally-1')];
const count = { passed: 0, failed: 0 };

let closed = false;

function pass(sentence) {
  if (closed) return;
  count.passed += 1;
  process.stdout.write(`  ok      ${sentence}\n`);
}

function fail(sentence) {
  if (closed) return;
  count.failed += 1;
  process.stdout.write(`  FAILED  ${sentence}\n`);
}

/** Runs the tools that only read the sources. Together, since none of them uses more than one core for long. */
async function runChecks() {
  const checks = [
    ['lint', 'eslint/bin/eslint.js', ['.']],
    ['format', 'prettier/bin/prettier.cjs', ['--check', '.']],
    [
      'layering',
      'dependency-cruiser/bin/dependency-cruise.mjs',
      ['--config', '.dependency-cruiser.cjs', 'packages'],
    ],
  ];
  const results = await Promise.all(
    checks.map(([, tool, toolArguments]) =>
      runNode(join(root, 'node_modules', tool), toolArguments, { cwd: root }),
    ),
  );
  if (closed) return;
  for (const [index, { code, output }] of results.entries()) {
    const name = checks[index][0];
    if (code === 0) pass(name);
    else {
      process.stdout.write(output);
      fail(`${name} (npm run ${name === 'format' ? 'format:check' : name} shows it alone)`);
    }
  }
}

/** Runs the examples of the README against the packed packages. */
async function runExamples() {
  const { code, output } = await runNode(join(root, 'scripts', 'packed.mjs'), [], { cwd: root });
  if (code === 0) {
    pass('examples of the README from packed packages');
    return;
  }
  process.stdout.write(output);
  fail('examples of the README from packed packages (npm run packed shows it alone)');
}

/**
 * What runs side by side, when nothing else is asked for: the harness, whose tests mostly wait for threads and processes of their own, and
 * everything else. The output of the first is shown as it comes, that of the other one behind it.
 */
const LANES = [
  ['packages/harness/dist-test/**/*.test.js'],
  ['packages/!(harness)/dist-test/**/*.test.js', 'tools/*/test/**/*.test.mjs'],
];

/** Runs all tests. The reporter notes each result in a tally at once, so a kill loses none. */
async function runTests() {
  const asked = process.argv.slice(2);
  if (asked.length > 0) {
    await runMocha(asked, tallies[0], true);
    return;
  }
  const options = ['--no-config', '--enable-source-maps', '--timeout', '20000', '--forbid-only'];
  const [shown, quiet] = LANES;
  const lanes = [
    runMocha([...options, ...shown], tallies[0], true),
    runMocha([...options, ...quiet], tallies[1], false),
  ];
  await Promise.all(lanes);
}

async function runMocha(mochaArguments, tallyFile, show) {
  const { code, output } = await runNode(
    join(root, 'node_modules', 'mocha', 'bin', 'mocha.js'),
    ['--reporter', join(root, 'scripts', 'mocha-reporter.cjs'), ...mochaArguments],
    { cwd: root, show, env: { SWAPLAB_TEST_TALLY: tallyFile } },
  );
  if (closed) return;
  if (!show) process.stdout.write(output);
  const tally = addTally(tallyFile);
  if (!tally.ended) fail(`the tests did not come to their end (mocha ended with code ${code})`);
  else if (tally.passed + tally.failed === 0) fail('no test was run');
  else if (code !== 0 && tally.failed === 0) fail(`mocha ended with code ${code}`);
}

/** Adds the results of the tests so far to the count, and forgets them. */
function addTally(tallyFile) {
  let text = '';
  try {
    text = readFileSync(tallyFile, 'utf8');
  } catch {
    // No test has begun.
  }
  const tally = { passed: 0, failed: 0, ended: text.endsWith('e') };
  for (const letter of text) {
    if (letter === 'p') tally.passed += 1;
    if (letter === 'f') tally.failed += 1;
  }
  count.passed += tally.passed;
  count.failed += tally.failed;
  rmSync(tallyFile, { force: true });
  return tally;
}

/** Prints the closing line, leaves no process and no file behind, and ends the count: what comes later is ignored. */
function close(exitCode) {
  if (closed) return;
  closed = true;
  stopAll();
  rmSync(scratch, { recursive: true, force: true });
  process.stdout.write(`\n${count.passed} passed, ${count.failed} failed\n`);
  process.exitCode = exitCode;
}

function interrupt(sentence, exitCode) {
  for (const tally of tallies) addTally(tally);
  fail(sentence);
  close(exitCode);
}

const watchdog = setTimeout(() => {
  interrupt(`stopped after ${LIMIT_MINUTES} minutes: something hangs`, 1);
}, LIMIT_MINUTES * 60_000);
process.once('SIGINT', () => interrupt('interrupted', 130));
process.once('SIGTERM', () => interrupt('terminated', 143));

try {
  await prepare();
  if (!closed) await runChecks();
  if (!closed) await runExamples();
  if (!closed) await runTests();
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
clearTimeout(watchdog);
close(count.failed === 0 ? 0 : 1);
