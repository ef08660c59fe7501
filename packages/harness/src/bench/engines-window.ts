/**
 * Playing schedules for a while, and what that took: the same for both engines.
 */
import { cpuUsage } from 'node:process';
import type { Engine, StrategyId } from '@swaplab/explore';

/** Which schedules are played. */
export interface EnginesRun {
  readonly strategy: StrategyId;
  readonly parameter: number;
  /** `WATCH_` bits. */
  readonly flags: number;
}

/** What was played in a window. */
export interface EnginesWindow {
  readonly schedules: number;
  readonly steps: number;
  /** Time of the whole process on its processors, in us. */
  readonly cpuUs: number;
  /** Time that passed, in us. */
  readonly wallUs: number;
}

/** How long is measured, in ms on processors. */
export interface EnginesSpan {
  /** Until then the compiler is at work; not counted. */
  readonly warmUpMs: number;
  readonly windows: number;
  readonly windowMs: number;
}

const SEED = 11;
/** By the clock, so that a machine that is busy elsewhere is waited for. */
const SLICE_MS = 50;
/** By the clock as well: what is done until then counts, however little it is. */
const LIMIT_MS = 40_000;

/**
 * Plays schedules in windows, one after the other.
 * @param engine - that has nothing to do; nothing else may run in this process
 * @param run - which schedules
 * @param span - how long
 * @returns at least one window
 * @throws an error when a schedule fails: then there is nothing to be measured
 */
export async function measureWindows(
  engine: Engine,
  run: EnginesRun,
  span: EnginesSpan,
): Promise<EnginesWindow[]> {
  const began = performance.now();
  const player = new Player(engine, run);
  const rate = await player.warmUp(span.warmUpMs);
  const schedules = Math.max(1, Math.round(rate * span.windowMs));
  const windows: EnginesWindow[] = [];
  do windows.push(await player.play(schedules, 0));
  while (windows.length < span.windows && performance.now() - began < LIMIT_MS);
  return windows;
}

/** Plays one schedule after the other, each once. */
class Player {
  private readonly engine: Engine;
  private readonly run: EnginesRun;
  private first = 0;

  constructor(engine: Engine, run: EnginesRun) {
    this.engine = engine;
    this.run = run;
  }

  /** Plays until so many ms on processors are over. Returns schedules per ms, at the end. */
  async warmUp(milliseconds: number): Promise<number> {
    let last: EnginesWindow;
    let cpuUs = 0;
    do {
      last = await this.play(0x3fff_ffff, SLICE_MS);
      cpuUs += last.cpuUs;
    } while (cpuUs < milliseconds * 1000);
    return (last.schedules * 1000) / Math.max(1, last.cpuUs);
  }

  async play(schedules: number, milliseconds: number): Promise<EnginesWindow> {
    const before = cpuUsage();
    const began = performance.now();
    const result = await this.engine.run({
      ...this.run,
      seed: SEED,
      first: this.first,
      schedules,
      milliseconds,
    });
    const wallUs = (performance.now() - began) * 1000;
    const { user, system } = cpuUsage(before);
    const { failure } = result;
    if (failure !== null) throw new Error(`A schedule of a benchmark failed: ${failure.sentence}`);
    this.first += result.schedules;
    return { schedules: result.schedules, steps: result.steps, cpuUs: user + system, wallUs };
  }
}

/** The window in which a schedule took least: every disturbance makes one longer. */
export function bestWindow(windows: readonly EnginesWindow[]): EnginesWindow {
  return windows.reduce((best, window) =>
    window.cpuUs / window.schedules < best.cpuUs / best.schedules ? window : best,
  );
}

/** Schedules per second on one processor. */
export function schedulesPerSecond({ schedules, cpuUs }: EnginesWindow): number {
  return (schedules * 1e6) / cpuUs;
}

/** Steps per second on one processor, in millions. */
export function millionStepsPerSecond({ steps, cpuUs }: EnginesWindow): number {
  return steps / cpuUs;
}
