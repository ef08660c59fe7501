/**
 * The detectors as one watcher: whoever of them the job asks for.
 */
import type { PointKind, Site } from '@swaplab/kernel-mm';
import type { Watcher } from './watch.js';
import type { WatchParts } from './watchers.js';

/** Words that each detector needs, in their order. */
export const DETECTOR_WORDS: readonly number[] = [];

/** The detectors of one thread. */
export class Detectors implements Watcher {
  private watchers: readonly Watcher[] = [];

  /**
   * Chooses who watches.
   * @param _flags - of the job
   * @returns whether anybody does
   */
  choose(_flags: number): boolean {
    return this.watchers.length > 0;
  }

  begin(): void {
    for (const watcher of this.watchers) watcher.begin();
  }

  step(task: number, kind: PointKind, object: number, site: Site): void {
    for (const watcher of this.watchers) watcher.step(task, kind, object, site);
  }

  block(task: number, object: number): void {
    for (const watcher of this.watchers) watcher.block(task, object);
  }

  resume(task: number, object: number): void {
    for (const watcher of this.watchers) watcher.resume(task, object);
  }

  wake(task: number, object: number): void {
    for (const watcher of this.watchers) watcher.wake(task, object);
  }

  exit(task: number): void {
    for (const watcher of this.watchers) watcher.exit(task);
  }

  end(): void {
    for (const watcher of this.watchers) watcher.end();
  }
}

/**
 * Makes the detectors of a thread.
 * @param _parts - what they work with
 */
export function createDetectors(_parts: WatchParts): Detectors {
  return new Detectors();
}
