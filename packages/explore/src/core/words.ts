/**
 * Where everything of a schedule lies in one `Int32Array`.
 *
 * Promise: all state of the schedule core and of all strategies lies in these words and nowhere else. So they may lie in shared memory, and
 * whichever thread runs can decide; or they may be private, when all tasks run in one thread. Three parts: what a configuration fixes; what is
 * learned and searched and outlives a schedule; and the schedule itself, which {@link WORD.RUN} begins and which `begin` clears.
 *
 * Callers: only one thread at a time reads or writes the words, and handing them over orders memory (as `Atomics` on the baton does).
 */

/** What kind of schedules is to be run. */
export interface ScheduleConfig {
  /** Number of tasks, 1 to {@link TASKS_MAX}. */
  readonly tasks: number;
  /** Steps after which a schedule is stopped. Each point, block, exit, giving way and possible fault is one step. Default 20,000. */
  readonly stepLimit?: number;
  /** Steps after which a strategy that may starve a task becomes a random walk. Default: half of the step limit. */
  readonly fairAfter?: number;
  /** How many decisions that differ from the default fit into the record. Default: one for each step, so that they always fit. */
  readonly decisions?: number;
  /** How many places with a choice the search by preemption bound can keep. Default 8,192. */
  readonly searchDepth?: number;
  /** How many objects SURW can learn about. Default 128. */
  readonly objects?: number;
  /** The kinds of faults that may be injected, as bits `1 << kind`; kinds are 1 to 31. Default 0, none. */
  readonly faults?: number;
  /**
   * Whether every point of kind `POINT_LOCK` takes an exclusive lock, blocks while somebody holds it, looks again when woken, and leaves nothing
   * that another task could see while it waits; and `POINT_UNLOCK` is its holder dropping it, which wakes all who wait. The search then leaves out
   * attempts that are sure to wait. Default false, which is always right.
   */
  readonly exclusiveLocks?: boolean;
}

/** The most tasks a schedule can have: one bit each. */
export const TASKS_MAX = 32;
/** The most change points PCT can have. */
export const CHANGES_MAX = 15;
/** Words of one decision, in the record and in the list to be replayed: step; choice and site. */
export const DECISION_WORDS = 2;
/** Words of one place of the search: step, alternatives left, choice, preemptions spent before it. */
export const SEARCH_WORDS = 4;
/** Words of a row about an object before the counts of each task: object, flags. */
export const OBJECT_WORDS = 2;

