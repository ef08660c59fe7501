/**
 * A broken invariant stops the machine.
 *
 * Promise: the first report is kept, whole, in the arena; whoever breaks something later only adds to a counter. Every thread that waits,
 * and every thread that asks, learns that the machine stopped. A stopped machine never runs again.
 *
 * No lock: the first reporter claims the report by compare-and-exchange.
 */
import type { Layout, Region } from '../arena/layout.js';
import type { Arena } from '../arena/memory.js';
import { struct } from '../arena/struct.js';
import { KernelBug, MisuseError } from '../errno.js';

const REPORT_BYTES_MAX = 8192 - 16;

const PANIC = struct('panic', {
  state: 'i32',
  task: 'i32',
  textBytes: 'i32',
  later: 'i32',
  text: ['bytes', REPORT_BYTES_MAX],
});

const RUNNING = 0;
const REPORTING = 1;
const STOPPED = 2;

/**
 * Reserves the report.
 * @param layout - not yet sealed
 */
export function layoutPanic(layout: Layout): Region {
  return layout.structs('cold', 'panic', PANIC, 1);
}

/** The stop switch of a machine and its report. */
export class Panic {
  private readonly arena: Arena;
  private readonly base: number;

  /**
   * @param arena - this thread's views
   * @param region - from {@link layoutPanic}
   */
  constructor(arena: Arena, region: Region) {
    this.arena = arena;
    this.base = region.base;
  }

  /**
   * Stops the machine and throws.
   * @param task - id of the reporting task, -1 for the outside
   * @param report - what is broken, with the values that show it
   * @throws {@link KernelBug} always
   */
  bug(task: number, report: string): never {
    this.stop(task, report);
    throw new KernelBug(report);
  }

  /**
   * Stops the machine without throwing, for an outside watcher.
   * @param task - id of the reporting task, -1 for the outside
   * @param report - why
   */
  stop(task: number, report: string): void {
    const { i32, u8 } = this.arena;
    const state = (this.base + PANIC.state) >> 2;
    if (Atomics.compareExchange(i32, state, RUNNING, REPORTING) !== RUNNING) {
      Atomics.add(i32, (this.base + PANIC.later) >> 2, 1);
      return;
    }
    const bytes = Math.min(report.length, REPORT_BYTES_MAX);
    for (let index = 0; index < bytes; index++) {
      const unit = report.charCodeAt(index);
      u8[this.base + PANIC.text + index] = unit < 128 ? unit : 0x3f;
    }
    i32[(this.base + PANIC.textBytes) >> 2] = bytes;
    i32[(this.base + PANIC.task) >> 2] = task;
    Atomics.store(i32, state, STOPPED);
  }

  /** Whether the machine has stopped. */
  isStopped(): boolean {
    return Atomics.load(this.arena.i32, (this.base + PANIC.state) >> 2) !== RUNNING;
  }

  /** The first report, or null while the machine runs. */
  report(): string | null {
    const { i32, u8 } = this.arena;
    if (Atomics.load(i32, (this.base + PANIC.state) >> 2) !== STOPPED) return null;
    const bytes = i32[(this.base + PANIC.textBytes) >> 2] ?? 0;
    let text = '';
    for (let index = 0; index < bytes; index++)
      text += String.fromCharCode(u8[this.base + PANIC.text + index] ?? 0);
    return text;
  }

  /**
   * Throws if the machine has stopped. Called wherever a thread waits or loops.
   * @throws {@link MisuseError} `ERR_MACHINE_STOPPED` with the first line of the report
   */
  check(): void {
    if (!this.isStopped()) return;
    const report = this.report() ?? 'a report is just being written';
    throw new MisuseError(
      'ERR_MACHINE_STOPPED',
      `The machine has stopped: ${report.split('\n', 1)[0] ?? ''}`,
    );
  }
}
