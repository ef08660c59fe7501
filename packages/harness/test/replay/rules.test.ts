import { expect } from 'chai';

import { UsageError } from '#src/errors.js';
import type { ReplayPolicyResult } from '#src/replay/document.js';
import { RUN_CODECS, RUN_POLICIES } from '#src/run/options.js';
import { POLICY_FACTS } from '#src/run/policies.js';

import { replay, replayUnder, TraceFolder } from './support.js';

/** Counts that are not 0. */
function counted({ counts }: ReplayPolicyResult): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

function expectClean(result: ReplayPolicyResult): void {
  expect(result.reports).to.deep.equal([]);
  const { integrityErrors, invariantErrors, statDrift, stopped } = result;
  expect({ integrityErrors, invariantErrors, statDrift, stopped }).to.deep.equal({
    integrityErrors: 0,
    invariantErrors: 0,
    statDrift: 0,
    stopped: null,
  });
}

describe('what the rows of a trace do', () => {
  const folder = new TraceFolder();
  after(() => folder.remove());

  for (const slots of ['ours', 'recorded'] as const) {
    describe(`with slots ${slots}`, () => {
      it('writes, reads and frees, and skips what is not in use', async () => {
        const file = folder.csv(`plain-${slots}.csv`, [
          'W 5',
          'W 6',
          'R 5',
          'R 7',
          'F 6 1 s',
          'F 6 1 ?',
          'F 4 3 d',
          'R 5',
        ]);
        const result = await replayUnder('notify', file, { slots });
        expectClean(result);
        expect(counted(result)).to.deep.equal({
          rows: 8,
          writes: 2,
          reads: 1,
          skippedReads: 2,
          frees: 2,
          skippedFrees: 3,
        });
        expect(result.final).to.deep.equal({ live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 });
      });

      it('writes again in place where the slot is in use, and reads what was written last', async () => {
        const file = folder.csv(`rewrite-${slots}.csv`, [
          'W 5',
          'W 5',
          'R 5',
          'F 5',
          'W 5',
          'R 5',
          'W 5',
          'R 5',
        ]);
        const result = await replayUnder('none', file, { slots });
        expectClean(result);
        expect(counted(result)).to.deep.equal({ rows: 8, writes: 4, rewrites: 2, reads: 3, frees: 1 });
        expect([result.final.live, result.distinctSlots]).to.deep.equal([1, slots === 'ours' ? 2 : 1]);
      });

      it('takes runs of slots apart', async () => {
        const file = folder.csv(`runs-${slots}.csv`, [
          'W 10 4',
          'R 9 6',
          'F 11 2',
          'W 10 3',
          'F 0 1000000000',
        ]);
        const result = await replayUnder('notify', file, { slots });
        expectClean(result);
        expect(counted(result)).to.deep.equal({
          rows: 5,
          writes: 7,
          rewrites: 1,
          reads: 4,
          skippedReads: 2,
          frees: 6,
          skippedFrees: 1_000_000_000 - 4,
        });
      });

      for (const policy of RUN_POLICIES) {
        it(`leaves under ${policy} what the policy leaves`, async () => {
          const rows = Array.from({ length: 40 }, (_, index) => `W ${String(index + 1)}`);
          const file = folder.csv(`end-${policy}-${slots}.csv`, [...rows, 'F 1 30', 'W 3', 'R 1 40']);
          const result = await replayUnder(policy, file, { slots });
          expectClean(result);
          expect(result.final.live).to.equal(11);
          const left = POLICY_FACTS[policy].exact ? 11 : slots === 'ours' ? 41 : 40;
          expect(result.final.stored).to.equal(left);
          expect(result.final.stale).to.equal(left - 11);
          expect(result.counts.reads).to.equal(11);
        });
      }
    });
  }

  it('carries discards of the kernel out on the device with recorded slots, and leaves them out with ours', async () => {
    const file = folder.csv('discards.csv', [
      'W 3 4',
      'F 3 2',
      'D 3 2',
      'D 6 1',
      'R 6',
      'W 6',
      'R 6',
      'D 5 1',
      'F 5',
    ]);
    for (const policy of ['none', 'discard', 'notify'] as const) {
      const recorded = await replayUnder(policy, file, { slots: 'recorded' });
      expectClean(recorded);
      expect(counted(recorded), policy).to.deep.equal({
        rows: 9,
        writes: 5,
        rewrites: 1,
        reads: 1,
        skippedReads: 1,
        frees: 3,
        discards: 4,
        discardedInUse: 2,
      });
      expect(recorded.final, policy).to.include({ live: 1, stored: 1, stale: 0 });
      expect(recorded.traffic.bytesDiscarded).to.equal(4 * 4096);
    }
    const { policies, trace } = await replay(file, { policies: ['none'] });
    expect(counted(policies[0]!))
      .to.include({ skippedDiscards: 4, reads: 2 })
      .and.not.to.have.property('discards');
    expect(policies[0]!.final).to.include({ live: 1, stored: 4 });
    expect(trace?.notes.join()).to.match(/Discards by the recording kernel \(4 slots\) are left out/);
  });

  it('frees what the owner trims, where a format knows no frees, and says so', async () => {
    const file = folder.write(
      'trims.log',
      'fio version 2 iolog\n/d write 0 16384\n/d write 4096 4096\n/d trim 0 8192\n/d trim 0 4096\n/d read 0 16384\n',
    );
    for (const slots of ['ours', 'recorded'] as const) {
      const { policies, trace } = await replay(file, { slots, policies: ['none', 'notify'] });
      const [none, notify] = policies;
      expectClean(none!);
      const same = { rows: 5, writes: 5, rewrites: 1, frees: 2, skippedFrees: 1, reads: 2, skippedReads: 2 };
      expect(counted(none!)).to.deep.equal(slots === 'ours' ? same : { ...same, discards: 3 });
      expect(none!.final, slots).to.include({ live: 2, stored: slots === 'ours' ? 4 : 2 });
      expect(notify!.final, slots).to.include({ live: 2, stored: 2, stale: 0 });
      expect(trace?.slotShift).to.equal(slots === 'ours' ? null : 1);
      expect(trace?.notes.join()).to.match(
        /trims do: slots that their owner gives up \(3 in all\) are freed/,
      );
      expect(trace?.seconds).to.equal(null);
    }
  });

  it('says that slots in use only grow where nothing is ever freed', async () => {
    const file = folder.write('grow.log', 'fio version 2 iolog\n/d write 0 16384\n/d write 4096 4096\n');
    const { policies, trace } = await replay(file, { policies: ['notify'] });
    expect(policies[0]!.final).to.include({ live: 4, stored: 4 });
    expect(trace?.notes.join()).to.match(/says nothing of freed pages, .* slots in use only grow/);
    const csv = await replay(folder.csv('grow.csv', ['W 1', 'W 1']), { policies: ['notify'] });
    expect(csv.trace?.notes.join()).to.match(/The trace frees nothing: slots in use only grow/);
  });

  it('counts rows that are earlier than the one before them, and goes on', async () => {
    const file = folder.write('back.csv', 't_us,op,slot\n100,W,1\n50,W,2\n120,F,1\n');
    const { policies, trace } = await replay(file, { policies: ['notify'] });
    expect(trace?.rowsBackInTime).to.equal(1);
    expect(policies[0]!.final.live).to.equal(1);
  });

  it('goes on where it was when the trace is replayed again', async () => {
    const file = folder.csv('again.csv', ['W 1', 'W 2', 'R 1', 'F 1']);
    const result = await replayUnder('notify', file, { repeat: 3 });
    expectClean(result);
    expect(counted(result)).to.deep.equal({ rows: 12, writes: 6, rewrites: 2, reads: 3, frees: 3 });
    const times = result.samples.map(({ t }) => t);
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
    expect([...new Set(result.samples.map(({ phase }) => phase))]).to.deep.equal([
      'replay 1',
      'replay 2',
      'replay 3',
    ]);
  });

  it('works with every codec, profile and source of pages', async () => {
    const rows = Array.from({ length: 60 }, (_, index) => `W ${String(1 + (index % 23))}`);
    const file = folder.csv('ways.csv', [...rows, 'R 1 23', 'F 1 23']);
    for (const codec of RUN_CODECS) expectClean(await replayUnder('notify', file, { codec }));
    for (const profile of ['2.6.34', '2.6.34+series'] as const)
      for (const slots of ['ours', 'recorded'] as const)
        expectClean(await replayUnder('notify', file, { profile, slots }));
    const synthetic = await replay(file, {
      pages: 'synthetic:ratio=0.3,zero=0.5,same=0.2',
      policies: ['none'],
    });
    expectClean(synthetic.policies[0]!);
    expect(synthetic.trace?.sizes).to.equal(null);
    expect(synthetic.pagesDescription).to.match(/^generated pages: ratio 0.3/);
  });

  it('finds the fault of 2.6.35 that a page written again in place shows, and names it', async () => {
    const rows = Array.from({ length: 60 }, (_, index) => `W ${String(1 + (index % 23))}`);
    const file = folder.csv('d14.csv', [...rows, 'R 1 23', 'F 1 23']);
    for (const slots of ['ours', 'recorded'] as const) {
      const result = await replayUnder('notify', file, { profile: '2.6.35', slots });
      expect(result.integrityErrors + result.invariantErrors).to.be.greaterThan(0);
      expect(result.suspects).to.include('d14');
    }
  });

  it('repeats every count from its seed, and with another seed has other pages', async () => {
    const file = folder.csv('seed.csv', ['W 1 50', 'R 1 50', 'F 3 20', 'W 1 10']);
    const [one, same, other] = [await replay(file), await replay(file), await replay(file, { seed: 2 })];
    const plain = ({ policies, pagesHash }: typeof one): unknown => ({
      pagesHash,
      policies: policies.map(({ seconds: _, freeCost: __, ...result }) => result),
    });
    expect(plain(same)).to.deep.equal(plain(one));
    expect(other.pagesHash).to.not.equal(one.pagesHash);
    expect(other.policies[0]!.final.comprBytes).to.not.equal(one.policies[0]!.final.comprBytes);
  });

  it('sees a page that the device lost or mixed up', async () => {
    // A trace whose reads come back in the wrong place shows itself in the contents of pages; here the bytes of the device are changed under it.
    const { WrittenPages } = await import('#src/replay/written-pages.js');
    const bytes = new Uint8Array(2 * 4096).map((_, index) => (index < 4096 ? (index * 7) % 251 : 9));
    const arena = { u8: new Uint8Array(4 * 4096), i32: new Int32Array(0) };
    arena.i32 = new Int32Array(arena.u8.buffer);
    const bank = { bytes, pages: 2, hash: '', description: '', choose: () => 0 };
    const pages = new WrittenPages(bank, arena as never, 5);
    const first = { write: 1, slot: 10, page: 0 };
    const second = { write: 2, slot: 10, page: 0 };
    pages.fill(first, 4096);
    pages.spoil(first, 8192);
    expect(pages.matches(8192), 'nothing was read').to.equal(false);
    arena.u8.copyWithin(8192, 4096, 8192);
    expect(pages.matches(8192), 'what was written').to.equal(true);
    pages.spoil(second, 8192);
    arena.u8.copyWithin(8192, 4096, 8192);
    expect(pages.matches(8192), 'an older write').to.equal(false);
    expect(pages.describe(second, 8192)).to.equal(
      'slot 10, write 2: write 1 of slot 10 was read in its place',
    );
    pages.spoil(first, 8192);
    arena.u8.copyWithin(8192, 4096, 8192);
    arena.u8[8192 + 4095]! ^= 1;
    expect(pages.matches(8192), 'one bit').to.equal(false);
    const filled = { write: 3, slot: 4, page: 1 };
    const filledAgain = { write: 4, slot: 4, page: 1 };
    pages.fill(filled, 4096);
    pages.spoil(filledAgain, 8192);
    arena.u8.copyWithin(8192, 4096, 8192);
    expect(pages.matches(8192), 'another repeated word').to.equal(false);
  });

  it('refuses a disk that is too small, and slots that no disk has', async () => {
    const file = folder.csv('large.csv', ['W 1 40', 'F 1 40', 'W 2000000']);
    const small = await replay(file, { disksize: 20 * 4096 }).catch((error: unknown) => error as Error);
    expect(small).to.be.instanceOf(UsageError);
    expect((small as Error).message).to.match(/disksize is 20 pages, but .* has 40 slots in use at a time/);
    const far = await replay(file, { slots: 'recorded' }).catch((error: unknown) => error as Error);
    expect((far as Error).message).to.match(
      /writes slot 2000000, but a disk of the model has at most 1048575/,
    );
    expect(
      (await replay(file, { disksize: 41 * 4096, policies: ['none'] })).policies[0]!.final.stored,
    ).to.equal(40);
  });
});
