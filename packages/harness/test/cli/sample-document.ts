import type { AnatomyCounts } from '@swaplab/ramzswap';

import type { AnatomyResult, PolicyResult, RunDocument, Sample, SlotCounts } from '#src/run/document.js';
import { completeRunOptions, repeatCommand, type RunPolicy } from '#src/run/options.js';
import { planWorkload } from '#src/workload/plan.js';

/**
 * The anatomy of made-up counts: pages less full the more of them there are for the same data.
 */
export function sampleAnatomy(samples: readonly Sample[], final: SlotCounts): AnatomyResult {
  const counts = ({ comprBytes, poolPages, stale, stored }: SlotCounts): AnatomyCounts => {
    const packedPages = Math.min(poolPages, Math.ceil((comprBytes * 1.01) / 4096));
    const pinnedPages = Math.round((poolPages - packedPages) / 3);
    const freeBytes = Math.max(0, Math.round((poolPages * 4096 - comprBytes) * 0.97));
    return {
      poolPages,
      rawPages: 0,
      objects: stored,
      dataBytes: comprBytes,
      freeBytes,
      lostBytes: poolPages * 4096 - comprBytes - freeBytes,
      largestFreeBytes: poolPages === 0 ? 0 : 3072,
      packedPages,
      pinnedPages,
      stalePages: stored === 0 ? 0 : Math.round((poolPages * stale) / stored),
      emptyPages: 0,
      fill: Array.from({ length: 10 }, (_, bin) => (bin === 4 ? poolPages : 0)),
      freeBySize: Array.from({ length: 16 }, (_, bin) => (bin === 8 ? freeBytes : 0)),
    };
  };
  const checkpoints = samples
    .filter(({ quiescent }) => quiescent)
    .map((sample) => ({ t: sample.t, ...counts(sample) }));
  const anyPinned = checkpoints.some(({ pinnedPages }) => pinnedPages > 0);
  return {
    checkpoints,
    final: counts(final),
    examples: anyPinned
      ? [
          '/dev/ramzswap0: Page frame 77 stays because of one object, with 3740 bytes free: 340 bytes of slot 12.',
        ]
      : [],
  };
}

/** A made-up result of a policy, for tests of what is printed. */
export function sampleResult(policy: RunPolicy, changes: Partial<PolicyResult> = {}): PolicyResult {
  const keeps = policy === 'none';
  const samples: Sample[] = planWorkload('phased', 960, 15_000).checkpoints.map((checkpoint, index) => {
    const live = index < 10 ? 290 * index : 290 * (19 - index);
    const stored = keeps ? 290 * index : live;
    return {
      t: index / 10,
      quiescent: true,
      phase: checkpoint.phase,
      live,
      stored,
      stale: stored - live,
      comprBytes: stored * 1700,
      poolPages: Math.ceil((stored * 1800) / 4096),
    };
  });
  const final = keeps
    ? { live: 0, stored: 5510, stale: 5510, comprBytes: 9_367_000, poolPages: 2422 }
    : { live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 };
  return {
    policy,
    ops: 60_000,
    laps: 1,
    seconds: 2,
    integrityErrors: 0,
    invariantErrors: 0,
    statDrift: 0,
    areas: [],
    samples,
    final,
    anatomy: sampleAnatomy(samples, final),
    freeCost: { usPerSlot: 0.2, bios: 0, bioFailures: 0 },
    traffic: { bytesOut: 1, bytesIn: 1, bytesDiscarded: 0 },
    locks: [
      {
        class: 'swap_lock',
        acquisitions: 80_000,
        contended: 1000,
        waitSeconds: 0.1,
        holdSeconds: 0.2,
        waitMaxSeconds: 0.01,
        holdMaxSeconds: 0.01,
      },
    ],
    vm: {
      faults: 50_000,
      swapIns: 12_000,
      swapOuts: 14_000,
      kills: 0,
      cleanDrops: 0,
      ioErrors: 0,
      scanned: 61_000,
      reclaimed: 44_000,
      forks: 0,
      forkFailures: 0,
    },
    memory: {
      rssAfterFirstMinute: null,
      rssMaxAfterFirstMinute: null,
      rssMax: 200 << 20,
      rssEnd: 190 << 20,
      heapMax: 20 << 20,
      samples: [],
    },
    firstKill: null,
    scenario: null,
    reports: [],
    suspects: [],
    stopped: null,
    ...changes,
  };
}

/** A made-up document, for tests of what is printed. */
export function sampleDocument(policies: readonly PolicyResult[]): RunDocument {
  const { options } = completeRunOptions({ seed: 42 });
  return {
    schema: 'swaplab.run/1',
    seed: 42,
    swappers: 4,
    profile: 'sound',
    pagesHash: '00',
    policies,
    pagesDescription: `made up ${'of many words '.repeat(12).trimEnd()}`,
    options,
    command: repeatCommand(options),
    interrupted: false,
  };
}
