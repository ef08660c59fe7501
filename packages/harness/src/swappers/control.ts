/**
 * What the swappers of a run and the main thread share besides the machine: a barrier, a stop flag, progress and samples.
 *
 * Promise: nobody waits here without end. A barrier is left when all have arrived or when the run is stopped, and whoever waits looks at the
 * stop flag every {@link SLICE_MS}. Progress cells have one writer each, the swapper they belong to; samples are written by the leader while
 * all others stand at a barrier. Which swap areas there are is changed only by whoever has locked them: so it does not change while the
 * leader looks.
 */
import type { FrameCounts, SlotCounts } from '../run/document.js';

const SLICE_MS = 50;

const ARRIVED = 0;
const GENERATION = 1;
const STOP = 2;
const SAMPLES = 3;
const AREAS_LOCKED = 4;
const SCENARIO = 5;
const MISSED = 6;
const LAP = 7;
const PASSED_OF_LAP = 8;
const LAST_CHECKPOINT = 9;
const KILLED = 10;
const SCENARIO_READY = 11;
const HEADER_WORDS = 16;

/** States of the thread that runs a scenario. */
const SCENARIO_RUNS = 0;
const SCENARIO_SHALL_END = 1;
const SCENARIO_ENDED = 2;

const TASK = 0;
const CHECKPOINTS_DONE = 2;
const AT_BARRIER = 3;
/** Eight bytes: in a day there are more steps than a word can count. */
const OPS_DONE = 4;
const SWAPPER_WORDS = 16;

const SAMPLE_VALUES = 10;
const START_NS = 0;
const FIRST_SAMPLE = 1;

/** The run was stopped while a swapper still had work: another one failed, or the main thread said so. */
export class RunStopped extends Error {
  override readonly name = 'RunStopped';

  constructor() {
    super('the run was stopped');
  }
}

/** A sample as the leader publishes it. */
export interface PublishedSample extends SlotCounts, FrameCounts {
  /** Seconds since the start barrier. */
  readonly t: number;
  /** The lap it belongs to, from 0 on. */
  readonly lap: number;
}

/** The shared block, as one thread sees it. */
export class RunControl {
  /** To be handed to the swappers. */
  readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array<SharedArrayBuffer>;
  /** The same bytes as {@link words}. */
  private readonly doubles: Float64Array<SharedArrayBuffer>;
  private readonly values: Float64Array<SharedArrayBuffer>;
  private readonly swappers: number;

  /**
   * @param swappers - how many there are
   * @param samplesMax - how many samples the leader will publish at most, or keep of those it has published
   * @param buffer - from another thread's control, or nothing to make one
   */
  constructor(swappers: number, samplesMax: number, buffer?: SharedArrayBuffer) {
    const wordBytes = (HEADER_WORDS + swappers * SWAPPER_WORDS) * 4;
    const valueBytes = (FIRST_SAMPLE + samplesMax * SAMPLE_VALUES) * 8;
    this.buffer = buffer ?? new SharedArrayBuffer(wordBytes + valueBytes);
    this.words = new Int32Array(this.buffer, 0, wordBytes / 4);
    this.doubles = new Float64Array(this.buffer, 0, wordBytes / 8);
    this.values = new Float64Array(this.buffer, wordBytes);
    this.swappers = swappers;
  }

  /**
   * Waits until all swappers are here.
   *
   * @param swapper - who comes
   * @throws RunStopped when the run is stopped first
   */
  barrier(swapper: number): void {
    const generation = Atomics.load(this.words, GENERATION);
    if (Atomics.add(this.words, ARRIVED, 1) + 1 === this.swappers) {
      Atomics.store(this.words, ARRIVED, 0);
      Atomics.add(this.words, GENERATION, 1);
      Atomics.notify(this.words, GENERATION);
      return;
    }
    Atomics.store(this.words, this.cell(swapper, AT_BARRIER), 1);
    while (Atomics.load(this.words, GENERATION) === generation) {
      this.check();
      Atomics.wait(this.words, GENERATION, generation, SLICE_MS);
    }
    Atomics.store(this.words, this.cell(swapper, AT_BARRIER), 0);
  }

  /**
   * Waits until all others stand at the barrier, and stays away from it.
   *
   * @throws RunStopped when the run is stopped first
   */
  waitForAllOthers(): void {
    while (Atomics.load(this.words, ARRIVED) !== this.swappers - 1) {
      this.check();
      Atomics.wait(this.words, STOP, 0, 1);
    }
  }

