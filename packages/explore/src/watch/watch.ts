/**
 * Whoever looks at each step of a schedule: the recorder and the detectors.
 *
 * Promise: a step is told when its task goes on with it, so the order is that of execution, in both engines the same. All state lies in words
 * that the threads of a group share. A detector that finds something throws {@link DetectedError}, in the thread that did it.
 */
import type { Core, PointKind, Site } from '@swaplab/kernel-mm';
import type { Trace } from '../core/trace.js';
import type { FailureKind } from '../engines/job.js';
import type { SiteFacts } from './site-facts.js';

/** Looks at the steps of schedules. */
export interface Watcher {
  /** A schedule begins. */
  begin(): void;
  /** A task goes on with an operation. */
  step(task: number, kind: PointKind, object: number, site: Site): void;
  /** A task goes on after it waited for an object: it looks again. */
  resume(task: number, object: number): void;
  /** A task has ended. */
  exit(task: number): void;
}

/** What the watchers of a thread work with. */
export interface WatchParts {
  readonly trace: Trace;
  /** The words of the detectors, as `createGroup` made them. */
  readonly detectors: Int32Array;
  /** This thread's, or in the stepped engine that of any thread: for names and for the state of tasks. */
  readonly core: Core;
  /** Names of the threads. */
  readonly threads: readonly string[];
  /** What is known about the sites of the code; null when nothing is: then nobody looks for data races. */
  readonly sites: SiteFacts | null;
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

/**
 * A site in words, to be put behind a verb: `' at site 12'`. Whoever writes a report puts the line of the source in the place of the number.
 * @param site - of a point; 0 when it is not known, which gives no words
 */
export function atSite(site: Site): string {
  return site === 0 ? '' : ` at site ${site}`;
}
