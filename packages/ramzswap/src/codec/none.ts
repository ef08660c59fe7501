/**
 * The codec `none`: a copy. It takes the cost of compression out of a measurement and leaves all else as it is: every
 * page has a compressed length of its own size, which the driver then treats like any page that does not shrink.
 *
 * It has no state of its own. Which lock protects what: see `contract.ts`.
 */
import type { Arena, PageBytes } from '@swaplab/kernel-mm';
import type { Codec } from './contract.js';
import { LZO_E_OUTPUT_OVERRUN } from './results.js';
import { assertWindow } from './window.js';

/** The codec that copies; see `Codec` for what each method promises. */
export class NoneCodec implements Codec {
  /** The name by which `createCodec` makes it. */
  readonly name = 'none';

  /** False: this one is TypeScript. */
  readonly wasm = false;

  /** It needs no work area. */
  readonly workBytes = 0;

  private readonly u8: Uint8Array | null;
  private readonly bytes: PageBytes | null;

  /** @param memory the calling thread's `cells`: copies inside the machine's memory are then done by its operations on page bytes */
  constructor(memory: { readonly arena: Arena; readonly bytes: PageBytes } | null = null) {
    this.u8 = memory === null ? null : memory.arena.u8;
    this.bytes = memory === null ? null : memory.bytes;
  }

  /** See `Codec.maxCompressedBytes`. */
  maxCompressedBytes(inputBytes: number): number {
    return inputBytes;
  }

  /** See `Codec.compress`; the work area is not looked at. */
  compress(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
  ): number {
    return this.copyWindow(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
  }

  /** See `Codec.decompress`. */
  decompress(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
  ): number {
    return this.copyWindow(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
  }

  /** See `Codec.decompressSafe`; on an error nothing has been written. */
  decompressSafe(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
    progress: Int32Array,
    progressIndex: number,
  ): number {
    assertWindow('progress', progress.length, progressIndex, 1);
    const result = this.copyWindow(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
    progress[progressIndex] = Math.max(result, 0);
    return result;
  }

  /** Copies a window; returns the bytes copied, or `LZO_E_OUTPUT_OVERRUN` and copies nothing. */
  private copyWindow(
    input: Uint8Array,
    inputOffset: number,
    inputBytes: number,
    output: Uint8Array,
    outputOffset: number,
    outputCapacity: number,
  ): number {
    assertWindow('input', input.length, inputOffset, inputBytes);
    assertWindow('output', output.length, outputOffset, outputCapacity);
    if (inputBytes > outputCapacity) {
      return LZO_E_OUTPUT_OVERRUN;
    }
    if (this.bytes !== null && input === this.u8 && output === this.u8) {
      this.bytes.copyBytes(outputOffset, inputOffset, inputBytes);
    } else if (input === output) {
      output.copyWithin(outputOffset, inputOffset, inputOffset + inputBytes);
    } else {
      output.set(input.subarray(inputOffset, inputOffset + inputBytes), outputOffset);
    }
    return inputBytes;
  }
}