  /**
   * Waits until nobody else changes which areas there are, and keeps it so.
   *
   * @throws RunStopped when the run is stopped first
   */
  lockAreas(): void {
    while (Atomics.compareExchange(this.words, AREAS_LOCKED, 0, 1) !== 0) {
      this.check();
      Atomics.wait(this.words, AREAS_LOCKED, 1, SLICE_MS);
    }
  }

  /** Lets others change which areas there are. */
  unlockAreas(): void {
    Atomics.store(this.words, AREAS_LOCKED, 0);
    Atomics.notify(this.words, AREAS_LOCKED);
  }

  /**
   * Tells the thread that runs a scenario to end, and waits until it has left the machine as it found it.
   *
   * @throws RunStopped when the run is stopped first
   */
  endScenario(): void {
    Atomics.compareExchange(this.words, SCENARIO, SCENARIO_RUNS, SCENARIO_SHALL_END);
    while (Atomics.load(this.words, SCENARIO) !== SCENARIO_ENDED) {
      this.check();
      Atomics.wait(this.words, SCENARIO, SCENARIO_SHALL_END, SLICE_MS);
    }
  }

  /** Says that the thread that runs a scenario has attached, and has done what it does before the first step. */
  noteScenarioReady(): void {
    Atomics.store(this.words, SCENARIO_READY, 1);
    Atomics.notify(this.words, SCENARIO_READY);
  }

  /**
   * Waits for {@link noteScenarioReady}.
   *
   * @throws RunStopped when the run is stopped first
   */
  waitForScenario(): void {
    while (Atomics.load(this.words, SCENARIO_READY) === 0) {
      this.check();
      Atomics.wait(this.words, SCENARIO_READY, 0, SLICE_MS);
    }
  }

  /** Whether the thread that runs a scenario was told to end. */
  scenarioShallEnd(): boolean {
    return Atomics.load(this.words, SCENARIO) !== SCENARIO_RUNS;
  }

  /** Says that the thread that runs a scenario has ended. */
  noteScenarioEnded(): void {
    Atomics.store(this.words, SCENARIO, SCENARIO_ENDED);
    Atomics.notify(this.words, SCENARIO);
  }

  /**
   * Waits until all swappers together have done so many steps, or the thread that runs a scenario shall end.
   *
   * @throws RunStopped when the run is stopped first
   */
  waitForOps(ops: number): void {
    while (!this.scenarioShallEnd() && this.opsDone() < ops) {
      this.check();
      Atomics.wait(this.words, SCENARIO, SCENARIO_RUNS, 1);
    }
  }

  /** Whether the caller is the first of the run to ask: whoever sees the first kill describes it. */
  claimFirstKill(): boolean {
    return Atomics.exchange(this.words, KILLED, 1) === 0;
  }

  /** Adds frees of areas that have gone since, of which the device should have been told and was not. */
  addMissed(frees: number): void {
    Atomics.add(this.words, MISSED, frees);
  }

  /** The sum of {@link addMissed}. */
  missed(): number {
    return Atomics.load(this.words, MISSED);
  }

  /** How far each swapper is and who waits for the others, one line each; for reports. */
  describe(): string {
    const lines: string[] = [];
    for (let swapper = 0; swapper < this.swappers; swapper++) {
      const steps = this.doubles[this.cell(swapper, OPS_DONE) / 2] ?? 0;
      const checkpoints = this.words[this.cell(swapper, CHECKPOINTS_DONE)] ?? 0;
      const waits = Atomics.load(this.words, this.cell(swapper, AT_BARRIER)) !== 0;
      lines.push(
        `  swapper ${String(swapper)}: workload steps done: ${String(steps)}, checkpoints passed: ${String(checkpoints)}` +
          (waits ? '; waits for the others to come to the next' : ''),
      );
    }
    return lines.join('\n');
  }

  /** Says that everybody shall leave. */
  stop(): void {
    Atomics.store(this.words, STOP, 1);
    Atomics.notify(this.words, GENERATION);
  }

  /** Whether everybody shall leave. */
  isStopped(): boolean {
    return Atomics.load(this.words, STOP) !== 0;
  }

  /** @throws RunStopped when everybody shall leave */
  check(): void {
    if (this.isStopped()) throw new RunStopped();
  }

  /** Waits until the run is stopped, at most so long, then throws. */
  waitForStop(limitMs: number): never {
    for (let waited = 0; waited < limitMs && !this.isStopped(); waited += SLICE_MS) {
      Atomics.wait(this.words, STOP, 0, SLICE_MS);
    }
    throw new RunStopped();
  }

  /** Publishes which task of the machine a swapper is. */
  setTask(swapper: number, task: number): void {
    Atomics.store(this.words, this.cell(swapper, TASK), task + 1);
  }

