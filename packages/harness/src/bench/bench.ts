/**
 * The benchmarks, by group. Each group measures in worker threads of its own, in which nothing else has run, and ends them before it is done.
 */
import { availableParallelism, cpus } from 'node:os';
import { UsageError } from '../errors.js';
import { BENCH_SCHEMA, skippedRow, type BenchDocument, type BenchPlan, type BenchRow } from './document.js';
import { measureSync, SYNC_PLANS } from './sync-bench.js';

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
}

interface BenchGroup {
  readonly plans: readonly BenchPlan[];
  readonly measure: (report: (row: BenchRow) => void, signal: AbortSignal | undefined) => Promise<void>;
}

const GROUPS: Readonly<Record<string, BenchGroup>> = {
  sync: { plans: SYNC_PLANS, measure: measureSync },
};

/**
 * Measures.
 * @param options - `only`: the groups, all when not given or empty
 * @param context - signal and progress
 * @returns the rows in the order of their groups
 * @throws UsageError for a group that does not exist
 */
export async function runBench(
  options: { readonly only?: readonly string[] | undefined } = {},
  context: BenchContext = {},
): Promise<BenchDocument> {
  const { signal, onProgress } = context;
  const known = Object.keys(GROUPS);
  const asked = options.only === undefined || options.only.length === 0 ? known : options.only;
  for (const name of asked) {
    if (!known.includes(name))
      throw new UsageError(`group "${name}" is not known; allowed now: ${known.join(', ')}`);
  }
  const groups = known.filter((name) => asked.includes(name)).flatMap((name) => GROUPS[name] ?? []);
  const total = groups.reduce((sum, group) => sum + group.plans.length, 0);
  const rows: BenchRow[] = [];
  const report = (row: BenchRow): void => {
    rows.push(row);
    onProgress?.({ row, done: rows.length, total });
  };
  for (const group of groups) {
    try {
      if (signal?.aborted !== true) await group.measure(report, signal);
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
  return { schema: BENCH_SCHEMA, rows, environment };
}
