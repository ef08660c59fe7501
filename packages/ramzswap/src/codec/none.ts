/**
 * The codec `none`: a copy. It takes the cost of compression out of a measurement and leaves all else as it is: every
 * page has a compressed length of its own size, which the driver then treats like any page that does not shrink.
 *
 * It has no state. Which lock protects what: see `contract.ts`.
 */
import type { Codec } from './contract.js';
import { LZO_E_OUTPUT_OVERRUN } from './results.js';
import { assertWindow } from './window.js';

/** Copies a window; returns the bytes copied, or `LZO_E_OUTPUT_OVERRUN` and copies nothing. */
function copyWindow(
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
  if (input === output) {
    output.copyWithin(outputOffset, inputOffset, inputOffset + inputBytes);
  } else {
    output.set(input.subarray(inputOffset, inputOffset + inputBytes), outputOffset);
  }
  return inputBytes;
}

/** The codec that copies; see `Codec` for what each method promises. */
export class NoneCodec implements Codec {
  /** The name by which `createCodec` makes it. */
  readonly name = 'none';

  /** It needs no work area. */
  readonly workBytes = 0;

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
    return copyWindow(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
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
    return copyWindow(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
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
    const result = copyWindow(input, inputOffset, inputBytes, output, outputOffset, outputCapacity);
    progress[progressIndex] = Math.max(result, 0);
    return result;
  }
}
