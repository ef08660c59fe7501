/**
 * What the groups of the benchmarks have in common.
 */
import type { BenchPlan, BenchRow } from './document.js';

/** What a group is given to measure with. */
export interface BenchSession {
  /** Told each row as soon as it is known. */
  readonly report: (row: BenchRow) => void;
  /** Told what is worth showing but is no goal: one sentence. */
  readonly note: (sentence: string) => void;
  /** Ends the measurement early, with an error. */
  readonly signal: AbortSignal | undefined;
  /** Command of the compiler for the twins in C. */
  readonly compiler: string;
}

/** A group: rows that are measured together. */
export interface BenchGroup {
  /** Its rows, in order. */
  readonly plans: readonly BenchPlan[];
  /** Measures and reports the rows; those it does not report are skipped. */
  readonly measure: (session: BenchSession) => Promise<void>;
}

/**
 * The sum of the best time of each batch: batches differ in their work, and each disturbance makes one of them longer.
 */
export class BestBatches {
  private best: number[] = [];

  /**
   * Takes the times of a further trial.
   * @param times - one for each batch, the same batches in each trial
   */
  add(times: readonly number[]): void {
    this.best =
      this.best.length === 0
        ? [...times]
        : this.best.map((best, batch) => Math.min(best, times[batch] ?? Infinity));
  }

  /** The sum over all batches, in the unit of the times. */
  sum(): number {
    return this.best.reduce((sum, time) => sum + time, 0);
  }
}
