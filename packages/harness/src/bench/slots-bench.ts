/**
 * How fast slots are allocated, freed and shared, held against the same in C (`c/slots.c`) with a lock of the same kind, and what an area costs.
 *
 * A pair is: a slot is allocated, mapped and leaves the swap cache, then a random one is freed. Once in 256 pairs a free cluster is searched.
 *
 * - `slots.half-full`: 262,144 slots of a rotating disk, half of them in use and fragmented, searched byte by byte;
 * - `slots.summary-rotating`, `slots.summary-solid-state`: 1,048,576 slots in the same state, searched through the summary of the map. The twin
 *   looks at every byte, as the original does;
 * - `slots.random-50`, `slots.random-90`: 32,768 slots, 50 and 90 per cent in use;
 * - `slots.sequential`: a slot of an empty area is allocated and freed: locks and books, no search;
 * - `slots.duplicate-free`: a random slot in use gets one more user and loses it, as in a fork and an exit;
 * - `slots.bytes-per-slot`, `slots.swapon`: an area of 1,048,576 slots: its table memory, and how long it takes to switch it on.
 *
 * Where little is searched the twin is far ahead: its lock is two instructions, ours also keeps the list of held locks, the preempt count and the
 * progress of the task, and says at each access where a schedule may switch. The goals of these rows only guard against a collapse.
 *
 * Both sides do exactly the same, which checksums over the slots prove, in short batches and in turns. Each batch counts with its best time.
 */
import { startTwin } from './c-twin.js';
import { comparedRow, measuredRow, skippedRow, type BenchPlan } from './document.js';
import { BenchThread } from './bench-thread.js';
import { BestBatches, type BenchGroup, type BenchSession } from './session.js';
import type { SlotsArea, SlotsOrder, SlotsPrepared, SlotsShape, SlotsTrial } from './slots-worker.js';

interface SlotsPlan extends BenchPlan {
  readonly shape: SlotsShape;
}

const UNIT = 'pairs/s';
const PEER = 'C -O2, same lock';

/** A batch has one search for a free cluster. */
const CLUSTER_BATCHES = { batches: 24, pairs: 256 } as const;
const HALF_FULL = { calls: 'allocate', level: 50, ...CLUSTER_BATCHES } as const;
const SMALL = { calls: 'allocate', disk: 'rotating', summary: true, slots: 32_768 } as const;
const AREA_SLOTS = 1_048_576;

const PLANS: readonly SlotsPlan[] = [
  {
    name: 'slots.half-full',
    unit: UNIT,
    goal: { op: '>=', value: 0.7 },
    shape: { ...HALF_FULL, disk: 'rotating', summary: false, slots: 262_144 },
  },
  {
    name: 'slots.summary-rotating',
    unit: UNIT,
    goal: { op: '>=', value: 5 },
    shape: { ...HALF_FULL, disk: 'rotating', summary: true, slots: AREA_SLOTS },
  },
  {
    name: 'slots.summary-solid-state',
    unit: UNIT,
    goal: { op: '>=', value: 5 },
    shape: { ...HALF_FULL, disk: 'solid-state', summary: true, slots: AREA_SLOTS },
  },
  {
    name: 'slots.random-50',
    unit: UNIT,
    goal: { op: '>=', value: 0.15 },
    shape: { ...SMALL, level: 50, batches: 24, pairs: 1024 },
  },
  {
    name: 'slots.random-90',
    unit: UNIT,
    goal: { op: '>=', value: 0.15 },
    shape: { ...SMALL, level: 90, batches: 24, pairs: 1024 },
  },
  {
    name: 'slots.sequential',
    unit: UNIT,
    goal: { op: '>=', value: 0.02 },
    shape: { ...SMALL, level: 0, batches: 16, pairs: 4096 },
  },
  {
    name: 'slots.duplicate-free',
    unit: UNIT,
    goal: { op: '>=', value: 0.4 },
    shape: { ...SMALL, calls: 'share', level: 50, batches: 24, pairs: 4096 },
  },
];

const BYTES_PER_SLOT: BenchPlan = {
  name: 'slots.bytes-per-slot',
  unit: 'bytes',
  goal: { op: '<=', value: 3 },
};
const SWAPON: BenchPlan = { name: 'slots.swapon', unit: 'ms', goal: { op: '<=', value: 50 } };

/** Trials of each shape, the first ones to warm up; more is only a better best. */
const TRIALS = 40;
const SWAPONS = 10;

/** The group. */
export const SLOTS_GROUP: BenchGroup = {
  plans: [...PLANS.map(({ name, unit, goal }) => ({ name, unit, goal })), BYTES_PER_SLOT, SWAPON],
  measure: measureSlots,
};

async function measureSlots(session: BenchSession): Promise<void> {
  // Each has a thread of its own, in which the engine sees one machine only, as in a run.
  for (const plan of PLANS) await withThread((thread) => measurePlan(plan, thread, session));
  await withThread(async (thread) => {
    const order: SlotsOrder = { kind: 'area', slots: AREA_SLOTS, times: SWAPONS };
    const { bytes, ns } = (await thread.ask(order, session.signal)) as SlotsArea;
    session.report(measuredRow(BYTES_PER_SLOT, bytes / AREA_SLOTS));
    session.report(measuredRow(SWAPON, ns / 1e6));
  });
}

async function withThread(body: (thread: BenchThread<SlotsOrder>) => Promise<void>): Promise<void> {
  const thread = new BenchThread<SlotsOrder>('slots-worker');
  try {
    await body(thread);
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
  const twin = await startTwin('slots', twinArguments(shape), session.compiler, signal);
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

/**
 * The command line of the twin in C.
 * @param shape - what it shall measure
 */
export function twinArguments(shape: SlotsShape): string[] {
  return [shape.calls, shape.disk, ...[shape.slots, shape.level, shape.batches, shape.pairs].map(String)];
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
