/**
 * Historical profiles: what runs under them, and who is suspected when something is wrong.
 */
import { expect } from 'chai';

import { renderReport, renderRun, RunFailedError, runWorkload } from '@swaplab/harness';
import { VARIANTS, variantsOf, type Vm } from '@swaplab/kernel-mm';

import { RUN_PROFILES, type RunProfile } from '#src/run/options.js';
import { suspectSentence, suspectsOf, suspectsOfStop, withSuspects } from '#src/run/suspects.js';
import { sampleDocument, sampleResult } from '../cli/sample-document.js';
import { SoloRun } from './support.js';

const HISTORICAL = RUN_PROFILES.filter((profile) => profile !== 'sound');
const SMALL = { policies: ['none', 'notify'], swappers: 2, ops: 2000, codec: 'none', seed: 4 } as const;

describe('a run under a historical profile', () => {
  for (const profile of HISTORICAL) {
    it(`goes through to its end under ${profile}, and says which it was`, async () => {
      const document = await runWorkload({ ...SMALL, profile });
      expect(document.profile).to.equal(profile);
      expect(document.command).to.include(`--profile ${profile}`);
      expect(document.policies.map(({ policy }) => policy)).to.deep.equal(SMALL.policies);
      for (const { policy, suspects, reports, integrityErrors } of document.policies) {
        // Its driver loses counts, and that of 2.6.35 all that is overwritten; what is found has a name, and is of the driver.
        if (reports.length > 0) expect(suspects, reports.join()).to.not.deep.equal([]);
        if (profile === '2.6.35' && policy === 'none') {
          expect(suspects, reports.join()).to.include('d14');
          continue;
        }
        expect(integrityErrors, reports.join()).to.equal(0);
        for (const id of suspects) expect(['d01', 'd14', 'd20', 'd21'], reports.join()).to.include(id);
      }
    });
  }

  it('goes on with the next policy when a machine stops, and says why it stopped and who is suspected', async () => {
    const document = await runWorkload({
      policies: ['none', 'discard-slot'],
      swappers: 1,
      ops: 6000,
      profile: '2.6.35',
      seed: 4,
    });
    const [none, exact] = document.policies;
    expect(none?.stopped).to.match(/^the machine stopped: /);
    expect(none?.reports).to.deep.equal([none?.stopped]);
    expect(none).to.include({ invariantErrors: 1, ops: 6000 });
    expect(none?.final.stale).to.be.greaterThan(0);
    expect(none?.suspects).to.include('d14');
    expect(exact).to.include({ stopped: null, integrityErrors: 0, ops: 6000 });
    const text = renderRun(document, { colour: false, unicode: false }).replaceAll(/\n {4}/g, ' ');
    expect(text).to.match(
      /none: the profile 2\.6\.35 has faults that can cause this: .*d14 \(A write does not free/,
    );
    expect(renderReport(document)).to.include('the machine stopped');
  }).timeout(30_000);

  it('has the faults in every thread', () => {
    const run = new SoloRun({ profile: '2.6.34' });
    const isOwn = (part: object, name: string): boolean => Object.hasOwn(part, name);
    const vm: Vm = run.view.kernel.vm;
    expect([
      isOwn(vm.faults, 'isStillPageOf'),
      isOwn(run.view.kernel.swap.scanner, 'plainScan'),
    ]).to.deep.equal([true, true]);
  });

  it('says who is suspected when pages are read back wrong', async () => {
    const document = await runWorkload(
      { ...SMALL, policies: ['notify'], profile: '2.6.34' },
      { fault: 'damage-pages' },
    );
    const [result] = document.policies;
    expect(result?.integrityErrors).to.be.greaterThan(0);
    expect(result?.suspects).to.include.members(['c03', 'c07']).and.not.include('c01');
    const said = /notify: the profile 2\.6\.34 has faults that can cause this: c03 \(A fault does not look/;
    expect(renderRun(document, { colour: false, unicode: false }).replaceAll(/\n {4}/g, ' ')).to.match(said);
    expect(renderReport(document)).to.include(
      '<b>notify</b> the profile 2.6.34 has faults that can cause this: c03 (',
    );
  });

  it('suspects nobody of what was broken on purpose', async () => {
    let message = '';
    try {
      await runWorkload({ ...SMALL, policies: ['none'], profile: '2.6.34' }, { fault: 'die-holding-lock' });
    } catch (error) {
      if (!(error instanceof RunFailedError)) throw error;
      message = error.message;
    }
    expect(message)
      .to.match(/^swapper 1 ended while holding swap_lock/)
      .and.not.include('profile');
  }).timeout(30_000);
});

describe('the suspects', () => {
  it('are those of the profile that can show what was found', () => {
    const found = { integrityErrors: 1, broken: [] };
    expect(suspectsOf('2.6.34', found)).to.deep.equal(['c03', 'c07', 'unread-home', 'unseen-write-error']);
    expect(suspectsOf('2.6.34', { integrityErrors: 0, broken: ['I1: wrong', 'I4: wrong'] })).to.deep.equal([
      'c03',
      'c13',
      'c21',
      'c24',
      'stray-cursor',
    ]);
    for (const profile of HISTORICAL) {
      expect(suspectsOf(profile, { integrityErrors: 0, broken: [] })).to.deep.equal([]);
      expect(suspectsOf(profile, found)).to.not.include.members(['c15']);
    }
  });

  it('are only those whose report it is, when one is known', () => {
    const scan = 'scanSwapMap goes round for ever: 300 times in one call it met a slot of swap area 0';
    expect(suspectsOfStop('2.6.34', scan)).to.deep.equal(['c01']);
    expect(
      suspectsOfStop('2.6.34', 'The swap entry 0x1 claims to be cached for ever, but no page appears.'),
    ).to.deep.equal(['c05']);
    const books = ['I2: area 0 counts 3 usable slots', 'I9: the cursor of the list stands at area 4'];
    expect(suspectsOf('2.6.34', { integrityErrors: 0, broken: books })).to.deep.equal([
      'c24',
      'stray-cursor',
    ]);
    const others = suspectsOfStop('2.6.34', 'Assertion failed: something.');
    expect(others).to.include.members(['c01', 'c03', 'c05', 'c21']).and.not.include('c24');
  });

  it('are the faults of the driver where the words are about its table, its counters or its pool', () => {
    const of = (profile: RunProfile, sentence: string): string[] =>
      suspectsOf(profile, { integrityErrors: 0, broken: [sentence] });
    const count = 'ramzswap1: pagesStored is 137, but a walk finds 136.';
    expect(of('2.6.34', count)).to.deep.equal(['d01', 'd20']);
    expect(of('2.6.35', count)).to.deep.equal(['d01', 'd14', 'd20']);
    expect(of('2.6.34+series', 'ramzswap0: poolPages is 3, but a walk finds 2.')).to.deep.equal(['d21']);
    expect(of('2.6.34', 'ramzswap0: pagesExpand is 4294967295, but a walk finds 0.')).to.include('d22');
    for (const sentence of [
      'Slot 3 has an object at offset 4 with flags 2.',
      'Offset 0 of page 142 is in use, but nobody owns it.',
      '7 page frame(s) are not given back',
    ])
      expect(of('2.6.35', sentence)).to.deep.equal(['d14']);
    for (const report of [
      'Freeing page 2502 with 0 references.',
      'xvmalloc: 288 bytes are to be taken from a free block',
    ])
      expect(suspectsOfStop('2.6.35', report)).to.deep.equal(['d14']);
    expect(
      suspectsOfStop(
        '2.6.34',
        'xvmalloc: the object at offset 4 of page 3 is freed, but it is free already: its',
      ),
    ).to.deep.equal(['d17']);
    expect(suspectsOf('2.6.35', { integrityErrors: 1, broken: [] })).to.include('d14');
    expect(suspectsOf('2.6.34', { integrityErrors: 1, broken: [] })).to.not.include('d14');
  });

  it('stand below the report of a machine that stopped', () => {
    const report = 'swapper 1: scanSwapMap goes round for ever: 300 times in one call';
    expect(withSuspects('2.6.34', report)).to.equal(
      `${report}\nThe profile 2.6.34 has faults that can cause this: c01 (The second half of a scan skips the lowest slot that may be free).`,
    );
    expect(withSuspects('sound', report)).to.equal(report);
  });

  it('are never any in a sound machine', () => {
    const profile: RunProfile = 'sound';
    expect(suspectsOf(profile, { integrityErrors: 3, broken: ['I1: wrong'] })).to.deep.equal([]);
    expect(suspectsOfStop(profile, 'scanSwapMap goes round for ever')).to.deep.equal([]);
    expect(
      suspectSentence(
        profile,
        VARIANTS.map(({ id }) => id),
      ),
    ).to.equal('');
    const document = sampleDocument([sampleResult('none', { integrityErrors: 1, reports: ['wrong'] })]);
    expect(renderRun(document, { colour: false, unicode: false })).to.not.include('can cause this');
  });

  it('are said with what each of them does', () => {
    for (const profile of HISTORICAL) {
      const all = variantsOf(profile).map(({ id }) => id);
      const sentence = suspectSentence(profile, all);
      expect(sentence).to.match(
        /^the profile 2\.6\.3[45]\S* has faults that can cause this: c01 \(The second half /,
      );
      for (const id of all) expect(sentence).to.include(`${id} (`);
    }
  });
});
