/**
 * What a strategy is: three methods over the words of a schedule. And the numbers by which strategies are named in the words.
 *
 * A strategy keeps its state in the words (`core/words.ts`), never in its object, since each of several threads has an object of its own. It
 * allocates nothing. It reads `ENABLED` (never empty when it is asked) and the pending operations, and answers with a task of that set.
 */
import type { Reason } from '../core/state.js';

/** A way to choose schedules. */
export interface Strategy {
  /**
   * Sets up a new schedule, or the rest of one whose beginning was replayed. {@link choose} follows.
   * @param parameter - what it means is the strategy's own affair
   */
  begin(parameter: number): void;

  /**
   * Chooses, and says by `setCountdown` after how many points it wants to be asked again (for `REASON_FAULT` it need not).
   * @param reason - why
   * @param task - the running task, -1 for none
   * @returns the task that goes on; for `REASON_FAULT` 1 to let it happen, else 0
   */
  choose(reason: Reason, task: number): number;

  /**
   * The schedule has ended, well or not.
   * @returns false when there is no schedule left that this strategy has not had
   */
  end(): boolean;
}

/** Number of a strategy. */
export type StrategyId = number;
/** At each point any enabled task, each as likely as the others. */
export const RANDOM_WALK = 1;
/** Random priorities that change at few random points; the parameter is the depth d. */
export const PCT = 2;
/** Partial order sampling: random priorities of pending operations. */
export const POS = 3;
/** Selectively uniform random walk; parameter 0 chooses what is of interest by itself, 1 means every point. */
export const SURW = 4;
/** Depth-first search by rising preemption bound; the parameter is the highest bound. */
export const SEARCH = 5;
/** Plays a list of decisions. */
export const REPLAY = 6;
/** A mix of the random strategies, chosen anew for each schedule. */
export const PORTFOLIO = 7;

/** Bound of a search that ends only when there is nothing left. */
export const NO_BOUND = 1 << 28;

/**
 * The name of a strategy, for people.
 * @param strategy - its number
 * @param parameter - its parameter
 */
export function strategyName(strategy: StrategyId, parameter: number): string {
  switch (strategy) {
    case RANDOM_WALK:
      return 'random walk';
    case PCT:
      return `PCT d=${parameter}`;
    case POS:
      return 'POS';
    case SURW:
      return parameter === 1 ? 'URW' : 'SURW';
    case SEARCH:
      return parameter >= NO_BOUND ? 'search' : `search <= ${parameter} preemptions`;
    case REPLAY:
      return 'replay';
    case PORTFOLIO:
      return 'portfolio';
    default:
      return `strategy ${strategy}`;
  }
}