/** Places of single words. */
export const WORD = {
  // What the configuration fixes.
  MAGIC: 0,
  TASKS: 1,
  STEP_LIMIT: 2,
  FAIR_AFTER: 3,
  DECISION_CAPACITY: 4,
  SEARCH_CAPACITY: 5,
  OBJECT_CAPACITY: 6,
  FAULT_KINDS: 7,
  EXCLUSIVE_LOCKS: 8,

  // What is learned; `forget` clears it.
  LEARNED: 10,
  /** Schedules ended since then. */
  SCHEDULES: 10,
  /** The most points with more than one enabled task that a schedule had: the k of PCT. */
  LEARNED_CONTENDED: 11,
  /** The most possible faults that a schedule had. */
  LEARNED_FAULTS: 12,
  /** SURW: schedules begun; some of them probe. */
  SURW_SCHEDULES: 13,
  /** SURW: rows of objects in use. */
  OBJECTS: 14,
  /** Schedules ended of each strategy, by its number. */
  BY_STRATEGY: 16,
  /** End of what is learned; behind it is what the search knows, which `resetSearch` clears. */
  LEARNED_END: 24,

  SEARCH_BOUND: 24,
  SEARCH_DEPTH: 25,
  /** Whether some choice was left out at this bound because it would have cost more. */
  SEARCH_CUT: 26,
  /** The highest bound that was searched to its end, plus 1. */
  SEARCH_COMPLETED: 27,
  /** Whether a search came to its end without leaving anything out. */
  SEARCH_WHOLE: 28,
  /** Schedules at this bound, at the bound before it, and at all bounds before this one. */
  SEARCH_SCHEDULES: 29,
  SEARCH_SCHEDULES_LAST: 34,
  SEARCH_SCHEDULES_BEFORE: 30,
  /** Whether places of choice did not fit. */
  SEARCH_OVERFLOW: 31,
  /** Schedules that were stopped by the step limit. */
  SEARCH_LIMITED: 32,
  /** Schedules that did not repeat what they should have repeated. */
  SEARCH_DIVERGED: 33,
  SEARCH_END: 35,

  REPLAY_COUNT: 35,
  /** Strategy that goes on after the list, 0 for none. */
  REPLAY_THEN: 36,
  REPLAY_THEN_PARAMETER: 37,

  // One schedule; `begin` clears it.
  RUN: 40,
  RANDOM: 40,
  STRATEGY: 42,
  PARAMETER: 43,
  /** Steps done. */
  STEP: 44,
  /** Points from STEP to the next decision. */
  COUNTDOWN: 45,
  RUNNING: 46,
  /** Sets of tasks, a bit each. */
  ENABLED: 47,
  BLOCKED: 48,
  TIMED: 49,
  TIMED_OUT: 50,
  EXITED: 51,
  STARTED: 52,
  ENABLED_COUNT: 53,
  /** Points done while more than one task was enabled. */
  CONTENDED: 54,
  /** Why the schedule was stopped, a `STOP_` constant. */
  STOP: 55,
  /** Tasks woken since the last decision, when the strategy wants to know: the next decision at a point is then taken afresh. */
  RECONSIDER: 56,
  /** Whether the strategy wants a decision at the next point after a wake-up. */
  WAKE_DECIDES: 57,
  DECISIONS: 58,
  DECISION_HASH: 59,
  FAULTS_SEEN: 61,
  /** Which possible fault is to happen next, counted from 0; -1 for none. */
  FAULT_TARGET: 62,
  FAULT_KIND: 63,

  // Of the strategies.
  FAIR: 64,
  LOWEST_PRIORITY: 65,
  CHANGES: 66,
  CHANGE_NEXT: 67,
  INTENDED: 68,
  INTEREST: 69,
  /** SURW: what this schedule is for. */
  SURW_MODE: 70,
  EXECUTED_KIND: 71,
  EXECUTED_OBJECT: 72,
  SEARCH_CURSOR: 73,
  SEARCH_SPENT: 74,
  REPLAY_CURSOR: 75,
  DIVERGED: 76,
  DIVERGED_STEP: 77,
  DIVERGED_TASK: 78,
  DIVERGED_REASON: 79,
  DIVERGED_SITE: 80,
  DIVERGED_ENTRY: 81,
  /** Switches away from a task that stood at a point and could have gone on, and faults that happened. */
  PREEMPTIONS: 82,
  /** Points of change of PCT, in contended points, then the priorities they give. */
  CHANGE_AT: 84,
  CHANGE_PRIORITY: 84 + CHANGES_MAX,
  /** Behind it lie the arrays with a word for each task. */
  ARRAYS: 84 + 2 * CHANGES_MAX,
} as const;

const MAGIC = 0x73_6c_31_01;

/** Places of the arrays. All are first words. */
export class WordsLayout {
  /** What each blocked task waits for. */
  readonly blockedOn: number;
  /** The pending operation of each task that stands at a point; kind 0 for one that has not started. */
  readonly pendingKind: number;
  readonly pendingObject: number;
  readonly pendingSite: number;
  /** Points each task came to. */
  readonly points: number;
  /** PCT and POS: priority of each task. */
  readonly priority: number;
  /** SURW: events of interest each task still has, as far as is known. */
  readonly remaining: number;
  /** End of what `begin` clears. */
  readonly runEnd: number;
  /** Learned: points each task had in the last schedule that ended well. */
  readonly learnedPoints: number;
  /** Learned: rows about objects. */
  readonly objects: number;
  /** Words of one such row. */
  readonly objectWords: number;
  /** The record of this schedule's decisions. */
  readonly decisions: number;
  /** The list to be replayed. */
  readonly replay: number;
  /** Search: the first operation of each task, kind 0 while it is not known. */
  readonly firstKind: number;
  readonly firstObject: number;
  /** The places of choice of the search. */
  readonly search: number;
  /** Number of words in all. */
  readonly length: number;

