import { expect } from 'chai';

import type { Failure, FailureKind } from '#src/engines/job.js';
import { signatureOf } from '#src/explore/schedule.js';
import { replayCommand } from '#src/explore/command.js';

function signature(kind: FailureKind, sentence: string): string {
  return signatureOf({ kind, sentence } as Failure);
}

describe('the signature of a failure', () => {
  it('is its kind and its words, but for numbers', () => {
    const one = signature('check', 'The counter is 3, but 4 were added.');
    expect(one).to.equal(signature('check', 'The counter is 2, but 4 were added.'));
    expect(one).not.to.equal(signature('assertion', 'The counter is 3, but 4 were added.'));
    expect(one).not.to.equal(signature('check', 'The sum is 3, but 4 were added.'));
  });

  it('is the same for a data race whichever access came first, but not for one at other places', () => {
    const race = (first: string, second: string): string =>
      signature('data race', `Data race on slot+16: ${first}, ${second}, and nothing orders the two.`);
    const one = race('a loads it at site 17', 'b stores it at site -4');
    expect(one).to.equal(race('a stores it at site -4', 'b loads it at site 17'));
    expect(one).not.to.equal(race('a loads it at site 18', 'b stores it at site -4'));
    expect(race('a loads it', 'b stores it')).not.to.equal(
      signature('data race', 'Data race on head: a loads it, b stores it, and nothing orders the two.'),
    );
  });

  it('of a deadlock and of a livelock is the kind alone', () => {
    expect(signature('deadlock', 'a, b wait')).to.equal(signature('deadlock', 'b, c wait'));
  });
});

describe('the command that plays a schedule again', () => {
  const facts = { token: 'sl1.abc', module: null, variants: [], faults: [], detectors: true };

  it('is short for what is found by its token', () => {
    expect(replayCommand({ ...facts, variants: ['d01'] })).to.equal('npx swaplab replay sl1.abc');
  });

  it('says what is needed for a module of somebody else, in words that a shell takes', () => {
    const module = 'file:///home/o%27neil/my%20tests/ring.js';
    expect(
      replayCommand({ ...facts, module, variants: ['c01'], faults: ['io', 'wake'], detectors: false }),
    ).to.equal(
      "npx swaplab replay sl1.abc --scenario '/home/o'\\''neil/my tests/ring.js' --variant c01 --faults io,wake --no-detectors",
    );
    expect(replayCommand({ ...facts, module: './ring.js', stepLimit: 50 })).to.equal(
      'npx swaplab replay sl1.abc --scenario ./ring.js --step-limit 50',
    );
  });
});
