/**
 * A decoder under fuzzing: in WASM and in TypeScript on one memory, windows between guards or at the very end of the memory, all that must hold checked.
 */
import { createArena, createPageBytes, type Arena } from '@swaplab/kernel-mm';
import { createCodec, type Codec } from '#src/codec/codec.js';
import type { StreamFormat } from '#src/codec/stream-format.js';
import { TwinCodec } from '#src/codec/twin-codec.js';
import { WasmCodec } from '#src/codec/wasm-codec.js';

const ARENA_BYTES = 2 * 65_536;
const GUARD = 0xa5;
/** Looked at in each round; the whole memory only now and then. */
const GUARD_BYTES = 96;
const ROUNDS_PER_WHOLE_LOOK = 512;
const WINDOW_BYTES = 20_000;
/** First bytes of the windows that do not lie at the end. */
const INPUT = 4096;
const WASM_OUTPUT = INPUT + WINDOW_BYTES + 4096;
const TWIN_OUTPUT = WASM_OUTPUT + WINDOW_BYTES + 4096;
/** Results of a decoder that are no number of bytes. */
const CODES: readonly number[] = [-1, -4, -5, -6, -7, -8];

/** What a decoder made of a stream. */
export interface Decoded {
  /** Bytes written, or a code. */
  readonly result: number;
  /** Bytes written, in any case. */
  readonly count: number;
}

/** A decoder and its twin. */
export class DecoderTarget {
  readonly twin: TwinCodec;
  private readonly arena: Arena;
  private readonly wasm: Codec;
  private readonly progress = new Int32Array(2);
  private rounds = 0;

  /** @param format - which decoder */
  constructor(format: StreamFormat) {
    this.arena = createArena(ARENA_BYTES, true);
    this.wasm = createCodec(format.name, { arena: this.arena, bytes: createPageBytes(this.arena, true) });
    this.twin = new TwinCodec(format);
    if (!(this.wasm instanceof WasmCodec)) throw new Error(`${format.name} is not in WASM here`);
    this.arena.u8.fill(GUARD);
  }

  /** The stream of some bytes. */
  compress(input: Uint8Array): Uint8Array {
    const { twin } = this;
    const stream = new Uint8Array(twin.maxCompressedBytes(input.length));
    const work = new Int32Array(twin.workBytes / 4);
    return stream.slice(0, twin.compress(input, 0, input.length, stream, 0, stream.length, work, 0));
  }

  /**
   * Decodes a stream with both.
   * @param stream - any bytes, at most 20000
   * @param capacity - of the output, at most 20000
   * @param atEnd - which window ends where the memory ends, if any
   * @throws Error that says what does not hold, with the stream
   */
  decode(stream: Uint8Array, capacity: number, atEnd: 'input' | 'output' | 'none'): Decoded {
    const { u8 } = this.arena;
    const input = atEnd === 'input' ? ARENA_BYTES - stream.length : INPUT;
    const output = atEnd === 'output' ? ARENA_BYTES - capacity : WASM_OUTPUT;
    u8.set(stream, input);
    const fail = (what: string): never => {
      throw new Error(
        `${this.twin.name}, ${String(capacity)} bytes of output, ${atEnd} at the end of the memory: ${what}. The stream: ` +
          Buffer.from(stream).toString('hex'),
      );
    };
    const { progress } = this;
    const ours = this.run(fail, () =>
      this.wasm.decompressSafe(u8, input, stream.length, u8, output, capacity, progress, 0),
    );
    const count = progress[0] ?? 0;
    if (ours < 0 ? !CODES.includes(ours) : ours !== count) fail(`the result is ${String(ours)}`);
    if (count < 0 || count > capacity) fail(`${String(count)} bytes are said to be written`);
    const bytes = u8.slice(output, output + count);
    this.expectGuards(output, capacity, fail);
    if (this.wasm.decompress(u8, input, stream.length, u8, output, capacity) !== ours)
      fail('the two ways to call it answer differently');
    const theirs = this.run(fail, () =>
      this.twin.decompressSafe(u8, input, stream.length, u8, TWIN_OUTPUT, capacity, progress, 1),
    );
    this.expectGuards(TWIN_OUTPUT, capacity, fail);
    if (theirs !== ours || progress[1] !== count)
      fail(`WASM says ${String([ours, count])}, TypeScript ${String([theirs, progress[1]])}`);
    if (Buffer.compare(bytes, u8.subarray(TWIN_OUTPUT, TWIN_OUTPUT + count)) !== 0)
      fail('the bytes of WASM and TypeScript differ');
    if (Buffer.compare(stream, u8.subarray(input, input + stream.length)) !== 0)
      fail('the stream was changed');
    for (const [at, length] of [
      [input, stream.length],
      [output, capacity],
      [TWIN_OUTPUT, capacity],
    ] as const)
      u8.fill(GUARD, at, at + length);
    if (++this.rounds % ROUNDS_PER_WHOLE_LOOK === 0 && u8.some((byte) => byte !== GUARD))
      fail('one of the last streams changed bytes far from its windows');
    return { result: ours, count };
  }

  private run(fail: (what: string) => never, decode: () => number): number {
    try {
      return decode();
    } catch (error) {
      return fail(`it throws ${String(error)}`);
    }
  }

  private expectGuards(output: number, capacity: number, fail: (what: string) => never): void {
    const { u8 } = this.arena;
    for (let at = 1; at <= GUARD_BYTES; at++) {
      const behind = output + capacity + at - 1;
      if (u8[output - at] !== GUARD) fail(`${String(at)} bytes before the output were changed`);
      if (behind < ARENA_BYTES && u8[behind] !== GUARD)
        fail(`${String(at)} bytes behind the output were changed`);
    }
  }
}
