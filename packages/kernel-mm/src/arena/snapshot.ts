/**
 * Copies of the state of a machine, to go back to.
 *
 * Promise: a snapshot holds the hot and the cold section whole, and of the page frames only those that are in use; restoring it brings
 * exactly these bytes back. Frames that were free keep whatever they hold now, as free memory does. The scratch section (work areas, rings,
 * statistics) belongs to the threads and is neither taken nor restored.
 *
 * Callers see to it that nobody else touches the machine meanwhile: every other task stands still and sleeps on nothing. Lock words, task
 * contexts and a report of a stop go back too, so the tasks after a restore are those of the time of the snapshot.
 */
import { MisuseError } from '../errno.js';
import type { Layout } from './layout.js';
import { PAGE_SIZE, type Arena } from './memory.js';

/** The state of a machine at one moment; private memory of the thread that took it. */
export interface Snapshot {
  /** Of the layout it was taken with. */
  readonly fingerprint: number;
  /** The bytes of the hot and the cold section. */
  readonly control: Uint8Array;
  /** Indices of the saved frames, ascending, counted in pages from the start of the frames section. */
  readonly frameIndices: Int32Array;
  /** The bytes of the saved frames, one after the other. */
  readonly frames: Uint8Array;
}

/**
 * Copies the state of a machine.
 * @param arena - this thread's views
 * @param layout - sealed
 * @param frameIsUsed - whether the page with an index, counted from the start of the frames section, holds anything
 */
export function takeSnapshot(
  arena: Arena,
  layout: Layout,
  frameIsUsed: (index: number) => boolean,
): Snapshot {
  const { base, bytes } = layout.extent('frames');
  const used: number[] = [];
  for (let index = 0; index * PAGE_SIZE < bytes; index++) if (frameIsUsed(index)) used.push(index);
  const frames = new Uint8Array(used.length * PAGE_SIZE);
  for (const [place, index] of used.entries()) {
    const from = base + index * PAGE_SIZE;
    frames.set(arena.u8.subarray(from, from + PAGE_SIZE), place * PAGE_SIZE);
  }
  return {
    fingerprint: layout.fingerprint(),
    control: arena.u8.slice(0, controlBytes(layout)),
    frameIndices: Int32Array.from(used),
    frames,
  };
}

/**
 * Brings the state of a machine back.
 * @param arena - this thread's views
 * @param layout - sealed, the same as at {@link takeSnapshot}
 * @param snapshot - may be restored any number of times
 * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` when the snapshot is of a machine of another shape; nothing is changed then
 */
export function restoreSnapshot(arena: Arena, layout: Layout, snapshot: Snapshot): void {
  if (snapshot.fingerprint !== layout.fingerprint()) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      'This snapshot was taken of a machine with another configuration or another version of the code.',
    );
  }
  const { base } = layout.extent('frames');
  arena.u8.set(snapshot.control, 0);
  for (const [place, index] of snapshot.frameIndices.entries()) {
    const from = place * PAGE_SIZE;
    arena.u8.set(snapshot.frames.subarray(from, from + PAGE_SIZE), base + index * PAGE_SIZE);
  }
}

/** Bytes of the hot and the cold section, which lie side by side at the start of the arena. */
function controlBytes(layout: Layout): number {
  const cold = layout.extent('cold');
  return cold.base + cold.bytes;
}
