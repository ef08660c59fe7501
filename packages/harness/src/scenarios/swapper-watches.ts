/**
 * What scenarios look at in the threads of the swappers.
 */
import { isSwapPte, pteToSwpEntry, swpType, type MachineView } from '@swaplab/kernel-mm';

import type { SwapperProcess } from '../swappers/process.js';

/** Looks at the processes of one swapper for a scenario. */
export interface SwapperWatch {
  /**
   * Called at each checkpoint, while all swappers stand still.
   *
   * @param phase - the one that the checkpoint lies in or ends
   * @param processes - of the swapper; null for a free place
   */
  checkpoint(phase: string, processes: readonly (SwapperProcess | null)[]): void;
  /** What it has counted, by names of its own; those of all swappers are added up. */
  facts(): Readonly<Record<string, number>>;
}

/**
 * Counts how often a page that was to go out found no slot: `noSlot`. Replaces a method of the thread's view, so that it is not in the way of runs
 * that do not ask.
 */
export class SlotShortageWatch implements SwapperWatch {
  #noSlot = 0;

  /** @param view - of the swapper's thread; from here on its searches are counted */
  constructor(view: MachineView) {
    const { cache } = view.kernel.vm;
    const addToSwap = cache.addToSwap.bind(cache);
    cache.addToSwap = (page: number): boolean => {
      const added = addToSwap(page);
      if (!added) this.#noSlot++;
      return added;
    };
  }

  checkpoint(): void {
    // Everything is counted on the way.
  }

  facts(): Readonly<Record<string, number>> {
    return { noSlot: this.#noSlot };
  }
}

/**
 * Counts which pages are on which device when a phase ends: `fastLive` and `slowLive` pages that are swapped out, and of these `fastCold` and
 * `slowCold` ones, which their process has not touched since it first wrote them.
 */
export class TierWatch implements SwapperWatch {
  readonly #view: MachineView;
  readonly #phase: string;
  #facts: Readonly<Record<string, number>> = {};

  /**
   * @param view - of the swapper's thread
   * @param phase - at whose last checkpoint it counts
   */
  constructor(view: MachineView, phase: string) {
    this.#view = view;
    this.#phase = phase;
  }

  checkpoint(phase: string, processes: readonly (SwapperProcess | null)[]): void {
    if (phase !== this.#phase) return;
    const fastTypes = this.#fastTypes();
    const counts = { fastLive: 0, fastCold: 0, slowLive: 0, slowCold: 0 };
    for (const process of processes) if (process !== null) this.#count(process, fastTypes, counts);
    this.#facts = counts;
  }

  facts(): Readonly<Record<string, number>> {
    return this.#facts;
  }

  #fastTypes(): ReadonlySet<number> {
    const areas = this.#view.kernel.swap.report.swaps();
    return new Set(areas.filter(({ device }) => device.startsWith('/dev/ramzswap')).map(({ type }) => type));
  }

  /** Adds the pages of a process that are not in memory. Nobody runs, so no lock is needed. */
  #count(
    process: SwapperProcess,
    fastTypes: ReadonlySet<number>,
    counts: { fastLive: number; fastCold: number; slowLive: number; slowCold: number },
  ): void {
    const { spaces } = this.#view.kernel.vm;
    const { id } = process.space;
    const pages = spaces.pagesOf(id);
    for (let vpn = 0; vpn < pages; vpn++) {
      const pte = spaces.pte(id, vpn);
      if (!isSwapPte(pte)) continue;
      const cold = process.isUntouched(vpn) ? 1 : 0;
      if (fastTypes.has(swpType(pteToSwpEntry(pte)))) {
        counts.fastLive++;
        counts.fastCold += cold;
      } else {
        counts.slowLive++;
        counts.slowCold += cold;
      }
    }
  }
}
