/**
 * The stream formats of the driver, each as a pair of plain functions: what a codec is made of.
 *
 * A format has no state; everything it needs is in its arguments. `TwinCodec` makes a codec of it in TypeScript, `WasmCodec` one in WASM that
 * falls back on it. `mode` is what the WASM module is told to choose between the forms that it knows.
 */
import type { CodecName } from './contract.js';
import { compressLz4, LZ4_WORK_WORDS } from './lz4-compress.js';
import { decodeLz4 } from './lz4-decompress.js';
import { maxLz4Bytes } from './lz4-format.js';
import { compressLzo1x, LZO1X_WORK_WORDS } from './lzo1x-compress.js';
import { compressLzo1xCurrent, LZO1X_CURRENT_WORK_WORDS } from './lzo1x-current.js';
import { decodeLzo1x } from './lzo1x-decompress.js';
import { maxCompressedBytes } from './lzo1x-format.js';

/** Compresses a window; arguments and result are those of `Codec.compress`. */
export type CompressFunction = (
  input: Uint8Array,
  inputOffset: number,
  inputBytes: number,
  output: Uint8Array,
  outputOffset: number,
  outputCapacity: number,
  work: Int32Array,
  workIndex: number,
) => number;

/** Decodes a window; arguments are those of `Codec.decompress`, the result is a packed outcome (`outcome.ts`). */
export type DecodeFunction = (
  input: Uint8Array,
  inputOffset: number,
  inputBytes: number,
  output: Uint8Array,
  outputOffset: number,
  outputCapacity: number,
) => number;

/** One way to write and read streams. */
export interface StreamFormat {
  /** The codec of this format. */
  readonly name: CodecName;
  /** 32-bit words of work area that `compress` needs. */
  readonly workWords: number;
  /** What the WASM module is told. */
  readonly mode: number;
  /** The longest stream for an input of so many bytes. */
  readonly maxCompressedBytes: (inputBytes: number) => number;
  readonly compress: CompressFunction;
  readonly decode: DecodeFunction;
}

/** The compressor and the decoder of 2.6.34, each input with an empty dictionary. */
export const LZO1X_2010: StreamFormat = {
  name: 'lzo1x-2010',
  workWords: LZO1X_WORK_WORDS,
  mode: 0,
  maxCompressedBytes,
  compress: compressLzo1x,
  decode: decodeLzo1x,
};

/** The same with a dictionary that is kept from input to input, as the driver of 2.6.34 did. */
export const LZO1X_2010_KEPT: StreamFormat = {
  ...LZO1X_2010,
  mode: 1,
  compress: (input, inputOffset, inputBytes, output, outputOffset, outputCapacity, work, workIndex) =>
    compressLzo1x(
      input,
      inputOffset,
      inputBytes,
      output,
      outputOffset,
      outputCapacity,
      work,
      workIndex,
      true,
    ),
};

/** The compressor of later kernels; its streams are those of 2.6.34. */
export const LZO1X_CURRENT: StreamFormat = {
  name: 'lzo1x-current',
  workWords: LZO1X_CURRENT_WORK_WORDS,
  mode: 0,
  maxCompressedBytes,
  compress: compressLzo1xCurrent,
  decode: decodeLzo1x,
};

/** The same with runs of zeros: the default of zram from 5.1 on. */
export const LZO_RLE: StreamFormat = {
  name: 'lzo-rle',
  workWords: LZO1X_CURRENT_WORK_WORDS,
  mode: 1,
  maxCompressedBytes: (inputBytes) => maxCompressedBytes(inputBytes) + 2,
  compress: (input, inputOffset, inputBytes, output, outputOffset, outputCapacity, work, workIndex) =>
    compressLzo1xCurrent(
      input,
      inputOffset,
      inputBytes,
      output,
      outputOffset,
      outputCapacity,
      work,
      workIndex,
      true,
    ),
  decode: (input, inputOffset, inputBytes, output, outputOffset, outputCapacity) =>
    decodeLzo1x(input, inputOffset, inputBytes, output, outputOffset, outputCapacity, true),
};

/** LZ4 blocks. */
export const LZ4: StreamFormat = {
  name: 'lz4',
  workWords: LZ4_WORK_WORDS,
  mode: 0,
  maxCompressedBytes: maxLz4Bytes,
  compress: compressLz4,
  decode: decodeLz4,
};
