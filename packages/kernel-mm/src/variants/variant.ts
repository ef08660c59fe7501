/**
 * What a deliberately wrong variant is.
 *
 * Promise: a variant replaces named methods of one thread's objects, and nothing else: the default code has no branch for it, and a machine
 * without it is not slower. It must be installed in every thread of a machine, before anything runs: `createMachine({ variants: [...] })`
 * does that.
 */
import type { NotifierBlocks } from '../notifier/blocks.js';
import type { Frames } from '../page/frames.js';
import type { SwapCore } from '../swap/swap-core.js';
import type { Vm } from '../vm/vm.js';
import type { HistoricalProfile } from './profiles.js';

/** What variants are put into: one thread's kernel, or as much of one as there is. */
export interface VariantTarget {
  readonly swap: SwapCore;
  readonly notifierBlocks: NotifierBlocks;
  /** Where they are missing, variants that need them cannot be installed. */
  readonly frames?: Frames;
  readonly vm?: Vm;
}

/**
 * How a fault can show:
 *
 * - `contents`: a page is read back wrong;
 * - `books`: an invariant of counters, lists or maps is broken;
 * - `stop`: the machine stops with a report;
 * - `refusal`: a call fails although it could succeed;
 * - `order`: things are done, but not in the right order.
 */
export type Symptom = 'contents' | 'books' | 'stop' | 'refusal' | 'order';

/** A deliberately wrong variant. */
export interface Variant {
  /** Name: `c01` to `c26` for those of the catalogue, words for all others. */
  readonly id: string;
  /** What is wrong, in one sentence. */
  readonly title: string;
  /** Where it is from. */
  readonly source: string;
  /** The historical profiles it is part of. */
  readonly inProfiles: readonly HistoricalProfile[];
  /** How it can show. */
  readonly symptoms: readonly Symptom[];
  /** Found in the report of a machine that this fault has stopped, or in the sentence of a check that saw its trace; null for none of its own. */
  readonly report: RegExp | null;
  /** What must be there besides a swap core and notifier blocks. */
  readonly needs: 'nothing' | 'frames' | 'vm';
  /**
   * Puts the fault into a thread's kernel.
   * @param target - to be changed
   */
  install(target: VariantTarget): void;
}
