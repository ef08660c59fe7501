import { expect } from 'chai';
import { BY_CHANCE, findIn, IN_TURN, playForm } from '../support/detecting.js';

describe('the detector of wrong uses of memory', () => {
  it('is content with pages that are used between being taken and given back', async () => {
    const [inTurn, byChance] = await playForm('pages', 'in order', [IN_TURN, BY_CHANCE]);
    expect(inTurn!.failure?.sentence).to.equal(undefined);
    expect(byChance!.failure?.sentence).to.equal(undefined);
  });

  for (const form of ['too late', 'one cell, too late']) {
    it(`finds a page that is used after it was freed: ${form}`, async () => {
      const failure = await findIn('pages', form);
      expect(failure?.kind).to.equal('use after free');
      expect(failure?.sentence).to.match(
        /^Use after free: first touches page frame \d+, and the frame is free\.$/,
      );
      expect(failure?.thread).to.equal(0);
    });
  }

  it('names a page that is freed twice by its kind', async () => {
    const failure = await findIn('pages', 'given back twice');
    expect(failure?.kind).to.equal('double free');
  });
});

describe('what a thread leaves behind', () => {
  for (const [form, words] of [
    ['not dropped', /^first has ended and still holds locks(\[0\])?\.$/],
    ['not enabled', /^first has ended in atomic context, with a preempt count of 1\.$/],
    ['not through', /^first has ended inside of a section under RCU\.$/],
  ] as const) {
    it(`is found: ${form}`, async () => {
      const [inTurn] = await playForm('locking', form, [IN_TURN]);
      expect(inTurn!.failure?.kind).to.equal('leak');
      expect(inTurn!.failure?.sentence).to.match(words);
    });
  }
});

describe('sleeping in atomic context', () => {
  it('is a kind of its own', async () => {
    const failure = await findIn('locking', 'asleep');
    expect(failure?.kind).to.equal('sleep in atomic');
  });
});
