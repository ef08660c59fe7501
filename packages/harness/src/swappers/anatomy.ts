/**
 * The memory of the devices over a run: looked at by the leader at each checkpoint and at the end, while all others stand still.
 *
 * A look walks over all tables and all pages of the pools, which takes some milliseconds for ten thousand slots; the clock of the run does not
 * stand still meanwhile, so it is taken before.
 */
import type { MachineView } from '@swaplab/kernel-mm';
import {
  countAnatomy,
  deviceAnatomy,
  isPinned,
  ramzswapOf,
  whyPageStays,
  type AnatomyCounts,
  type DeviceAnatomy,
} from '@swaplab/ramzswap';

import type { AnatomyResult, AnatomySample } from '../run/document.js';
import { livenessOf } from './census.js';
import { KeptLaps } from './laps.js';

/** Pages whose reason to stay is kept in words. */
const EXAMPLES_MAX = 5;

/** What was seen so far. */
export class AnatomyWatch {
  readonly #view: MachineView;
  readonly #checkpoints = new KeptLaps<AnatomySample>();
  #examples: readonly string[] = [];
  #mostPinned = 0;

  /** @param view - of the leader */
  constructor(view: MachineView) {
    this.#view = view;
  }

  /**
   * Looks at a checkpoint.
   *
   * @param t - seconds since the start barrier
   */
  checkpoint(t: number): void {
    this.#checkpoints.push({ t, ...this.#look() });
  }

  /** Says that the checkpoint looked at last ends a lap, and that another one begins. */
  endLap(): void {
    this.#checkpoints.endLap();
  }

  /** Looks for the last time. */
  finish(): AnatomyResult {
    const final = this.#look();
    return { checkpoints: this.#checkpoints.items(), final, examples: this.#examples };
  }

  #look(): AnatomyCounts {
    const { devices } = ramzswapOf(this.#view);
    const anatomies = devices.map((device) => deviceAnatomy(device, livenessOf(this.#view, device)));
    const counts = countAnatomy(anatomies);
    if (counts.pinnedPages > this.#mostPinned) {
      this.#mostPinned = counts.pinnedPages;
      this.#examples = examplesOf(anatomies);
    }
    return counts;
  }
}

/** The pages with the most free bytes that one small object keeps. */
function examplesOf(anatomies: readonly DeviceAnatomy[]): string[] {
  return anatomies
    .flatMap(({ device, pages }) => pages.filter(isPinned).map((page) => ({ device, page })))
    .sort((a, b) => b.page.freeBytes - a.page.freeBytes || a.page.frame - b.page.frame)
    .slice(0, EXAMPLES_MAX)
    .map(({ device, page }) => `/dev/ramzswap${String(device)}: ${whyPageStays(page)}`);
}
