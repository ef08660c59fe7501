/**
 * The curves of a run in its trace: what was counted at checkpoints and between them.
 */
import type { Sample } from '../run/document.js';
import type { TracedMachine } from './traced-machine.js';

/** Rings of so many records take so much of a machine's address space, 64 bytes for each of 64 tasks. */
const TRACE_RECORDS = 32_768;
/** The same where the page frames leave little of it: a machine has less than 2 GiB in all. */
const TRACE_RECORDS_SMALL = 4096;
const LARGE_RAM_BYTES = 2 ** 30;

/**
 * Records in the ring of each thread of a run that is traced.
 *
 * @param ramBytes - page frames of the machine
 */
export function traceRecordsFor(ramBytes: number): number {
  return ramBytes > LARGE_RAM_BYTES ? TRACE_RECORDS_SMALL : TRACE_RECORDS;
}

/**
 * Draws what was counted.
 *
 * @param traced - the machine, not ended yet
 * @param startNs - of the start barrier, by the common clock
 * @param samples - in any order
 */
export function addCurves(traced: TracedMachine, startNs: number, samples: readonly Sample[]): void {
  for (const { t, live, stored, stale, comprBytes, poolPages, freeFrames } of samples) {
    const ns = startNs + t * 1e9;
    traced.counter('live slots', ns, live);
    traced.counter('stored slots', ns, stored);
    traced.counter('stale slots', ns, stale);
    traced.counter('compressed bytes', ns, comprBytes);
    traced.counter('pool pages', ns, poolPages);
    if (freeFrames !== undefined) traced.counter('free frames', ns, freeFrames);
  }
}
