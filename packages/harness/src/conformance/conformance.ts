/**
 * Conformance: our code against results recorded from the original C code.
 *
 * Promise: a set is replayed in full. Bad directories and damaged files end the run with one
 * sentence, before a document exists. The run can be stopped between operations.
 */
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EnvironmentError, UsageError } from '../errors.js';
import {
  GOLDEN_SETS,
  isGoldenSet,
  type ConformanceDocument,
  type Difference,
  type GoldenSet,
  type SetCounts,
} from './document.js';
import { COMMITTED_SELECTION, findSets, traceFilesOf, type SetFolder } from './golden-files.js';
import { replayLzo1xFile } from './lzo1x-replay.js';
import { replayRamzswapTrace } from './ramzswap-replay.js';
import { replaySlotsTrace } from './slots-replay.js';
import { replayXvmallocTrace } from './xvmalloc-replay.js';

/** What to replay. */
export interface ConformanceOptions {
  /** Directories with golden data. When empty or absent: `$SWAPLAB_GOLDEN`, else the selection that comes with the package. */
  readonly directories?: readonly string[];
  /** Only these sets, named as their folders; all when empty or absent. */
  readonly only?: readonly string[];
}

/** Where a run is. */
export interface ConformanceProgress {
  readonly set: GoldenSet;
  /** Name of the file that is done. */
  readonly file: string;
  /** Files done, and files in all sets that are replayed or counted. */
  readonly done: number;
  readonly total: number;
}

/** How a run is watched and stopped. */
export interface ConformanceControl {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ConformanceProgress) => void;
}

/**
 * Replays golden data.
 * @param options - what
 * @param control - signal and progress
 * @returns the `swaplab.conformance/1` document
 * @throws UsageError for an unknown set, EnvironmentError for missing or damaged data, the reason of the signal when it stops the run
 */
export async function runConformance(
  options: ConformanceOptions = {},
  control: ConformanceControl = {},
): Promise<ConformanceDocument> {
  const folders = selectFolders(options);
  const files = folders.flatMap(({ set, path }) => traceFilesOf(path).map((file) => ({ set, file })));
  const sets: Partial<Record<GoldenSet, SetCounts>> = {};
  for (const [index, { set, file }] of files.entries()) {
    // Gives the signal and a progress bar their turn.
    await nextTurn();
    control.signal?.throwIfAborted();
    replayFile(set, file, (sets[set] ??= { total: 0, passed: 0, failed: 0, skipped: 0 }), control.signal);
    control.onProgress?.({ set, file: basename(file), done: index + 1, total: files.length });
  }
  const counts = Object.values(sets);
  const ok = counts.every(({ failed }) => failed === 0) && counts.some(({ passed }) => passed > 0);
  return { schema: 'swaplab.conformance/1', ok, sets };
}

function selectFolders(options: ConformanceOptions): SetFolder[] {
  const only = options.only ?? [];
  for (const name of only) {
    if (isGoldenSet(name)) continue;
    throw new UsageError(`There is no golden set '${name}'; the sets are ${GOLDEN_SETS.join(', ')}.`);
  }
  const directories = directoriesOf(options);
  const folders = findSets(directories);
  if (only.length === 0) return folders;
  for (const name of only) {
    if (folders.some(({ set }) => set === name)) continue;
    throw new EnvironmentError(
      `The golden set '${name}' is not in ${directories.map((path) => `'${path}'`).join(', ')}.`,
    );
  }
  return folders.filter(({ set }) => only.includes(set));
}

function directoriesOf(options: ConformanceOptions): readonly string[] {
  if (options.directories !== undefined && options.directories.length > 0) return options.directories;
  const fromEnvironment = process.env['SWAPLAB_GOLDEN'];
  return [fromEnvironment === undefined || fromEnvironment === '' ? COMMITTED_SELECTION : fromEnvironment];
}

/** What replays a trace file of a set: answers the first difference, or null. */
type Replay = (file: string, signal: AbortSignal | undefined) => Difference | null;

/** How the sets of trace files are replayed. In the other one each line stands alone. */
const REPLAYS: Readonly<Record<Exclude<GoldenSet, 'lzo1x'>, Replay>> = {
  xvmalloc: replayXvmallocTrace,
  'ramzswap-dev': replayRamzswapTrace,
  'swap-slots': replaySlotsTrace,
};

function replayFile(set: GoldenSet, file: string, counts: SetCounts, signal: AbortSignal | undefined): void {
  if (set === 'lzo1x') {
    const { total, failed, firstDifference } = replayLzo1xFile(file, signal);
    counts.total += total;
    counts.failed += failed;
    counts.passed += total - failed;
    if (firstDifference !== undefined) counts.firstDifference ??= firstDifference;
    return;
  }
  counts.total++;
  const difference = REPLAYS[set](file, signal);
  if (difference === null) {
    counts.passed++;
    return;
  }
  counts.failed++;
  counts.firstDifference ??= difference;
}
