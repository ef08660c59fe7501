/**
 * Progress on the error stream: one line that is drawn over and over on a terminal, one plain line a
 * policy elsewhere.
 */
import type { RunProgress } from '../run/document.js';
import type { Terminal } from './terminal.js';

/** So few that the longest line fits a terminal of 80 columns. */
const BAR_COLUMNS = 12;
const ERASE_LINE = '\r\u001b[2K';

/** A line of progress. */
export interface ProgressLine {
  /** Draws the line anew, where lines can be redrawn. */
  readonly draw: (text: string) => void;
  /** Takes the line away, so that other text can be written. */
  readonly clear: () => void;
}

/**
 * Makes a line of progress.
 *
 * @param terminal - where it is drawn
 */
export function createProgressLine(terminal: Terminal): ProgressLine {
  let drawn = false;
  return {
    draw: (text) => {
      if (!terminal.liveErr) return;
      terminal.err(ERASE_LINE + text.slice(0, Math.max(1, terminal.columns - 1)));
      drawn = true;
    },
    clear: () => {
      if (drawn) terminal.err(ERASE_LINE);
      drawn = false;
    },
  };
}

/**
 * The text of a line of progress of a run.
 *
 * @param progress - what the run told last
 * @param unicode - whether block characters are shown
 */
export function progressText(progress: RunProgress, unicode: boolean): string {
  const share = shareDone(progress);
  const full = Math.round(share * BAR_COLUMNS);
  const bar = (unicode ? '█' : '#').repeat(full) + (unicode ? '░' : '.').repeat(BAR_COLUMNS - full);
  const { live, stored, stale } = progress.sample;
  const lap = progress.duration === null ? '' : `lap ${String(progress.lap + 1)}, `;
  return (
    `${progress.policy} ${String(progress.policyIndex + 1)}/${String(progress.policyCount)} ${bar} ${lap}${progress.phase}: ` +
    `${count(live)} live, ${count(stored)} stored, ${count(stale)} stale`
  );
}

/** What part of a policy is done, 0 to 1: of its checkpoints, or of its time. */
function shareDone({ checkpoint, checkpoints, duration, sample }: RunProgress): number {
  if (duration !== null) return Math.min(1, sample.t / duration);
  return checkpoints === 0 ? 0 : checkpoint / checkpoints;
}

/**
 * The line for a policy whose last step is done, for logs where no line can be drawn over and over.
 *
 * @param progress - what the run told at the last checkpoint
 * @returns text with a line feed at its end
 */
export function policyEndText(progress: RunProgress): string {
  const { opsDone, sample } = progress;
  return (
    `${progress.policy}: ${count(opsDone)} steps done in ${sample.t.toFixed(1)} s; ` +
    `${count(sample.live)} slots live, ${count(sample.stored)} stored, ${count(sample.stale)} stale\n`
  );
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