  /** The task of a swapper, -1 until it has attached. */
  taskOf(swapper: number): number {
    return Atomics.load(this.words, this.cell(swapper, TASK)) - 1;
  }

  /** Publishes how many steps a swapper has done. */
  setOpsDone(swapper: number, ops: number): void {
    this.doubles[this.cell(swapper, OPS_DONE) / 2] = ops;
  }

  /** Steps of all swappers together. */
  opsDone(): number {
    let sum = 0;
    for (let swapper = 0; swapper < this.swappers; swapper++)
      sum += this.doubles[this.cell(swapper, OPS_DONE) / 2] ?? 0;
    return sum;
  }

  /** A number that changes as long as anything goes on, for the watchdog. */
  progress(): number {
    let sum = this.opsDone() + Atomics.load(this.words, GENERATION);
    for (let swapper = 0; swapper < this.swappers; swapper++) {
      sum += this.words[this.cell(swapper, CHECKPOINTS_DONE)] ?? 0;
    }
    return sum;
  }

  /** Publishes the time of the start barrier, ns of the common clock. */
  setStart(ns: number): void {
    this.values[START_NS] = ns;
  }

  /** Time of the start barrier, ns of the common clock; 0 before it. */
  startNs(): number {
    return this.values[START_NS] ?? 0;
  }

  /** Publishes the sample of the next checkpoint. Leader only. */
  publishSample(sample: PublishedSample): void {
    const count = Atomics.load(this.words, SAMPLES);
    this.storeSample(count, sample);
    Atomics.store(this.words, SAMPLES, count + 1);
    Atomics.add(this.words, PASSED_OF_LAP, 1);
  }

  /**
   * Says that the checkpoint at which all stand ends a lap, and that another one begins behind it. Leader only.
   *
   * @param kept - the samples of the laps that are to be kept, in place of all that were published
   */
  beginLap(kept: readonly PublishedSample[]): void {
    for (const [index, sample] of kept.entries()) this.storeSample(index, sample);
    Atomics.store(this.words, SAMPLES, kept.length);
    Atomics.store(this.words, PASSED_OF_LAP, 0);
    Atomics.add(this.words, LAP, 1);
  }

  /** The lap under way, from 0 on. */
  lap(): number {
    return Atomics.load(this.words, LAP);
  }

  /** How many checkpoints of the lap under way were passed. */
  passedOfLap(): number {
    return Atomics.load(this.words, PASSED_OF_LAP);
  }

  /** Says that the checkpoint at which all stand is the last one of the run. Leader only. */
  endAtThisCheckpoint(): void {
    Atomics.store(this.words, LAST_CHECKPOINT, 1);
  }

  /** Whether the checkpoint that was passed last is the last one of the run. */
  wasLastCheckpoint(): boolean {
    return Atomics.load(this.words, LAST_CHECKPOINT) !== 0;
  }

  /** How many samples there are: of the laps that are kept, in order. */
  sampleCount(): number {
    return Atomics.load(this.words, SAMPLES);
  }

  /** A published sample. */
  sample(index: number): PublishedSample {
    const at = FIRST_SAMPLE + index * SAMPLE_VALUES;
    const [t = 0, live = 0, stored = 0, stale = 0, comprBytes = 0, poolPages = 0, lap = 0, ...frames] =
      this.values.subarray(at, at + SAMPLE_VALUES);
    const [freeFrames = 0, residentPages = 0, kills = 0] = frames;
    return { t, live, stored, stale, comprBytes, poolPages, lap, freeFrames, residentPages, kills };
  }

  /** Counts a checkpoint a swapper has passed. */
  passCheckpoint(swapper: number): void {
    const cell = this.cell(swapper, CHECKPOINTS_DONE);
    this.words[cell] = (this.words[cell] ?? 0) + 1;
  }

  private storeSample(
    index: number,
    { t, live, stored, stale, comprBytes, poolPages, lap, freeFrames, residentPages, kills }: PublishedSample,
  ): void {
    const at = FIRST_SAMPLE + index * SAMPLE_VALUES;
    this.values.set(
      [t, live, stored, stale, comprBytes, poolPages, lap, freeFrames, residentPages, kills],
      at,
    );
  }

  private cell(swapper: number, field: number): number {
    return HEADER_WORDS + swapper * SWAPPER_WORDS + field;
  }
}

/** Held once: looking it up costs a quarter of a reading. */
// eslint-disable-next-line @typescript-eslint/unbound-method -- it does not use `this`
const readClock = process.hrtime.bigint;

/** Nanoseconds of the clock all threads share. */
export function clockNs(): number {
  return Number(readClock());
}
