/**
 * Damage for streams: what a fuzzer makes of good ones, and of what it made before.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Numbers without order, the same for each seed. */
export class Dice {
  private state: number;

  /** @param seed - any integer but 0 */
  constructor(seed: number) {
    this.state = seed | 1;
  }

  /** A number of 0 to `below` - 1. */
  roll(below: number): number {
    let word = this.state;
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    this.state = word;
    return (word >>> 0) % below;
  }

  /** One of some things. */
  pick<T>(things: readonly T[]): T {
    const thing = things[this.roll(things.length)];
    if (thing === undefined) throw new Error('there is nothing to pick from');
    return thing;
  }
}

/** Bytes at which instructions, lengths and distances change their meaning. */
const EDGES: readonly number[] = [
  0, 1, 3, 4, 0x0f, 0x10, 0x11, 0x12, 0x15, 0x18, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0xf0, 0xfc, 0xfe, 0xff,
];
/** Longer streams are cut. */
const STREAM_BYTES_MAX = 9000;

type Mutation = (stream: number[], dice: Dice, others: readonly Uint8Array[]) => void;

const MUTATIONS: readonly Mutation[] = [
  // A bit flips.
  (stream, dice) => {
    const at = dice.roll(stream.length);
    stream[at] = (stream[at] ?? 0) ^ (1 << dice.roll(8));
  },
  // A byte becomes one at an edge, or any.
  (stream, dice) => {
    stream[dice.roll(stream.length)] = dice.roll(4) === 0 ? dice.roll(256) : dice.pick(EDGES);
  },
  // The end is missing; most often little of it.
  (stream, dice) => {
    stream.length -= dice.roll(Math.min(stream.length, dice.roll(3) === 0 ? 4000 : 8));
  },
  // Bytes in the middle are missing.
  (stream, dice) => {
    stream.splice(dice.roll(stream.length), 1 + dice.roll(16));
  },
  // Bytes too many.
  (stream, dice) => {
    const more = Array.from({ length: 1 + dice.roll(12) }, () => dice.pick(EDGES));
    stream.splice(dice.roll(stream.length + 1), 0, ...more);
  },
  // A long row of one byte: lengths that go on and on.
  (stream, dice) => {
    const row = new Array<number>(1 + dice.roll(600)).fill(dice.pick([0, 0, 0xff]));
    stream.splice(dice.roll(stream.length + 1), 0, ...row);
  },
  // A piece comes twice.
  (stream, dice) => {
    const from = dice.roll(stream.length);
    stream.splice(dice.roll(stream.length + 1), 0, ...stream.slice(from, from + 1 + dice.roll(64)));
  },
  // It goes on as another one does.
  (stream, dice, others) => {
    const other = dice.pick(others);
    stream.length = dice.roll(stream.length + 1);
    stream.push(...other.subarray(dice.roll(other.length + 1)));
  },
];

/**
 * Damages a stream in one to four ways.
 * @param good - which is left as it is
 * @param dice - decide
 * @param others - streams that it can go on with
 */
export function mutate(good: Uint8Array, dice: Dice, others: readonly Uint8Array[]): Uint8Array {
  const stream = [...good];
  for (let turns = 1 + dice.roll(4); turns > 0; turns--) {
    if (stream.length === 0) stream.push(dice.pick(EDGES));
    dice.pick(MUTATIONS)(stream, dice, others);
  }
  return Uint8Array.from(stream.slice(0, STREAM_BYTES_MAX));
}

/**
 * Inputs that are kept because they once showed something, or reach a corner that nothing else reaches.
 * @param prefix - of the names of the files
 * @returns name and bytes of each
 */
export function corpus(prefix: string): (readonly [string, Uint8Array])[] {
  const folder = new URL('../../test/corpus/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .sort()
    .map((name) => {
      const text = readFileSync(new URL(name, folder), 'utf8').replace(/#.*$/gm, '').replace(/\s/g, '');
      return [name, Uint8Array.from(Buffer.from(text, 'hex'))] as const;
    });
}
