/**
 * A made-up run under all eight policies whose curves have the shapes that real kernels show: exact ones, a ratchet that
 * never falls, and one that falls in late cliffs. With samples between the checkpoints, as a run has.
 */
import type { PolicyResult, RunDocument, Sample } from '#src/run/document.js';
import { planWorkload } from '#src/workload/plan.js';

import { sampleAnatomy, sampleDocument, sampleResult } from '../cli/sample-document.js';

/** The policies of {@link goldenDocument}, in its order. */
export const GOLDEN_POLICIES = [
  'none',
  'discard',
  'discard-cluster',
  'discard-slot',
  'notify',
  'chain',
  'bdev-op',
  'address-space',
] as const;

const BETWEEN = 7;
const BYTES_PER_SLOT = 1775;
const PAGE = 4096;
/** Live slots at the checkpoints of the phased workload. */
const LIVE = [
  1900, 5740, 6900, 7640, 7680, 5900, 5820, 5760, 4300, 3560, 2860, 1700, 1840, 1730, 3100, 3550, 2600, 1780,
  920, 0,
];
/** Distinct slots ever used by then. */
const USED = [
  1900, 5740, 6900, 7640, 7680, 11_200, 14_600, 15_300, 15_300, 15_300, 15_300, 15_340, 15_360, 15_360,
  15_360, 15_360, 15_360, 15_360, 15_360, 15_360,
];
/** What is stored where a device hears of whole clusters only. */
const CLUSTERS = [
  1900, 5740, 6900, 7640, 7680, 11_400, 15_000, 15_800, 15_100, 15_000, 14_900, 15_900, 16_400, 16_700,
  16_900, 17_000, 14_600, 12_100, 7300, 260,
];

function storedAt(policy: string, index: number): number {
  if (policy === 'none') return USED[index] ?? 0;
  if (policy === 'discard') return Math.max(LIVE[index] ?? 0, (USED[index] ?? 0) - 140);
  if (policy === 'discard-cluster') return CLUSTERS[index] ?? 0;
  return LIVE[index] ?? 0;
}

function counts(live: number, stored: number): Omit<Sample, 't' | 'quiescent' | 'phase'> {
  const comprBytes = Math.round(stored * BYTES_PER_SLOT);
  const sparse = stored === 0 ? 0 : 1 + 1.1 * (1 - live / Math.max(live, stored, 7000));
  return {
    live: Math.round(live),
    stored: Math.round(stored),
    stale: Math.max(0, Math.round(stored - live)),
    comprBytes,
    poolPages: Math.ceil((comprBytes * Math.min(sparse, stored > live * 1.3 ? 1.08 : 1.9)) / PAGE),
  };
}

function samplesOf(policy: string, seconds: number): Sample[] {
  const { checkpoints } = planWorkload('phased', 3840, 60_000);
  const samples: Sample[] = [];
  for (const [index, { phase }] of checkpoints.entries()) {
    const from = { live: LIVE[index - 1] ?? 0, stored: index === 0 ? 0 : storedAt(policy, index - 1) };
    const to = { live: LIVE[index] ?? 0, stored: storedAt(policy, index) };
    for (let step = 1; step <= BETWEEN; step++) {
      const share = step / BETWEEN;
      samples.push({
        t: (seconds * (index + share)) / checkpoints.length,
        quiescent: step === BETWEEN,
        phase,
        ...counts(from.live + (to.live - from.live) * share, from.stored + (to.stored - from.stored) * share),
      });
    }
  }
  return samples;
}

function goldenResult(policy: string, index: number): PolicyResult {
  const stored = storedAt(policy, LIVE.length - 1);
  const tells = policy !== 'none' && policy !== 'discard';
  const perSlot = policy === 'discard-slot';
  const seconds = perSlot ? 6.21 : 4.4 + index * 0.07;
  const samples = samplesOf(policy, seconds);
  return sampleResult('none', {
    // Some of these names are not among those that can run yet.
    policy: policy as PolicyResult['policy'],
    seconds,
    samples,
    final: counts(0, stored),
    anatomy: sampleAnatomy(samples, counts(0, stored)),
    areas: [0, 1].map((disk) => ({
      type: 'ramzswap',
      device: `/dev/ramzswap${String(disk)}`,
      allocated: 31_400 + disk,
      freed: 31_400 + disk,
      notified: tells ? 31_400 + disk : 0,
      freedBeforeHook: policy === 'notify' || policy === 'chain' ? 0 : null,
      missed: 0,
    })),
    freeCost: {
      usPerSlot: tells ? 0.21 + index * 0.04 + (perSlot ? 9.87 : 0) : null,
      bios: perSlot ? 62_801 : policy.startsWith('discard') ? 96 : 0,
      bioFailures: perSlot ? 3 : 0,
    },
    traffic: {
      bytesOut: 131_000_000 + index * 1_700_000,
      bytesIn: 154_000_000 - index * 900_000,
      bytesDiscarded: 0,
    },
    locks: ['page_table_lock', 'rzs_lock', 'swap_lock', 'lru_lock'].map((name, lock) => ({
      class: name,
      acquisitions: 80_000 + 1000 * lock,
      contended: 1000 + 137 * index,
      waitSeconds: 0.41 * (lock + 1) + (perSlot ? 1.7 : 0),
      holdSeconds: 0.22 * (lock + 1) + (perSlot ? 0.9 : 0),
      waitMaxSeconds: 0.031,
      holdMaxSeconds: 0.00042,
    })),
    vm: {
      faults: 50_412 + index * 31,
      swapIns: 37_700 - index * 211,
      swapOuts: 32_100 + index * 388,
      kills: 0,
      cleanDrops: 11_200,
      ioErrors: 0,
      scanned: 61_000,
      reclaimed: 44_000,
      forks: 0,
      forkFailures: 0,
    },
  });
}

/** A run under all eight policies. */
export function goldenDocument(): RunDocument {
  return {
    ...sampleDocument(GOLDEN_POLICIES.map(goldenResult)),
    pagesHash: 'd3ba82e375c3373084ce8f562f547f15b85b458b0cbc5f7e1dad83db0b01f08f',
    pagesDescription:
      '464 pages of the Node executable and generated pages: 153 text, 153 pointers, 102 sparse, 71 zero',
  };
}
