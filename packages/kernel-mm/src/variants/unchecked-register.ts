/**
 * unchecked-register: a notifier block can be registered although it is on a chain.
 *
 * Symptom: registered twice on one chain, other blocks are lost or the chain becomes a ring, and the next call does not end (here it ends
 * in a report). Registered for two areas, as the one static block of the 2009 draft was, the first chain loses the blocks behind it and the
 * second one gets them: a listener is told of the slots of an area it never asked for. Source: `kernel-mm.md` 9 and 10.2 (RFC 2/2).
 * @kernel kernel/notifier.c notifier_chain_register, 2.6.34, which does not look
 */
import type { RawNotifierChain } from '../notifier/raw-chain.js';
import type { SwapCore } from '../swap/swap-core.js';

/**
 * Puts the fault into one chain of a thread; every thread that registers on it must do so.
 * @param chain - to be changed
 */
export function installUncheckedRegister(chain: RawNotifierChain): void {
  chain.register = insertUnasked;
}

/** Replaces `RawNotifierChain.register`. */
function insertUnasked(this: RawNotifierChain, block: number): number {
  return this.insert(block);
}

/**
 * Puts the fault into all chains of a thread's swap core; every thread of the machine must do so.
 * @param swap - to be changed
 */
export function installUncheckedRegisterEverywhere(swap: SwapCore): void {
  const { swaponChain, swapoffChain } = swap.events;
  installUncheckedRegister(swaponChain.chain);
  installUncheckedRegister(swapoffChain.chain);
  for (const { chain } of swap.slotFreeChains.chains) installUncheckedRegister(chain);
}
