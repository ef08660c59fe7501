/**
 * The watchdog of a run: it looks at progress from outside, and ends a run that makes none or takes too long.
 *
 * It lives in the main thread, which waits for nothing but promises while swappers run, so it always gets its turn.
 */

/** What the watchdog looks at. */
export interface Watched {
  /** A number that changes as long as anything goes on. */
  progress(): number;
  /** Called once, with the reason, when the run must end. */
  expire(reason: string): void;
}

/** How patient the watchdog is, in seconds. */
export interface WatchdogLimits {
  /** From now to the end of the run. */
  readonly timeLimit: number;
  /** What was asked for, for the report: earlier policies may have used up a part of it. */
  readonly statedTimeLimit: number;
  /** Without any progress at all. */
  readonly stallLimit: number;
}

/** How the reason begins when a run stands still. */
export const NO_PROGRESS = 'no swapper made any progress';

const LOOK_EVERY_MS = 100;

/** Watches until it is stopped. */
export class Watchdog {
  readonly #watched: Watched;
  readonly #limits: WatchdogLimits;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  #lastProgress = -1;
  #lastChange = performance.now();

  /**
   * @param watched - the run
   * @param limits - in seconds
   */
  constructor(watched: Watched, limits: WatchdogLimits) {
    this.#watched = watched;
    this.#limits = limits;
    this.#timer = setInterval(() => {
      this.#look();
    }, LOOK_EVERY_MS);
  }

  /** Ends the watch. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    const progress = this.#watched.progress();
    if (progress !== this.#lastProgress) {
      this.#lastProgress = progress;
      this.#lastChange = now;
    }
    const { timeLimit, statedTimeLimit, stallLimit } = this.#limits;
    if (now - this.#started >= timeLimit * 1000)
      this.#expire(`the time limit of ${seconds(statedTimeLimit)} was reached`);
    else if (now - this.#lastChange >= stallLimit * 1000)
      this.#expire(`${NO_PROGRESS} for ${seconds(stallLimit)}`);
  }

  #expire(reason: string): void {
    this.stop();
    this.#watched.expire(reason);
  }
}

function seconds(value: number): string {
  return `${String(Math.round(value * 10) / 10)} s`;
}
