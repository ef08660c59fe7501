/**
 * What it costs to free a slot under each policy, in nanoseconds on a processor, with lock statistics and the clock on, as in a run.
 *
 * Each policy has a machine and a thread of its own. All write the same pages, then free them in random order; only the freeing is measured,
 * with what a policy puts off until later included. The policies take turns, and each counts with its best batch of several threads. Under `none` the row is what
 * freeing costs when nobody is told; all other rows are what telling adds to it. That is compared with `notify`: `discard-slot`, which the
 * series calls too slow, shall be at least twice as dear, the others at most four times.
 */
import { FREE_SLOT_POLICIES, MisuseError, type FreeSlotPolicy } from '@swaplab/kernel-mm';
import { benchPages } from './bench-pages.js';
import { BenchThread } from './bench-thread.js';
import { cpuClockRefusal } from './cpu-clock.js';
import { comparedRow, measuredRow, skippedRow, type BenchPlan } from './document.js';
import { createPathMachine } from './path-bench.js';
import type { PathOrder, PathWindow } from './path-worker.js';
import type { BenchGroup, BenchSession } from './session.js';

/** Pages that stay stored all the time. */
const HELD = 512;
const CORPUS_PAGES = 64;
/** Slots that are freed in a batch. */
const BATCH_SLOTS = 256;
const BATCHES = 60;
/** How often all is done anew: what the compiler makes of the same code differs from thread to thread. */
const ROUNDS = 4;
/** Freeing and telling nobody: what all others add something to. */
const FLOOR: FreeSlotPolicy = 'none';
/** What all others are held against. */
const YARDSTICK: FreeSlotPolicy = 'notify';

const PLANS: readonly BenchPlan[] = FREE_SLOT_POLICIES.map((policy) => ({
  name: `policies.${policy}`,
  unit: 'ns',
  goal: goalOf(policy),
}));

/** The group. */
export const POLICIES_GROUP: BenchGroup = { plans: PLANS, measure: measurePolicies };

function goalOf(policy: FreeSlotPolicy): BenchPlan['goal'] {
  if (policy === FLOOR || policy === YARDSTICK) return { op: '<=', value: 5000 };
  return policy === 'discard-slot' ? { op: '>=', value: 2 } : { op: '<=', value: 4 };
}

async function measurePolicies(session: BenchSession): Promise<void> {
  const { signal } = session;
  const reasons = new Map<FreeSlotPolicy, string>();
  const best = new Map<FreeSlotPolicy, number>();
  const refusal = cpuClockRefusal();
  if (refusal === null) {
    for (let round = 0; round < ROUNDS; round++) await measureRound(best, reasons, signal);
  } else {
    for (const policy of FREE_SLOT_POLICIES) reasons.set(policy, refusal);
  }
  const floor = best.get(FLOOR) ?? 0;
  const yardstick = best.get(YARDSTICK);
  for (const [index, policy] of FREE_SLOT_POLICIES.entries()) {
    const plan = PLANS[index];
    const value = best.get(policy);
    if (plan === undefined) continue;
    if (value === undefined) session.report(skippedRow(plan, reasons.get(policy) ?? 'not measured'));
    else if (policy === FLOOR) session.report(measuredRow(plan, value));
    else if (policy === YARDSTICK) session.report(measuredRow(plan, value - floor));
    else if (yardstick !== undefined) {
      session.report(comparedRow(plan, Math.max(0, value - floor), YARDSTICK, yardstick - floor));
    } else session.report(skippedRow(plan, `${YARDSTICK} could not be measured`));
  }
}

/** Lets all policies take turns, each in a new thread; keeps the best batch of each. */
async function measureRound(
  best: Map<FreeSlotPolicy, number>,
  reasons: Map<FreeSlotPolicy, string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const threads = new Map<FreeSlotPolicy, BenchThread<PathOrder>>();
  try {
    for (const policy of FREE_SLOT_POLICIES) {
      const reason = await openPolicy(policy, threads, signal);
      if (reason !== null) reasons.set(policy, reason);
    }
    for (let batch = 0; batch < BATCHES; batch++) {
      for (const [policy, thread] of threads) {
        const order: PathOrder = { kind: 'free', slots: BATCH_SLOTS };
        const { cpuNs, pages } = (await thread.ask(order, signal)) as PathWindow;
        best.set(policy, Math.min(best.get(policy) ?? Infinity, cpuNs / pages));
      }
    }
  } finally {
    await Promise.all([...threads.values()].map((thread) => thread.end()));
  }
}

/** Makes the machine of a policy and its thread; returns why there is none. */
async function openPolicy(
  policy: FreeSlotPolicy,
  threads: Map<FreeSlotPolicy, BenchThread<PathOrder>>,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  let machine;
  try {
    machine = createPathMachine(policy, 'lzo1x-2010', 1).handle;
  } catch (error) {
    if (error instanceof MisuseError) return error.message;
    throw error;
  }
  const thread = new BenchThread<PathOrder>('path-worker');
  threads.set(policy, thread);
  const { bytes: corpus } = benchPages(CORPUS_PAGES);
  await thread.ask(
    { kind: 'open', name: `bench ${policy}`, machine, corpus, slots: HELD, measured: true },
    signal,
  );
  return null;
}
