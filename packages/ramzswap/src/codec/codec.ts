/**
 * The codecs of the driver, by name.
 *
 * A device names its codec once, when it is set up; each thread that attaches makes its own codec object and gives
 * it the device's work area in the arena. What a codec promises and what its callers must keep stands in
 * `contract.ts`, what the results mean in `results.ts`.
 */
import type { Codec, CodecName } from './contract.js';
import { DeflateCodec } from './deflate.js';
import { Lzo1x2010Codec } from './lzo1x-codec.js';
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

/**
 * Makes a codec. Names from outside are checked with `isCodecName` before.
 *
 * @param name one of `CODEC_NAMES`
 * @returns a codec for the calling thread
 */
export function createCodec(name: CodecName): Codec {
  switch (name) {
    case 'lzo1x-2010':
      return new Lzo1x2010Codec();
    case 'deflate':
      return new DeflateCodec();
    case 'none':
      return new NoneCodec();
  }
}