  /**
   * @param tasks - number of tasks
   * @param objectCapacity - rows about objects
   * @param decisionCapacity - decisions in the record, and in the list
   * @param searchCapacity - places of choice
   */
  constructor(tasks: number, objectCapacity: number, decisionCapacity: number, searchCapacity: number) {
    this.blockedOn = WORD.ARRAYS;
    this.pendingKind = this.blockedOn + tasks;
    this.pendingObject = this.pendingKind + tasks;
    this.pendingSite = this.pendingObject + tasks;
    this.points = this.pendingSite + tasks;
    this.priority = this.points + tasks;
    this.remaining = this.priority + tasks;
    this.runEnd = this.remaining + tasks;
    this.learnedPoints = this.runEnd;
    this.objectWords = OBJECT_WORDS + tasks;
    this.objects = this.learnedPoints + tasks;
    this.decisions = this.objects + objectCapacity * this.objectWords;
    this.replay = this.decisions + decisionCapacity * DECISION_WORDS;
    this.firstKind = this.replay + decisionCapacity * DECISION_WORDS;
    this.firstObject = this.firstKind + tasks;
    this.search = this.firstObject + tasks;
    this.length = this.search + searchCapacity * SEARCH_WORDS;
  }
}

interface CheckedConfig {
  readonly tasks: number;
  readonly stepLimit: number;
  readonly fairAfter: number;
  readonly decisions: number;
  readonly searchDepth: number;
  readonly objects: number;
  readonly faults: number;
  readonly exclusiveLocks: boolean;
}

function inRange(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${value}.`);
  }
  return value;
}

function checkConfig(config: ScheduleConfig): CheckedConfig {
  const stepLimit = inRange('stepLimit', config.stepLimit ?? 20_000, 1, 1 << 24);
  return {
    tasks: inRange('tasks', config.tasks, 1, TASKS_MAX),
    stepLimit,
    fairAfter: inRange('fairAfter', config.fairAfter ?? (stepLimit + 1) >> 1, 1, 1 << 24),
    decisions: inRange('decisions', config.decisions ?? stepLimit + 1, 1, 1 << 24),
    searchDepth: inRange('searchDepth', config.searchDepth ?? 8192, 1, 1 << 24),
    objects: inRange('objects', config.objects ?? 128, 1, 1 << 16),
    faults: inRange('faults', config.faults ?? 0, 0, 0xffff_ffff),
    exclusiveLocks: config.exclusiveLocks ?? false,
  };
}

/**
 * Makes the words of a schedule, ready for a `ScheduleCore`.
 * @param config - what kind of schedules
 * @param shared - whether several threads are to share them
 * @throws RangeError for a configuration that cannot be
 */
export function createWords(config: ScheduleConfig, shared = false): Int32Array {
  const checked = checkConfig(config);
  const layout = new WordsLayout(checked.tasks, checked.objects, checked.decisions, checked.searchDepth);
  const bytes = layout.length * Int32Array.BYTES_PER_ELEMENT;
  const words = new Int32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  words[WORD.MAGIC] = MAGIC;
  words[WORD.TASKS] = checked.tasks;
  words[WORD.STEP_LIMIT] = checked.stepLimit;
  words[WORD.FAIR_AFTER] = checked.fairAfter;
  words[WORD.DECISION_CAPACITY] = checked.decisions;
  words[WORD.SEARCH_CAPACITY] = checked.searchDepth;
  words[WORD.OBJECT_CAPACITY] = checked.objects;
  words[WORD.FAULT_KINDS] = checked.faults;
  words[WORD.EXCLUSIVE_LOCKS] = checked.exclusiveLocks ? 1 : 0;
  return words;
}

/**
 * The layout of words made by {@link createWords}, here or in another thread.
 * @param words - all of them
 * @throws RangeError when they are something else
 */
export function layoutOf(words: Int32Array): WordsLayout {
  if (words[WORD.MAGIC] !== MAGIC) throw new RangeError('These are not the words of a schedule.');
  const layout = new WordsLayout(
    words[WORD.TASKS]!,
    words[WORD.OBJECT_CAPACITY]!,
    words[WORD.DECISION_CAPACITY]!,
    words[WORD.SEARCH_CAPACITY]!,
  );
  if (layout.length !== words.length) {
    throw new RangeError(`A schedule needs ${layout.length} words here, not ${words.length}.`);
  }
  return layout;
}

/**
 * Words that hold what strategies learn from schedule to schedule.
 * @param words - made by {@link createWords}
 */
export function learnedWords(words: Int32Array): number {
  const layout = layoutOf(words);
  return WORD.LEARNED_END - WORD.LEARNED + layout.decisions - layout.learnedPoints;
}
