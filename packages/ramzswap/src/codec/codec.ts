/**
 * The codecs of the driver, by name.
 *
 * A device names its codec once, when it is set up; each thread that attaches makes its own codec object and gives
 * it the device's work area in the arena. What a codec promises and what its callers must keep stands in
 * `contract.ts`, what the results mean in `results.ts`.
 */
import type { Arena, PageBytes, WasmBuilds } from '@swaplab/kernel-mm';
import type { Codec, CodecName } from './contract.js';
import { DeflateCodec } from './deflate.js';
import { LZ4_WASM } from './lz4-wasm-builds.js';
import { LZO_RLE_WASM } from './lzo-rle-wasm-builds.js';
import { LZO1X_CURRENT_WASM } from './lzo1x-current-wasm-builds.js';
import { LZO1X_WASM } from './lzo1x-wasm-builds.js';
import { NoneCodec } from './none.js';
import {
  LZ4,
  LZO1X_2010,
  LZO1X_2010_KEPT,
  LZO1X_CURRENT,
  LZO_RLE,
  type StreamFormat,
} from './stream-format.js';
import { TwinCodec } from './twin-codec.js';
import { createWasmCodec } from './wasm-codec.js';

export type { Codec, CodecName } from './contract.js';
export type { CodecError } from './results.js';
export {
  LZO_E_EOF_NOT_FOUND,
  LZO_E_ERROR,
  LZO_E_INPUT_NOT_CONSUMED,
  LZO_E_INPUT_OVERRUN,
  LZO_E_LOOKBEHIND_OVERRUN,
  LZO_E_OK,
  LZO_E_OUTPUT_OVERRUN,
  codecErrorName,
} from './results.js';

/** All codec names, the default first. */
export const CODEC_NAMES: readonly CodecName[] = [
  'lzo1x-2010',
  'lzo1x-current',
  'lzo-rle',
  'lz4',
  'deflate',
  'none',
];

/**
 * Tells whether a text names a codec.
 *
 * @param name any text, for example from a command line
 * @returns true for one of `CODEC_NAMES`
 */
export function isCodecName(name: string): name is CodecName {
  return (CODEC_NAMES as readonly string[]).includes(name);
}

/** The part of a thread's `Cells` that tells a codec about the machine it works on. */
export interface CodecMemory {
  /** The thread's views. */
  readonly arena: Arena;
  /** The thread's operations on page bytes; they are in WASM when the codec is to be. */
  readonly bytes: PageBytes;
}

/** What a codec can be told. */
export interface CodecOptions {
  /**
   * Whether `lzo1x-2010` empties its dictionary for each page (`'cleared'`, the default) or keeps it, as the driver of 2.6.34 did (`'kept'`): then
   * the size of a page can depend on earlier pages at the same address. Without effect on the other codecs. A work area belongs to one of
   * the two for its whole life.
   */
  readonly dictionary?: 'cleared' | 'kept';
}

/**
 * Makes a codec. Names from outside are checked with `isCodecName` before.
 *
 * @param name one of `CODEC_NAMES`
 * @param memory the calling thread's `cells`, when the codec will work on a machine's own views: then it runs in WASM if the thread's page
 *   bytes do, and if it has a module. Without it every codec is TypeScript. The results are the same.
 * @param options of the codec
 * @returns a codec for the calling thread
 */
export function createCodec(
  name: CodecName,
  memory: CodecMemory | null = null,
  options: CodecOptions = {},
): Codec {
  switch (name) {
    case 'lzo1x-2010':
      return createPaired(options.dictionary === 'kept' ? LZO1X_2010_KEPT : LZO1X_2010, LZO1X_WASM, memory);
    case 'lzo1x-current':
      return createPaired(LZO1X_CURRENT, LZO1X_CURRENT_WASM, memory);
    case 'lzo-rle':
      return createPaired(LZO_RLE, LZO_RLE_WASM, memory);
    case 'lz4':
      return createPaired(LZ4, LZ4_WASM, memory);
    case 'deflate':
      return new DeflateCodec();
    case 'none':
      return new NoneCodec(memory);
  }
}

function createPaired(format: StreamFormat, builds: WasmBuilds, memory: CodecMemory | null): Codec {
  const codec = memory !== null && memory.bytes.wasm ? createWasmCodec(builds, memory.arena, format) : null;
  return codec ?? new TwinCodec(format);
}
