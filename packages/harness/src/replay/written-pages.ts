/**
 * What a page of a replay must contain: a page of the bank, and in its first bytes which write it was.
 *
 * | page of the bank | contents |
 * | --- | --- |
 * | all zero | zeros |
 * | repeats one word | another word repeated, which follows from the write; never zero |
 * | any other | the page, its first 16 bytes replaced by a stamp: write, slot, seed, check (little-endian words) |
 *
 * So a page that is lost, old, or another one's is seen when it is read. Works on page frames of a machine; allocates nothing for a page that is right.
 */
import { Buffer } from 'node:buffer';

import type { Arena } from '@swaplab/kernel-mm';

import { PAGE_BYTES } from '../pages/generate.js';
import { mix32 } from '../random.js';
import type { PageBank } from './page-bank.js';

const WORD_BYTES = 4;

/** What was written. */
export interface WrittenPage {
  /** Number of the write, from 1 on. */
  readonly write: number;
  /** Slot of the trace. */
  readonly slot: number;
  /** Page of the bank. */
  readonly page: number;
}

type Kind = 'stamped' | 'same-filled' | 'zero';

/** Fills frames, and compares them. */
export class WrittenPages {
  private readonly pages: readonly Uint8Array[];
  private readonly kinds: readonly Kind[];
  private readonly arena: Arena;
  private readonly seed: number;
  private readonly expected = new Uint8Array(PAGE_BYTES);
  private readonly expectedWords = new Int32Array(this.expected.buffer);

  /**
   * @param bank - the pages
   * @param arena - of the machine
   * @param seed - of the replay
   */
  constructor(bank: PageBank, arena: Arena, seed: number) {
    this.arena = arena;
    this.seed = seed;
    this.pages = Array.from({ length: bank.pages }, (_, index) =>
      bank.bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES),
    );
    this.kinds = this.pages.map(kindOf);
  }

  /**
   * Puts into a frame what a write writes.
   * @param written - which one
   * @param frame - byte address
   */
  fill(written: WrittenPage, frame: number): void {
    this.expect(written);
    this.arena.u8.set(this.expected, frame);
  }

  /**
   * Makes sure that a frame does not hold already what will be read into it.
   * @param written - what will be read
   * @param frame - byte address
   */
  spoil(written: WrittenPage, frame: number): void {
    this.expect(written);
    this.arena.i32[frame >> 2] = ~(this.expectedWords[0] ?? 0);
  }

  /**
   * Compares a frame with what was written. To be called after {@link spoil} of the same page.
   * @param frame - byte address
   */
  matches(frame: number): boolean {
    return Buffer.compare(this.arena.u8.subarray(frame, frame + PAGE_BYTES), this.expected) === 0;
  }

  /**
   * Says what is wrong with a frame that does not match.
   * @param written - what should be there
   * @param frame - byte address
   */
  describe(written: WrittenPage, frame: number): string {
    const found = this.arena.u8.slice(frame, frame + PAGE_BYTES);
    const words = new Int32Array(found.buffer);
    const [write = 0, slot = 0, seed = 0, check = 0] = words;
    const where = `slot ${String(written.slot)}, write ${String(written.write)}`;
    if (seed === (this.seed | 0) && check === checkOf(write, slot, seed))
      return `${where}: write ${String(write >>> 0)} of slot ${String(slot >>> 0)} was read in its place`;
    const different = this.expected.reduce((sum, byte, at) => sum + (byte === found[at] ? 0 : 1), 0);
    return `${where}: ${String(different)} of ${String(PAGE_BYTES)} bytes are not as they were written`;
  }

  private expect({ write, slot, page }: WrittenPage): void {
    const { expected, expectedWords, seed } = this;
    const kind = this.kinds[page];
    if (kind === 'zero') {
      expected.fill(0);
      return;
    }
    const check = checkOf(write | 0, slot | 0, seed | 0);
    if (kind === 'same-filled') {
      expectedWords.fill(check | 1);
      return;
    }
    expected.set(this.pages[page] ?? expected);
    expectedWords[0] = write;
    expectedWords[1] = slot;
    expectedWords[2] = seed;
    expectedWords[3] = check;
  }
}

/** A number that follows from the three others, a signed word. */
function checkOf(write: number, slot: number, seed: number): number {
  return mix32(mix32(mix32(write + 0x51ed270b) ^ slot) + seed) | 0;
}

function kindOf(page: Uint8Array): Kind {
  for (let at = 4; at < PAGE_BYTES; at++) if (page[at] !== page[at - 4]) return 'stamped';
  return page.subarray(0, WORD_BYTES).every((byte) => byte === 0) ? 'zero' : 'same-filled';
}
