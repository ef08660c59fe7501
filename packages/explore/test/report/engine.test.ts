/**
 * Reports of failures that a real engine has found, in modules that were not woven.
 */
import { expect } from 'chai';
import { explore, ScheduleError } from '#src/explore/explore.js';

/** What fails in a scenario of this folder, as the text of its report without what depends on the search. */
async function failureOf(name: string): Promise<{ readonly error: ScheduleError; readonly text: string }> {
  const module = new URL(`./scenarios/${name}.js`, import.meta.url);
  const options = { seed: 1, schedules: 400, detectors: false, confirmations: 5 } as const;
  const error: unknown = await explore(module, options).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(ScheduleError);
  const found = error as ScheduleError;
  const text = found.message.slice(0, found.message.indexOf('\nFound in schedule '));
  return { error: found, text };
}

describe('the message of a failure found on real threads', function () {
  this.timeout(60_000);

  it('shows a deadlock with the locks and their holders', async () => {
    const { error, text } = await failureOf('crossing');
    expect(error.finding.kind).to.equal('deadlock');
    expect(text).to.match(/^Deadlock: here, there wait, and nobody can run\.\n/);
    expect(text).to.match(/ {2}here waits for right.*, held by there since step [12].*\.\n/);
    expect(text).to.match(/ {2}there waits for left.*, held by here since step [12].*\.\n/);
    expect(text).to.match(
      / is interrupted before 'lock (left|right)'.*, holding (left|right) \(since step 1/,
    );
    expect(text).to.match(/\n {2}here {3}waits for right.*; holds left \(since step [12]/);
    expect(error.message).to.include(`Token:  ${error.finding.token}\n`);
    expect(error.message.endsWith(`Replay: ${error.command}`)).to.equal(true);
    expect(error.report.graph!.chains[0]!.isCycle).to.equal(true);
  });

  it('shows a lost update with the cell and both threads', async () => {
    const { error, text } = await failureOf('adding');
    expect(error.finding.kind).to.equal('check');
    expect(text).to.match(/^The sum is 1, not 2\.\n/);
    expect(text).to.include('The schedule: 4 steps, 2 switches, 1 preemption\n');
    expect(text).to.match(/ 1 {2}load sum[^]*-- first is interrupted before 'store sum'/);
    expect(text).to.include('    step 4: store by first');
    // The names of folders of this machine are nobody's business.
    expect(text).not.to.match(/(?:^|[\s(])\/\w/m);
  });
});
