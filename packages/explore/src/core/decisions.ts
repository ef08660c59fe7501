/**
 * Decisions: what a schedule is made of, when it is written down.
 *
 * A schedule is fixed by those of its decisions that differ from the default. The default is: the running task goes on; when it cannot, has
 * ended or gives way, the next enabled task by number, from the beginning again after the last; nothing goes wrong. Each decision names its step,
 * and no two have the same.
 */

/** First choice that is a fault: `CHOICE_FAULT + kind` lets a fault of that kind happen, a smaller choice is a task. */
export const CHOICE_FAULT = 32;
/** One more than the largest choice. */
export const CHOICE_END = CHOICE_FAULT + 32;

/** A decision that differs from the default. */
export interface Decision {
  /** Number of the step, counted from 0 for the choice of the first task. */
  readonly step: number;
  /** The task that goes on, or `CHOICE_FAULT` plus the kind of a fault. */
  readonly choice: number;
  /** The low 16 bits of the site where the running task stood; 0 when it is not known. */
  readonly site: number;
}

const CHOICE_SHIFT = 16;
const SITE_MASK = 0xffff;

/** The second word of a decision. */
export function packChoice(choice: number, site: number): number {
  return (choice << CHOICE_SHIFT) | (site & SITE_MASK);
}

/** The choice in the second word of a decision. */
export function choiceOf(packed: number): number {
  return packed >>> CHOICE_SHIFT;
}

/** The 16 bits of the site in the second word of a decision. */
export function siteOf(packed: number): number {
  return packed & SITE_MASK;
}

/**
 * Reads decisions from words.
 * @param words - of a schedule
 * @param at - the first word of the first decision
 * @param count - how many
 */
export function readDecisions(words: Int32Array, at: number, count: number): Decision[] {
  const decisions: Decision[] = [];
  for (let index = 0; index < count; index++) {
    const packed = words[at + 2 * index + 1]!;
    decisions.push({ step: words[at + 2 * index]!, choice: choiceOf(packed), site: siteOf(packed) });
  }
  return decisions;
}

/**
 * Writes decisions into words.
 * @param words - of a schedule
 * @param at - the first word of the first decision
 * @param capacity - how many decisions fit
 * @param decisions - by rising steps
 * @throws RangeError when they do not fit, or are none that a schedule could have
 */
export function writeDecisions(
  words: Int32Array,
  at: number,
  capacity: number,
  decisions: readonly Decision[],
): void {
  if (decisions.length > capacity) {
    throw new RangeError(
      `${decisions.length} decisions do not fit into the ${capacity} places of this schedule.`,
    );
  }
  let before = -1;
  for (const [index, { step, choice, site }] of decisions.entries()) {
    if (!Number.isInteger(step) || step <= before || step > 0x7fff_ffff) {
      throw new RangeError(`Decision ${index}: steps must rise, but ${step} comes after ${before}.`);
    }
    if (!Number.isInteger(choice) || choice < 0 || choice >= CHOICE_END) {
      throw new RangeError(`Decision ${index}: ${choice} is neither a task nor a fault.`);
    }
    before = step;
    words[at + 2 * index] = step;
    words[at + 2 * index + 1] = packChoice(choice, site);
  }
}
