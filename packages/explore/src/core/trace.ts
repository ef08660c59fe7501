/**
 * The trace of a schedule: which task went on from which point, in order. A hash of all of it, and the last steps themselves.
 *
 * Promise: the hash depends on each step and on their order, and on nothing else; so two engines that ran the same schedule have the same. All lies
 * in words of its own, which may be shared by threads that run one at a time. When there are more steps than places, the oldest steps give way, and
 * {@link Trace.dropped} says how many; the hash still has them all.
 *
 * A step is to be noted when its task *goes on* from the point, so that the order is that of the operations, not of their announcements.
 */

// Words before the steps.
const MAGIC_AT = 0;
const CAPACITY = 1;
const COUNT = 2;
const HASH = 3;
const HEAD_WORDS = 8;
/** Words of a step: task and kind, object, site, number of the task's decision or 0. */
const STEP_WORDS = 4;
const MAGIC = 0x73_6c_74_01;
const KIND_SHIFT = 8;
const TASK_MASK = 0xff;

const SEED_LOW = 0x2f0b_4c47;
const SEED_HIGH = 0x6d2b_79f5;

/** One step of a trace. */
export interface TraceStep {
  readonly task: number;
  /** A `POINT_` constant. */
  readonly kind: number;
  readonly object: number;
  readonly site: number;
  /** Whatever the engine noted with it, such as the value that was read. */
  readonly note: number;
}

/**
 * Makes the words of a trace.
 * @param steps - how many steps are kept; 0 for the hash alone
 * @param shared - whether several threads are to share them
 */
export function createTraceWords(steps: number, shared = false): Int32Array {
  if (!Number.isInteger(steps) || steps < 0 || steps > 1 << 24) {
    throw new RangeError(`A trace can keep 0 to ${1 << 24} steps, not ${steps}.`);
  }
  const bytes = (HEAD_WORDS + steps * STEP_WORDS) * Int32Array.BYTES_PER_ELEMENT;
  const words = new Int32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  words[MAGIC_AT] = MAGIC;
  words[CAPACITY] = steps;
  words[HASH] = SEED_LOW;
  words[HASH + 1] = SEED_HIGH;
  return words;
}

/** One thread's way to the trace. */
export class Trace {
  private readonly words: Int32Array;
  private readonly capacity: number;

  /** @param words - made by {@link createTraceWords} */
  constructor(words: Int32Array) {
    if (words[MAGIC_AT] !== MAGIC) throw new RangeError('These are not the words of a trace.');
    this.words = words;
    this.capacity = words[CAPACITY]!;
  }

  /** Begins a new trace. */
  reset(): void {
    const { words } = this;
    words[COUNT] = 0;
    words[HASH] = SEED_LOW;
    words[HASH + 1] = SEED_HIGH;
  }

  /**
   * A task goes on from a point.
   * @param task - which
   * @param kind - of the operation, a `POINT_` constant
   * @param object - of the operation
   * @param site - where in the source
   * @param note - anything that is to be kept, not part of the hash
   */
  step(task: number, kind: number, object: number, site: number, note = 0): void {
    const { words, capacity } = this;
    const count = words[COUNT]!;
    words[COUNT] = count + 1;
    const who = task | (kind << KIND_SHIFT);
    // Two chains that go through different multiplications; each takes in all three words.
    let low = Math.imul(words[HASH]! ^ object, 0x9e37_79b1);
    low = Math.imul((low ^ (low >>> 15)) + (who ^ (site << 16)), 0x85eb_ca77);
    words[HASH] = low ^ (low >>> 13);
    let high = Math.imul(words[HASH + 1]! + who, 0xc2b2_ae3d) ^ site;
    high = Math.imul((high << 17) | (high >>> 15), 0x27d4_eb2f) + object;
    words[HASH + 1] = high ^ (high >>> 16);
    if (capacity === 0) return;
    const at = HEAD_WORDS + (count % capacity) * STEP_WORDS;
    words[at] = who;
    words[at + 1] = object;
    words[at + 2] = site;
    words[at + 3] = note;
  }

  /** Number of steps so far. */
  get length(): number {
    return this.words[COUNT]!;
  }

  /** How many of the oldest steps are not kept any more. */
  get dropped(): number {
    return Math.max(0, this.words[COUNT]! - this.capacity);
  }

  /** 32 bits of the hash, 0 to 2^32-1: what a token has. */
  get hash(): number {
    return this.words[HASH]! >>> 0;
  }

  /** The other 32 bits. */
  get hashHigh(): number {
    return this.words[HASH + 1]! >>> 0;
  }

  /** 53 bits of the hash in one number, for counting different traces. */
  get key(): number {
    return this.hash * 0x20_0000 + (this.hashHigh & 0x1f_ffff);
  }

  /**
   * A step that is kept.
   * @param index - from {@link dropped} to below {@link length}
   */
  at(index: number): TraceStep {
    if (index < this.dropped || index >= this.length) {
      throw new RangeError(`Step ${index} is not kept: ${this.dropped} to ${this.length - 1} are.`);
    }
    const { words } = this;
    const at = HEAD_WORDS + (index % this.capacity) * STEP_WORDS;
    const who = words[at]!;
    return {
      task: who & TASK_MASK,
      kind: who >>> KIND_SHIFT,
      object: words[at + 1]!,
      site: words[at + 2]!,
      note: words[at + 3]!,
    };
  }
}

/**
 * The steps that a trace keeps.
 * @param trace - of a schedule that has ended
 */
export function stepsOf(trace: Trace): TraceStep[] {
  const steps: TraceStep[] = [];
  for (let index = trace.dropped; index < trace.length; index++) steps.push(trace.at(index));
  return steps;
}
