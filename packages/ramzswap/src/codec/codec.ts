/**
 * The codecs of the driver, by name.
 *
 * A device names its codec once, when it is set up; each thread that attaches makes its own codec object and gives
 * it the device's work area in the arena. What a codec promises and what its callers must keep stands in
 * `contract.ts`, what the results mean in `results.ts`.
 */
import type { Arena, PageBytes } from '@swaplab/kernel-mm';
import type { Codec, CodecName } from './contract.js';
import { DeflateCodec } from './deflate.js';
import { Lzo1x2010Codec } from './lzo1x-codec.js';
import { createLzo1xWasmCodec } from './lzo1x-wasm.js';
import { NoneCodec } from './none.js';

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
export const CODEC_NAMES: readonly CodecName[] = ['lzo1x-2010', 'deflate', 'none'];

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

/**
 * Makes a codec. Names from outside are checked with `isCodecName` before.
 *
 * @param name one of `CODEC_NAMES`
 * @param memory the calling thread's `cells`, when the codec will work on a machine's own views: then `lzo1x-2010` runs in WASM if the thread's
 *   page bytes do. Without it every codec is TypeScript. The results are the same.
 * @returns a codec for the calling thread
 */
export function createCodec(name: CodecName, memory: CodecMemory | null = null): Codec {
  switch (name) {
    case 'lzo1x-2010':
      return createLzo1x(memory);
    case 'deflate':
      return new DeflateCodec();
    case 'none':
      return new NoneCodec(memory);
  }
}

function createLzo1x(memory: CodecMemory | null): Codec {
  const codec = memory !== null && memory.bytes.wasm ? createLzo1xWasmCodec(memory.arena) : null;
  return codec ?? new Lzo1x2010Codec();
}
