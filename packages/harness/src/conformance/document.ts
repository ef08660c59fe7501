/**
 * The `swaplab.conformance/1` document: how many of the recorded results of the original C code our code repeats.
 */

/** The sets there are, by the name of their folder. */
export const GOLDEN_SETS = ['xvmalloc', 'lzo1x', 'ramzswap-dev', 'swap-slots'] as const;

/** Name of a set, which is the name of its folder. */
export type GoldenSet = (typeof GOLDEN_SETS)[number];

/**
 * Tells whether a text names a set.
 * @param name - any text, for example from a command line
 */
export function isGoldenSet(name: string): name is GoldenSet {
  return (GOLDEN_SETS as readonly string[]).includes(name);
}

/** The first place where our code and the recording differ. */
export interface Difference {
  /** Path of the file, as it was found. */
  readonly file: string;
  /** Line of the uncompressed file, from 1. */
  readonly line: number;
  /** The operation or the field of the snapshot, in words of the file. */
  readonly operation: string;
  /** What the recording has. */
  readonly expected: unknown;
  /** What our code answers. */
  readonly actual: unknown;
}

/** Counts of one set. One trace file, or one page, block or stream line, counts once. */
export interface SetCounts {
  total: number;
  passed: number;
  failed: number;
  /** Present, but not replayed: none, in this version. */
  skipped: number;
  firstDifference?: Difference;
}

/** What `swaplab conformance --json` prints. */
export interface ConformanceDocument {
  readonly schema: 'swaplab.conformance/1';
  /** Nothing failed, and something was replayed. */
  readonly ok: boolean;
  /** By folder name; only sets that were found. */
  readonly sets: Readonly<Partial<Record<GoldenSet, SetCounts>>>;
}
