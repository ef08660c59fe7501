/**
 * All watchers of a thread, as one: the trace, and the detectors that the job asks for.
 *
 * The trace alone is the common case while replaying, and nothing at all while searching; so each is a field of its own and not an entry of a
 * list, and who calls looks at {@link Watch.isOn} first.
 */
import type { PointKind, Site } from '@swaplab/kernel-mm';
import type { Trace } from '../core/trace.js';
import { KEEP_HASHES, KEEP_TRACE } from '../engines/job.js';
import { Detectors } from './detectors.js';
import type { RaceSizes } from './races.js';
import type { Watcher, WatchParts } from './watch.js';

/** The watchers of one thread. */
export class Watch implements Watcher {
  /** Whether anybody wants to be told of steps. */
  isOn = false;
  private readonly trace: Trace;
  private readonly detectors: Detectors;
  private traces = false;
  private detects = false;

  /**
   * @param parts - what they work with
   * @param sizes - of the schedules
   */
  constructor(parts: WatchParts, sizes: RaceSizes) {
    this.trace = parts.trace;
    this.detectors = new Detectors(parts, sizes);
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

  /** A task goes on after it waited for an object: it looks again. */
  resume(task: number, object: number): void {
    if (this.detects) this.detectors.resume(task, object);
  }

  /** A task has ended. */
  exit(task: number): void {
    if (this.detects) this.detectors.exit(task);
  }

  /** What the detectors say about all schedules so far that no single one of them shows: a sentence each. */
  warnings(): string[] {
    return this.detectors.contradictions();
  }
}
