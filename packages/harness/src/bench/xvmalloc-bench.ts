/**
 * How fast the allocator of the driver is, held against the same in C (`c/xvmalloc.c`) with a lock of the same kind.
 *
 * - `xvmalloc.1000`, `xvmalloc.20000`: so many objects live. A pair is: a random one is freed, and one of another random size is taken. Sizes are those
 *   of the pages of the benchmarks under the codec of 2010, as far as the driver stores them compressed.
 *
 * Both sides do exactly the same, which the pages of the pools and checksums over all places prove, in short batches and in turns. Each batch
 * counts with its best time.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_ZPAGE_SIZE } from '@swaplab/ramzswap';
import { benchSizes } from './bench-pages.js';
import { BenchThread } from './bench-thread.js';
import { startTwin } from './c-twin.js';
import { comparedRow, skippedRow, type BenchPlan } from './document.js';
import { BestBatches, type BenchGroup, type BenchSession } from './session.js';
import type { XvmallocOrder, XvmallocShape, XvmallocState, XvmallocTrial } from './xvmalloc-worker.js';

interface XvmallocPlan extends BenchPlan {
  readonly live: number;
}

const PLANS: readonly XvmallocPlan[] = [1000, 20_000].map((live) => ({
  name: `xvmalloc.${String(live)}`,
  unit: 'pairs/s',
  goal: { op: '>=', value: 0.5 },
  live,
}));

const PEER = 'C -O2, same lock';
/** Pages that sizes are taken from. */
const PAGES = 1024;
/** A batch is a third of a millisecond. */
const BATCHES = { batches: 16, pairs: 2048 } as const;
/** Trials, of which the first ones warm up. */
const TRIALS = 60;

/** The group. */
export const XVMALLOC_GROUP: BenchGroup = {
  plans: PLANS.map(({ name, unit, goal }) => ({ name, unit, goal })),
  measure: measureXvmalloc,
};

async function measureXvmalloc(session: BenchSession): Promise<void> {
  const sizes = storedSizes(PAGES);
  const folder = mkdtempSync(join(tmpdir(), 'swaplab-bench-'));
  try {
    const file = join(folder, 'sizes');
    writeFileSync(file, new Uint8Array(sizes.buffer), { mode: 0o600 });
    for (const plan of PLANS) await measurePlan(plan, { sizes, live: plan.live, ...BATCHES }, file, session);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The sizes of objects: of pages of the benchmarks, those that the driver keeps in its pool.
 * @param pages - how many pages to look at, a power of two
 */
export function storedSizes(pages: number): Int32Array {
  return Int32Array.from(benchSizes(pages).filter((size) => size <= MAX_ZPAGE_SIZE));
}

/**
 * The command line of the twin in C.
 * @param shape - what it shall measure
 * @param file - the sizes of the shape, 32-bit words
 */
export function xvmallocTwinArguments(shape: XvmallocShape, file: string): string[] {
  return [file, ...[shape.live, shape.batches, shape.pairs].map(String)];
}

async function measurePlan(
  plan: XvmallocPlan,
  shape: XvmallocShape,
  file: string,
  { signal, report, compiler }: BenchSession,
): Promise<void> {
  const { live, ...row } = plan;
  const twin = await startTwin('xvmalloc', xvmallocTwinArguments(shape, file), compiler, signal);
  if (typeof twin === 'string') {
    report(skippedRow(row, twin));
    return;
  }
  const thread = new BenchThread<XvmallocOrder>('xvmalloc-worker');
  try {
    const ours = (await thread.ask({ kind: 'prepare', shape }, signal)) as XvmallocState;
    requireEqual(live, ours, (await twin.answer(signal)) as XvmallocState);
    const ourBest = new BestBatches();
    const theirBest = new BestBatches();
    for (let trial = 0; trial < TRIALS; trial++) {
      const mine = (await thread.ask({ kind: 'trial' }, signal)) as XvmallocTrial;
      const theirs = (await twin.ask('trial', signal)) as XvmallocTrial;
      requireEqual(live, mine, theirs);
      ourBest.add(mine.ns);
      theirBest.add(theirs.ns);
    }
    const pairs = shape.batches * shape.pairs;
    const perSecond = (best: BestBatches): number => Math.round((pairs * 1e9) / best.sum());
    report(comparedRow(row, perSecond(ourBest), PEER, perSecond(theirBest)));
  } finally {
    twin.end();
    await thread.end();
  }
}

/** A comparison of two programs that do different things would mean nothing. */
function requireEqual(live: number, ours: XvmallocState, theirs: XvmallocState): void {
  if (ours.sum === theirs.sum && ours.pages === theirs.pages) return;
  throw new Error(
    `With ${String(live)} objects our pool and its twin in C put them to different places: ` +
      `${String(ours.pages)} pages and checksum ${String(ours.sum)}, ${String(theirs.pages)} and ${String(theirs.sum)}.`,
  );
}
