/**
 * The memory of this process while a policy runs: what the system says that is resident, and the heap of the main thread.
 *
 * Resident are the heaps of all threads, the code, and those pages of the machine's memory that were ever touched. However long a run is, at most
 * {@link SAMPLES_MAX} samples are kept: when they are too many, every other one is dropped and the interval doubles. The largest values
 * are of all that were taken.
 */
import { memoryUsage } from 'node:process';

import type { MemoryResult, MemorySample } from './document.js';

const LOOK_EVERY_MS = 1000;
const SAMPLES_MAX = 240;
/** In the first minute a process still takes what it needs: code is compiled, heaps find their size, pages are touched for the first time. */
const FIRST_MINUTE_SECONDS = 60;

/** What is seen, sample by sample; no clock and no timer. */
export class MemorySeries {
  #samples: MemorySample[] = [];
  #stride = 1;
  #taken = 0;
  #last: MemorySample = { t: 0, rss: 0, heap: 0 };
  #rssMax = 0;
  #heapMax = 0;
  #afterFirstMinute: number | null = null;
  #maxAfterFirstMinute: number | null = null;

  /** @param sample - the next one; times never go back */
  add(sample: MemorySample): void {
    this.#last = sample;
    this.#rssMax = Math.max(this.#rssMax, sample.rss);
    this.#heapMax = Math.max(this.#heapMax, sample.heap);
    if (sample.t >= FIRST_MINUTE_SECONDS) {
      this.#afterFirstMinute ??= sample.rss;
      this.#maxAfterFirstMinute = Math.max(this.#maxAfterFirstMinute ?? 0, sample.rss);
    }
    if (this.#taken++ % this.#stride === 0) this.#samples.push(sample);
    if (this.#samples.length <= SAMPLES_MAX) return;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  /** What was seen so far. */
  result(): MemoryResult {
    return {
      rssAfterFirstMinute: this.#afterFirstMinute,
      rssMaxAfterFirstMinute: this.#maxAfterFirstMinute,
      rssMax: this.#rssMax,
      rssEnd: this.#last.rss,
      heapMax: this.#heapMax,
      samples: this.#samples,
    };
  }
}

/** Looks until it is stopped. */
export class MemoryWatch {
  readonly #series = new MemorySeries();
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  #stopped = false;

  constructor() {
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
    }, LOOK_EVERY_MS);
  }

  /** Looks for the last time, and tells what was seen. */
  stop(): MemoryResult {
    clearInterval(this.#timer);
    if (!this.#stopped) this.#look();
    this.#stopped = true;
    return this.#series.result();
  }

  #look(): void {
    const { rss, heapUsed } = memoryUsage();
    this.#series.add({ t: (performance.now() - this.#started) / 1000, rss, heap: heapUsed });
  }
}
