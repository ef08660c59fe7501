/**
 * A room of the museum: one bug of history, with its story, the code that has it, and how to find it.
 *
 * Promise: the scenario of a room does not know of the bug; without the room's variants it is the fixed form, and finds nothing. All of it is plain data.
 */

/** How a bug shows, in the words of the explorer. */
export type RoomFailure =
  | 'assertion'
  | 'exception'
  | 'deadlock'
  | 'livelock'
  | 'data race'
  | 'lock order'
  | 'sleep in atomic'
  | 'use after free'
  | 'double free'
  | 'leak'
  | 'check';

/** A room. */
export interface Room {
  /** Name: `d01` to `d43` for bugs of the driver, `c01` to `c26` for those of the swap core. */
  readonly id: string;
  /** What is wrong, in a few words. */
  readonly title: string;
  /** For people, a paragraph each: who met whom, what was seen, and how it was mended. */
  readonly story: readonly string[];
  /** Where that is from. */
  readonly sources: readonly string[];
  /** Name of the scenario, which is also the name of its module in `scenarios/`. */
  readonly scenario: string;
  /** The deliberately wrong variants; none for a scenario that is wrong by itself. */
  readonly variants: readonly string[];
  /** Kinds of faults that may be injected, as bits `1 << FAULT_...`. */
  readonly faults: number;
  /** The ways in which it may show. */
  readonly expects: readonly RoomFailure[];
  /** Who sees it, in words. */
  readonly detector: string;
  /** A schedule in which it shows, as small as it could be made: `swaplab replay TOKEN`. It fits the code of its day. */
  readonly token: string;
  /** Whether the scenario without the variants is right. Only the canary's is not. */
  readonly hasFixedForm: boolean;
}
