/**
 * The benchmarks, by group. Each group measures in worker threads of its own, in which nothing else has run, and ends them before it is done.
 */
import { availableParallelism, cpus } from 'node:os';
import { UsageError } from '../errors.js';
import { COMPILER_DEFAULT } from './c-twin.js';
import { CODEC_GROUP } from './codec-bench.js';
import { ENGINES_GROUP } from './engines-bench.js';
import { BENCH_SCHEMA, skippedRow, type BenchDocument, type BenchRow } from './document.js';
import { BENCH_GROUPS } from './groups.js';
import { PATH_GROUP } from './path-bench.js';
import { POLICIES_GROUP } from './policies-bench.js';
import type { BenchGroup } from './session.js';
import { SLOTS_GROUP } from './slots-bench.js';
import { SYNC_GROUP } from './sync-bench.js';
import { XVMALLOC_GROUP } from './xvmalloc-bench.js';
import { ZRAM_GROUP } from './zram-bench.js';

export type { BenchDocument, BenchGoal, BenchRow } from './document.js';

/** Told after each row. */
export interface BenchProgress {
  readonly row: BenchRow;
  /** Rows done so far, this one included. */
  readonly done: number;
  /** Rows in all. */
  readonly total: number;
}

/** What {@link runBench} needs besides its options. */
export interface BenchContext {
  /** Ends the measurement early: rows not yet measured are then skipped. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BenchProgress) => void) | undefined;
  /** Command of the C compiler for the twins, `gcc` when not given. */
  readonly compiler?: string | undefined;
}

const GROUPS: Readonly<Record<(typeof BENCH_GROUPS)[number], BenchGroup>> = {
  sync: SYNC_GROUP,
  slots: SLOTS_GROUP,
  path: PATH_GROUP,
  codec: CODEC_GROUP,
  xvmalloc: XVMALLOC_GROUP,
  policies: POLICIES_GROUP,
  engines: ENGINES_GROUP,
};

/**
 * Measures.
 * @param options - `only`: the groups, all when not given or empty; `zram`: a zram device of this machine as well, or alone when no group is named
 * @param context - signal, progress and compiler
 * @returns the rows in the order of their groups
 * @throws UsageError for a group that does not exist
 */
export async function runBench(
  options: { readonly only?: readonly string[] | undefined; readonly zram?: boolean | undefined } = {},
  context: BenchContext = {},
): Promise<BenchDocument> {
  const { signal, onProgress, compiler = COMPILER_DEFAULT } = context;
  const named = options.only ?? [];
  const withZram = options.zram === true;
  const asked = named.length === 0 && !withZram ? BENCH_GROUPS : named;
  for (const name of asked) {
    if (!BENCH_GROUPS.some((known) => known === name))
      throw new UsageError(`group "${name}" is not known; allowed now: ${BENCH_GROUPS.join(', ')}`);
  }
  const groups = BENCH_GROUPS.filter((name) => asked.includes(name)).map((name) => GROUPS[name]);
  if (withZram) groups.push(ZRAM_GROUP);
  const total = groups.reduce((sum, group) => sum + group.plans.length, 0);
  const rows: BenchRow[] = [];
  const notes: string[] = [];
  const report = (row: BenchRow): void => {
    rows.push(row);
    onProgress?.({ row, done: rows.length, total });
  };
  const note = (sentence: string): void => void notes.push(sentence);
  for (const group of groups) {
    try {
      if (signal?.aborted !== true) await group.measure({ report, note, signal, compiler });
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
    for (const plan of group.plans) {
      if (!rows.some((row) => row.name === plan.name)) report(skippedRow(plan, 'interrupted'));
    }
  }
  const environment = {
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
  };
  return { schema: BENCH_SCHEMA, rows, notes, environment };
}
