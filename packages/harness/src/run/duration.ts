/**
 * How long each policy of a run goes on: a time as a person types it, and what follows from it for the time limit.
 *
 * With a duration the steps of a run are one lap, which is done over and over with other random numbers until the time is over. Policies run one
 * after the other, so the time limit of the whole run must leave room for all of them.
 */
import { UsageError } from '../errors.js';

/** Shortest duration in seconds. */
const DURATION_MIN = 0.1;
/** What a run needs besides: pages are gathered, threads start, the last checkpoint is walked to, all is taken apart. In seconds. */
const TIME_BESIDES = 300;
/** Time limit of a run without a duration, in seconds. */
const TIME_LIMIT_DEFAULT = 300;
/** The longest time limit there is, in seconds. */
export const TIME_LIMIT_MAX = 86_400;

const UNIT_SECONDS = { s: 1, m: 60, h: 3600 } as const;

/**
 * Reads a duration as a person types it.
 *
 * @param text - a number of seconds, or a number with `s`, `m` or `h` behind it
 * @param name - the option it belongs to, for the message
 * @returns seconds
 * @throws UsageError when it is anything else
 */
export function parseDuration(text: string, name: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)([smh]?)$/.exec(text.trim());
  if (match === null) {
    throw new UsageError(
      `${name} "${text}" is not a time; allowed: seconds, or a number with s, m or h, such as 90s, 10m or 1h`,
    );
  }
  const unit = match[2] === 'm' || match[2] === 'h' ? match[2] : 's';
  return Number(match[1]) * UNIT_SECONDS[unit];
}

/**
 * Writes a duration as a person types it: the largest unit that leaves a whole number.
 *
 * @param seconds - not negative
 */
export function formatDuration(seconds: number): string {
  for (const unit of ['h', 'm'] as const) {
    const size = UNIT_SECONDS[unit];
    if (seconds > 0 && seconds % size === 0) return `${String(seconds / size)}${unit}`;
  }
  return `${String(seconds)}s`;
}

/**
 * The time limit of a run for which none is given.
 *
 * @param duration - seconds of each policy, or null for a run of a fixed number of steps
 * @param policies - how many there are
 * @returns seconds for the whole run
 */
export function assumedTimeLimit(duration: number | null, policies: number): number {
  return duration === null ? TIME_LIMIT_DEFAULT : Math.ceil(duration * policies) + TIME_BESIDES;
}

/**
 * Refuses a duration that is out of range, and a time limit that would end the run before its duration does.
 *
 * @param duration - seconds of each policy, or null
 * @param policies - how many there are
 * @param timeLimit - seconds for the whole run, as given; undefined when it is assumed
 * @throws UsageError with one sentence
 */
export function checkDuration(
  duration: number | null,
  policies: number,
  timeLimit: number | undefined,
): void {
  if (duration === null) return;
  const most = Math.floor((TIME_LIMIT_MAX - TIME_BESIDES) / policies);
  const each = policies === 1 ? '' : ` for each of ${String(policies)} policies`;
  if (!(Number.isFinite(duration) && duration >= DURATION_MIN && duration <= most)) {
    throw new UsageError(
      `duration ${String(duration)} is out of range; allowed: ${String(DURATION_MIN)} to ${String(most)} seconds${each}`,
    );
  }
  if (timeLimit !== undefined && timeLimit <= duration * policies) {
    throw new UsageError(
      `time limit ${String(timeLimit)} is too short; allowed: more than ${String(duration * policies)} seconds, ` +
        `for a duration of ${formatDuration(duration)}${each}`,
    );
  }
}
