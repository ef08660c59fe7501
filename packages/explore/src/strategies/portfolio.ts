/**
 * The portfolio: which random strategy runs the next schedule. No single one is best everywhere, and bugs that any schedule finds should not wait:
 * the first schedules are random walks, then each strategy has its share.
 */
import type { ScheduleState } from '../core/state.js';
import { WORD } from '../core/words.js';
import { PCT, POS, RANDOM_WALK, SURW, type StrategyId } from './strategy.js';

const { PARAMETER, SCHEDULES } = WORD;

/** How many random walks come first. */
export const PORTFOLIO_WALKS = 20;
/** Shares in percent; the rest are random walks. */
export const PORTFOLIO_SHARES = { surw: 40, pct: 30, pos: 20 } as const;
/** The depths of PCT in a portfolio. */
export const PORTFOLIO_DEPTHS = { least: 2, most: 4 } as const;

/**
 * Draws a strategy, and puts its parameter into the words.
 * @param state - of a schedule that begins; its random numbers are seeded
 */
export function drawStrategy(state: ScheduleState): StrategyId {
  const { words, random } = state;
  words[PARAMETER] = 0;
  if (words[SCHEDULES]! < PORTFOLIO_WALKS) return RANDOM_WALK;
  let place = random.below(100) - PORTFOLIO_SHARES.surw;
  if (place < 0) return SURW;
  place -= PORTFOLIO_SHARES.pct;
  if (place < 0) {
    words[PARAMETER] =
      PORTFOLIO_DEPTHS.least + random.below(PORTFOLIO_DEPTHS.most - PORTFOLIO_DEPTHS.least + 1);
    return PCT;
  }
  place -= PORTFOLIO_SHARES.pos;
  return place < 0 ? POS : RANDOM_WALK;
}
