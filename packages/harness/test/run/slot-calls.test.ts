/**
 * The policies side by side, slot by slot: the same calls, each slot written as soon as it is handed out.
 */
import { expect } from 'chai';
import type { FreeSlotPolicy } from '@swaplab/kernel-mm';

import { completeRunOptions } from '#src/run/options.js';
import { planWorkload, type PhaseName } from '#src/workload/plan.js';
import {
  placeOf,
  recordSlotCalls,
  replaySlotCalls,
  type Replay,
  type ReplayPlace,
  type SlotCall,
} from './slot-calls.js';
import { randomSeed, SoloRun } from './support.js';

const EXACT: readonly FreeSlotPolicy[] = ['discard-slot', 'notify', 'chain', 'bdev-op', 'address-space'];
/** Slots of a cluster. */
const CLUSTER = 256;

for (const seed of [7, randomSeed]) {
  describe(`the calls of one run, replayed under each policy (seed ${String(seed)})`, function () {
    this.timeout(60_000);
    const asked = { ops: 24_000, disks: 2, codec: 'none', policies: ['notify'], seed } as const;
    const replays = new Map<FreeSlotPolicy, Replay>();
    let calls: readonly SlotCall[] = [];

    const replayOf = (policy: FreeSlotPolicy): Replay => {
      let replay = replays.get(policy);
      if (replay === undefined) replays.set(policy, (replay = replaySlotCalls(calls, policy, place)));
      return replay;
    };
    let place: ReplayPlace;

    before(() => {
      const { options, plan } = completeRunOptions({ ...asked, swappers: 1 });
      place = { disks: options.disks, diskPages: options.disksize / 4096 };
      calls = recordSlotCalls(
        new SoloRun(asked),
        planWorkload('phased', plan.pagesPerSwapper, asked.ops).checkpoints.map(({ phase }) => phase),
      );
    });

    it('are many, and each slot is written and freed', () => {
      const count = (kind: SlotCall['kind']): number => calls.filter((call) => call.kind === kind).length;
      expect(count('take')).to.be.greaterThan(2000);
      expect(count('free')).to.equal(count('take'));
      expect(count('write')).to.be.greaterThan(count('take') / 2);
      expect(count('checkpoint')).to.equal(21);
    });

    it('lose no page under any policy', () => {
      for (const policy of [...EXACT, 'none', 'discard', 'discard-cluster'] as const)
        expect(replayOf(policy).lost, policy).to.equal(0);
    });

    it('leave nothing stale under an exact policy: stored is live at every checkpoint', () => {
      for (const policy of EXACT) {
        for (const { live, stored, stale, phase } of replayOf(policy).checkpoints)
          expect([stored, stale], `${policy}, ${phase}`).to.deep.equal([live, 0]);
        expect(replayOf(policy).checkpoints.at(-1)).to.include({
          live: 0,
          stored: 0,
          comprBytes: 0,
          poolPages: 0,
        });
      }
    });

    it('never let go of anything under none', () => {
      const { stored } = replayOf('none');
      expect(stored.every((count, index) => index === 0 || count >= (stored[index - 1] ?? 0))).to.equal(true);
      const used = new Set(replayOf('none').entries);
      expect(stored.at(-1)).to.equal(used.size);
    });

    it('hand out the same slots under discard as under none, and at most 255 fewer are stored in each area', () => {
      const none = replayOf('none');
      const discard = replayOf('discard');
      expect(discard.entries.map(placeOf)).to.deep.equal(none.entries.map(placeOf));
      let most = 0;
      for (const [index, checkpoint] of discard.checkpoints.entries()) {
        const before = none.checkpoints[index]?.storedOfArea ?? [];
        for (const [area, stored] of checkpoint.storedOfArea.entries()) {
          const fewer = (before[area] ?? 0) - stored;
          expect(fewer, `area ${String(area)}, ${checkpoint.phase}`).to.be.within(0, CLUSTER - 1);
          most = Math.max(most, fewer);
        }
      }
      // The bound is not idle: somewhere a cluster was discarded that had been used before.
      expect(most).to.be.greaterThan(0);
    });

    it('are flat under discard-cluster while single pages are freed, and fall in cliffs when clusters die', () => {
      const { stored } = replayOf('discard-cluster');
      const drops = dropsOf(stored);
      expect(drops.length).to.be.greaterThan(2);
      expect(Math.max(...drops)).to.equal(CLUSTER);
      // Nothing falls slot by slot: one cliff for each cluster.
      expect(Math.min(...drops)).to.be.greaterThan(1);
      const [first, last] = phaseOf(calls, 'free singly');
      const frees = calls.slice(first, last).filter(({ kind }) => kind === 'free').length;
      expect(frees).to.be.greaterThan(200);
      expect((stored[first] ?? 0) - (stored[last - 1] ?? 0)).to.be.lessThan(frees / 4);
      const told = dropsOf(replayOf('notify').stored.slice(first - 1, last));
      expect(told).to.deep.equal(new Array(frees).fill(1));
      // What stays is in clusters that are never discarded: the first and the last one of each area.
      expect(stored.at(-1)).to.be.within(1, place.disks * (2 * CLUSTER - 1));
    });
  });
}

/** By how much a curve falls, each time it does. */
function dropsOf(stored: Int32Array): number[] {
  const drops: number[] = [];
  for (let index = 1; index < stored.length; index++) {
    const drop = (stored[index - 1] ?? 0) - (stored[index] ?? 0);
    if (drop > 0) drops.push(drop);
  }
  return drops;
}

/** The calls of a phase: from the first one to the one behind the last. */
function phaseOf(calls: readonly SlotCall[], phase: PhaseName): [number, number] {
  const ends = calls.flatMap((call, index) =>
    call.kind === 'checkpoint' ? [{ index, phase: call.phase }] : [],
  );
  const first = ends.findIndex((end) => end.phase === phase);
  const last = ends.findLastIndex((end) => end.phase === phase);
  return [(ends[first - 1]?.index ?? -1) + 1, ends[last]?.index ?? 0];
}
