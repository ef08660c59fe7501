/**
 * How fast slots are allocated and freed, held against the same in C (`c/slots.c`) with a lock of the same kind.
 *
 * - `slots.half-full`: 262,144 slots of a rotating disk, half of them in use and fragmented: a slot is allocated, mapped and leaves the swap
 *   cache, then a random one is freed. Most of it is the search for a free cluster, once in 256 allocations, over most of the map;
 * - `slots.random-50`, `slots.random-90`: the same with 32,768 slots, 50 and 90 per cent in use;
 * - `slots.sequential`: a slot of an empty area is allocated and freed: locks and books, no search.
 *
 * Where little is searched the twin is far ahead: its lock is two instructions, ours also keeps the list of held locks, the preempt count and the
 * progress of the task, and says at each access where a schedule may switch. The goals of these rows only guard against a collapse.
 *
 * Both sides do exactly the same, which checksums over the slots prove, in short batches and in turns. Each batch counts with its best time.
 */
import { startTwin } from './c-twin.js';
import { comparedRow, skippedRow, type BenchPlan } from './document.js';
import { BenchThread } from './bench-thread.js';
import { BestBatches, type BenchGroup, type BenchSession } from './session.js';
import type { SlotsOrder, SlotsPrepared, SlotsShape, SlotsTrial } from './slots-worker.js';

interface SlotsPlan extends BenchPlan {
  readonly shape: SlotsShape;
}

const UNIT = 'pairs/s';
const PEER = 'C -O2, same lock';

const PLANS: readonly SlotsPlan[] = [
  {
    name: 'slots.half-full',
    unit: UNIT,
    goal: { op: '>=', value: 0.6 },
    // A batch has one search for a free cluster.
    shape: { slots: 262_144, level: 50, batches: 24, pairs: 256 },
  },
  {
    name: 'slots.random-50',
    unit: UNIT,
    goal: { op: '>=', value: 0.15 },
    shape: { slots: 32_768, level: 50, batches: 24, pairs: 1024 },
  },
  {
    name: 'slots.random-90',
    unit: UNIT,
    goal: { op: '>=', value: 0.15 },
    shape: { slots: 32_768, level: 90, batches: 24, pairs: 1024 },
  },
  {
    name: 'slots.sequential',
    unit: UNIT,
    goal: { op: '>=', value: 0.02 },
    shape: { slots: 32_768, level: 0, batches: 16, pairs: 4096 },
  },
];

/** Trials of each shape, the first ones to warm up; more is only a better best. */
const TRIALS = 40;

/** The group. */
export const SLOTS_GROUP: BenchGroup = {
  plans: PLANS.map(({ name, unit, goal }) => ({ name, unit, goal })),
  measure: measureSlots,
};

async function measureSlots(session: BenchSession): Promise<void> {
  const thread = new BenchThread<SlotsOrder>('slots-worker');
  try {
    for (const plan of PLANS) await measurePlan(plan, thread, session);
  } finally {
    await thread.end();
  }
}

async function measurePlan(
  plan: SlotsPlan,
  thread: BenchThread<SlotsOrder>,
  session: BenchSession,
): Promise<void> {
  const { shape, ...row } = plan;
  const { signal } = session;
  const args = [shape.slots, shape.level, shape.batches, shape.pairs].map(String);
  const twin = await startTwin('slots', args, session.compiler, signal);
  if (typeof twin === 'string') {
    session.report(skippedRow(row, twin));
    return;
  }
  try {
    const ours = (await thread.ask({ kind: 'prepare', shape }, signal)) as SlotsPrepared;
    requireEqual(plan, ours, (await twin.answer(signal)) as SlotsPrepared);
    const ourBest = new BestBatches();
    const theirBest = new BestBatches();
    for (let trial = 0; trial < TRIALS; trial++) {
      const mine = (await thread.ask({ kind: 'trial' }, signal)) as SlotsTrial;
      const theirs = (await twin.ask('trial', signal)) as SlotsTrial;
      requireEqual(plan, mine, theirs);
      ourBest.add(mine.ns);
      theirBest.add(theirs.ns);
    }
    const pairs = shape.batches * shape.pairs;
    const perSecond = (best: BestBatches): number => Math.round((pairs * 1e9) / best.sum());
    session.report(comparedRow(row, perSecond(ourBest), PEER, perSecond(theirBest)));
  } finally {
    twin.end();
  }
}

/** A comparison of two programs that do different things would mean nothing. */
function requireEqual(
  plan: BenchPlan,
  ours: { readonly sum: number },
  theirs: { readonly sum: number },
): void {
  if (ours.sum === theirs.sum) return;
  throw new Error(
    `${plan.name}: our allocator and its twin in C hand out different slots (checksums ${String(ours.sum)} and ${String(theirs.sum)}).`,
  );
}
