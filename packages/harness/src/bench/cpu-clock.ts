/**
 * How long the calling thread has been on a processor.
 *
 * Linux brings the count of a thread up to date when the thread leaves the processor, else only at ticks of some milliseconds. So the
 * clock leaves it for an instant before it reads the count; what that costs is measured once, and {@link CpuClock.since} leaves it out.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const SCHEDSTAT = '/proc/thread-self/schedstat';
/** A sleep this short lasts as long as the system takes to sleep and wake up. */
const INSTANT_MS = 0.02;
/** Sleeps to try: one that is over before it began does not leave the processor. */
const SLEEPS_MAX = 20;
const CALIBRATIONS = 200;

/**
 * Why the time on a processor cannot be measured here, null when it can.
 */
export function cpuClockRefusal(): string | null {
  try {
    closeSync(openSync(SCHEDSTAT, 'r'));
    return null;
  } catch {
    return `there is no ${SCHEDSTAT} to read the time on a processor from`;
  }
}

/** The clock of one thread; made by that thread. */
export class CpuClock {
  private readonly file = openSync(SCHEDSTAT, 'r');
  private readonly buffer = Buffer.alloc(128);
  private readonly cell = new Int32Array(new SharedArrayBuffer(4));
  /** What was read last: ns on a processor, and how often the thread was given one. */
  private ns = 0;
  private slices = 0;
  /** What a reading costs, in ns. */
  private readonly overheadNs: number;

  constructor() {
    let least = Infinity;
    for (let turn = 0; turn < CALIBRATIONS; turn++) {
      const before = this.now();
      least = Math.min(least, this.now() - before);
    }
    this.overheadNs = least;
  }

  /** Time on a processor in ns. */
  now(): number {
    this.read();
    const slices = this.slices;
    for (let sleep = 0; sleep < SLEEPS_MAX; sleep++) {
      Atomics.wait(this.cell, 0, 0, INSTANT_MS);
      this.read();
      if (this.slices !== slices) return this.ns;
    }
    throw new Error('This thread cannot leave its processor, so the time it spent there is not known.');
  }

  /**
   * Time on a processor since an earlier reading, in ns, without what reading costs.
   * @param before - from {@link now}
   */
  since(before: number): number {
    return Math.max(0, this.now() - before - this.overheadNs);
  }
  private read(): void {
    const bytes = readSync(this.file, this.buffer, 0, this.buffer.length, 0);
    const [ns = '0', , slices = '0'] = this.buffer.toString('latin1', 0, bytes).split(' ');
    this.ns = Number(ns);
    this.slices = Number.parseInt(slices, 10);
  }
}
