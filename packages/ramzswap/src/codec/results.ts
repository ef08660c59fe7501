/**
 * What the codecs answer: a count of bytes (0 or more), or one of these negative codes.
 *
 * The numbers are those of the kernel's LZO library and are part of the interface: golden data and the driver's
 * reports name them. The other codecs use the same numbers for the same mistakes.
 */

/** The stream was decoded to its end marker and nothing was left over. @kernel include/linux/lzo.h, 2.6.34 */
export const LZO_E_OK = 0;
/** The stream breaks a rule of its format that has no code of its own (deflate only). @kernel include/linux/lzo.h, 2.6.34 */
export const LZO_E_ERROR = -1;
/** The input ended inside an instruction. @kernel include/linux/lzo.h, 2.6.34 */
export const LZO_E_INPUT_OVERRUN = -4;
/** The output would not fit in the window given for it. @kernel include/linux/lzo.h, 2.6.34 */
export const LZO_E_OUTPUT_OVERRUN = -5;
/** A match starts before the first byte of the output. @kernel include/linux/lzo.h, 2.6.34 */
export const LZO_E_LOOKBEHIND_OVERRUN = -6;
/** The input ended between two instructions, without an end marker. @kernel include/linux/lzo.h, 2.6.34 */
export const LZO_E_EOF_NOT_FOUND = -7;
/** Bytes were left after the end marker. @kernel include/linux/lzo.h, 2.6.34 */
export const LZO_E_INPUT_NOT_CONSUMED = -8;

/** One of the negative codes of this file. */
export type CodecError =
  | typeof LZO_E_ERROR
  | typeof LZO_E_INPUT_OVERRUN
  | typeof LZO_E_OUTPUT_OVERRUN
  | typeof LZO_E_LOOKBEHIND_OVERRUN
  | typeof LZO_E_EOF_NOT_FOUND
  | typeof LZO_E_INPUT_NOT_CONSUMED;

/**
 * The name of a result code, for messages.
 *
 * @param code a negative result of a codec; anything that is not one of the codes above is reported as `LZO_E_ERROR`
 * @returns the kernel's name, for example `LZO_E_INPUT_OVERRUN`
 */
export function codecErrorName(code: number): string {
  switch (code) {
    case LZO_E_INPUT_OVERRUN:
      return 'LZO_E_INPUT_OVERRUN';
    case LZO_E_OUTPUT_OVERRUN:
      return 'LZO_E_OUTPUT_OVERRUN';
    case LZO_E_LOOKBEHIND_OVERRUN:
      return 'LZO_E_LOOKBEHIND_OVERRUN';
    case LZO_E_EOF_NOT_FOUND:
      return 'LZO_E_EOF_NOT_FOUND';
    case LZO_E_INPUT_NOT_CONSUMED:
      return 'LZO_E_INPUT_NOT_CONSUMED';
    default:
      return 'LZO_E_ERROR';
  }
}
