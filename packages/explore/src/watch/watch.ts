/**
 * Whoever looks at each step of a schedule: the recorder and the detectors.
 *
 * Promise: a step is told when its task goes on with it, so the order is that of execution, in both engines the same. All state lies in words
 * that the threads of a group share. A detector that finds something throws {@link DetectedError}, in the thread that did it.
 */
import type { PointKind, Site } from '@swaplab/kernel-mm';
import type { FailureKind } from '../engines/job.js';

/** Looks at the steps of schedules. */
export interface Watcher {
  /** A schedule begins. */
  begin(): void;
  /** A task goes on with an operation. */
  step(task: number, kind: PointKind, object: number, site: Site): void;
  /** A task waits for an object. */
  block(task: number, object: number): void;
  /** A task goes on after it waited for an object: it looks again. */
  resume(task: number, object: number): void;
  /** A task wakes those who wait for an object. */
  wake(task: number, object: number): void;
  /** A task has ended. */
  exit(task: number): void;
  /** All tasks have ended and the check of the scenario was content. */
  end(): void;
}

/** What a detector found. */
export class DetectedError extends Error {
  override readonly name = 'DetectedError';
  readonly kind: FailureKind;

  /**
   * @param kind - of what was found
   * @param sentence - what is wrong, in one sentence
   * @param details - further lines, for the report
   */
  constructor(kind: FailureKind, sentence: string, details = '') {
    super(details === '' ? sentence : `${sentence}\n${details}`);
    this.kind = kind;
  }
}
