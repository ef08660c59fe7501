/**
 * The shape of the document that the benchmarks give (`swaplab.bench/1`).
 *
 * Fields may be added; none is ever renamed or given another meaning within a schema number. A row has a goal: on `ratio` (ours over the
 * peer's, in `unit`) when it has a peer, else on `value`.
 */

/** The schema of the documents that this version writes. */
export const BENCH_SCHEMA = 'swaplab.bench/1';

/** What a value or a ratio shall be. */
export interface BenchGoal {
  readonly op: '<=' | '>=';
  readonly value: number;
}

/** One measured figure. */
export interface BenchRow {
  /** `group.what`. */
  readonly name: string;
  /** Best of the runs; null when the row was skipped. */
  readonly value: number | null;
  /** `'ns'`, `'us'`, `'MB/s'`, `'pairs/s'`; `'ratio'` for a figure that is itself a quotient of two measurements. */
  readonly unit: string;
  /** What it is compared with, null without a peer. */
  readonly peer: string | null;
  readonly peerValue: number | null;
  /** Ours over the peer's, null without a peer. */
  readonly ratio: number | null;
  readonly goal: BenchGoal;
  /** Whether the goal is met; null only when the row was skipped. */
  readonly holds: boolean | null;
  /** Why it was skipped. */
  readonly skipped?: string;
}

/** The result of `swaplab bench`. */
export interface BenchDocument {
  readonly schema: typeof BENCH_SCHEMA;
  readonly rows: readonly BenchRow[];
  /** What is worth showing but is no goal: a sentence each. */
  readonly notes: readonly string[];
  /** Where it was measured; values of different machines do not compare. */
  readonly environment: { readonly node: string; readonly cpu: string; readonly cores: number };
}

/** A row that is not measured yet: all that is known of it before. */
export interface BenchPlan {
  readonly name: string;
  readonly unit: string;
  readonly goal: BenchGoal;
}

/**
 * A row without a peer.
 * @param plan - what was to be measured
 * @param value - the best of its runs, in the unit of the plan
 */
export function measuredRow(plan: BenchPlan, value: number): BenchRow {
  const holds = plan.goal.op === '<=' ? value <= plan.goal.value : value >= plan.goal.value;
  return { ...plan, value, peer: null, peerValue: null, ratio: null, holds };
}

/**
 * A row with a peer, its goal on the ratio.
 * @param plan - what was to be measured
 * @param value - the best of our runs, in the unit of the plan
 * @param peer - what it is compared with
 * @param peerValue - the best of its runs, measured in turns with ours
 */
export function comparedRow(plan: BenchPlan, value: number, peer: string, peerValue: number): BenchRow {
  const ratio = value / peerValue;
  const holds = plan.goal.op === '<=' ? ratio <= plan.goal.value : ratio >= plan.goal.value;
  return { ...plan, value, peer, peerValue, ratio, holds };
}

/**
 * A row that was not measured.
 * @param plan - what was to be measured
 * @param reason - why it was not
 */
export function skippedRow(plan: BenchPlan, reason: string): BenchRow {
  return { ...plan, value: null, peer: null, peerValue: null, ratio: null, holds: null, skipped: reason };
}
