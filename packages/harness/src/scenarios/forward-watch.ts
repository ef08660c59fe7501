/**
 * What the scenario `incompressible` looks at in the thread of one swapper, while all stand still: how much the devices did not keep in memory.
 */
import type { MachineView } from '@swaplab/kernel-mm';
import { ramzswapOf } from '@swaplab/ramzswap';

import type { SwapperWatch } from './swapper-watches.js';

/** Counts pages that were sent on to the disk behind a device: `forwarded`. */
export class ForwardWatch implements SwapperWatch {
  readonly #view: MachineView;
  #forwarded = 0;

  /** @param view - of the swapper's thread */
  constructor(view: MachineView) {
    this.#view = view;
  }

  checkpoint(): void {
    const { devices } = ramzswapOf(this.#view);
    this.#forwarded = devices.reduce((sum, device) => sum + device.readStats().bdevNumWrites, 0);
  }

  facts(): Readonly<Record<string, number>> {
    return { forwarded: this.#forwarded };
  }
}
