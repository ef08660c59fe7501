/**
 * What the scenarios `exit-storm` and `fork-storm` look at in the threads of the swappers, while all stand still.
 */
import { COUNT_CONTINUED, isSwapPte, SWAP_INFO, SWP_USED, type MachineView } from '@swaplab/kernel-mm';

import type { SwapperProcess } from '../swappers/process.js';
import type { SwapperWatch } from './swapper-watches.js';

/** Counts processes that are about to exit: `storms`, `exits` of processes that have something mapped, and `slotsAtExit`, their pages in swap. */
export class ExitWatch implements SwapperWatch {
  readonly #view: MachineView;
  readonly #countsStorms: boolean;
  #storms = 0;
  #exits = 0;
  #slots = 0;

  /**
   * @param view - of the swapper's thread
   * @param countsStorms - for one of the swappers, since a storm is one for all
   */
  constructor(view: MachineView, countsStorms: boolean) {
    this.#view = view;
    this.#countsStorms = countsStorms;
  }

  checkpoint(_phase: string, processes: readonly (SwapperProcess | null)[]): void {
    if (this.#countsStorms) this.#storms++;
    for (const process of processes) if (process !== null) this.#count(process.space.id);
  }

  facts(): Readonly<Record<string, number>> {
    return { storms: this.#storms, exits: this.#exits, slotsAtExit: this.#slots };
  }

  /** Nobody runs, so no lock is needed. */
  #count(mm: number): void {
    const { spaces } = this.#view.kernel.vm;
    const pages = spaces.pagesOf(mm);
    let mapped = 0;
    for (let vpn = 0; vpn < pages; vpn++) {
      const pte = spaces.pte(mm, vpn);
      if (pte !== 0) mapped++;
      if (isSwapPte(pte)) this.#slots++;
    }
    if (mapped > 0) this.#exits++;
  }
}

/** Looks for the slot with the most users: `mostUsers`, and for how many had more than a byte counts at one time: `continuedSlots`. */
export class UsersWatch implements SwapperWatch {
  readonly #view: MachineView;
  #mostUsers = 0;
  #continuedSlots = 0;

  /** @param view - of the swapper's thread */
  constructor(view: MachineView) {
    this.#view = view;
  }

  checkpoint(): void {
    const { cells } = this.#view.kernel.core;
    const { table, counts } = this.#view.kernel.swap;
    let continued = 0;
    for (let type = 0; type < table.nrSwapfiles(); type++) {
      const area = table.infoOf(type);
      if ((cells.ldu32(area + SWAP_INFO.flags) & SWP_USED) === 0) continue;
      const map = cells.ldu32(area + SWAP_INFO.swapMap);
      const max = cells.ldu32(area + SWAP_INFO.max);
      for (let offset = 1; offset < max; offset++) {
        const byte = cells.ld8(map + offset);
        if (byte === 0) continue;
        if ((byte & COUNT_CONTINUED) !== 0) continued++;
        this.#mostUsers = Math.max(this.#mostUsers, counts.continuations.countOf(area, offset));
      }
    }
    this.#continuedSlots = Math.max(this.#continuedSlots, continued);
  }

  facts(): Readonly<Record<string, number>> {
    return { mostUsers: this.#mostUsers, continuedSlots: this.#continuedSlots };
  }
}
