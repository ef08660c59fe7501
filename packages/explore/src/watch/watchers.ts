/**
 * All watchers of a thread, as one: the trace, and the detectors that the job asks for.
 *
 * The trace alone is the common case while replaying, and nothing at all while searching; so each is a field of its own and not an entry of a
 * list, and who calls looks at {@link Watch.isOn} first.
 */
import type { Core, PointKind, Site } from '@swaplab/kernel-mm';
import type { Trace } from '../core/trace.js';
import { KEEP_HASHES, KEEP_TRACE } from '../engines/job.js';
import { createDetectors, type Detectors } from './detectors.js';

/** What the watchers of a thread work with. */
export interface WatchParts {
  readonly trace: Trace;
  /** The words of the detectors, in the order of `DETECTOR_WORDS`. */
  readonly detectors: readonly Int32Array[];
  /** This thread's, or in the stepped engine that of any thread: for names and for the state of tasks. */
  readonly core: Core;
  /** Names of the threads. */
  readonly threads: readonly string[];
}

/** The watchers of one thread. */
export class Watch {
  /** Whether anybody wants to be told of steps. */
  isOn = false;
  private readonly trace: Trace;
  private readonly detectors: Detectors;
  private traces = false;
  private detects = false;

  /** @param parts - what they work with */
  constructor(parts: WatchParts) {
    this.trace = parts.trace;
    this.detectors = createDetectors(parts);
  }

  /**
   * Chooses who watches; for all schedules from the next one on.
   * @param flags - of the job
   */
  choose(flags: number): void {
    this.traces = (flags & (KEEP_HASHES | KEEP_TRACE)) !== 0;
    this.detects = this.detectors.choose(flags);
    this.isOn = this.traces || this.detects;
  }

  /** A schedule begins. */
  begin(): void {
    if (this.traces) this.trace.reset();
    if (this.detects) this.detectors.begin();
  }

  /** A task goes on with an operation. */
  step(task: number, kind: PointKind, object: number, site: Site): void {
    if (this.traces) this.trace.step(task, kind, object, site);
    if (this.detects) this.detectors.step(task, kind, object, site);
  }

  /** A task waits for an object. */
  block(task: number, object: number): void {
    if (this.detects) this.detectors.block(task, object);
  }

  /** A task goes on after it waited for an object: it looks again. */
  resume(task: number, object: number): void {
    if (this.detects) this.detectors.resume(task, object);
  }

  /** A task wakes those who wait for an object. */
  wake(task: number, object: number): void {
    if (this.detects) this.detectors.wake(task, object);
  }

  /** A task has ended. */
  exit(task: number): void {
    if (this.detects) this.detectors.exit(task);
  }

  /** All tasks have ended, and the check of the scenario was content. */
  end(): void {
    if (this.detects) this.detectors.end();
  }
}
