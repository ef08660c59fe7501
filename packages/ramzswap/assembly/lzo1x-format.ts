/** Numbers of the LZO1X stream format: see `src/codec/lzo1x-format.ts`. */

export const M2_MAX_OFFSET: i32 = 0x0800;
export const M3_MAX_OFFSET: i32 = 0x4000;
export const M4_MAX_OFFSET: i32 = 0xbfff;
export const M2_MAX_LEN: i32 = 8;
export const M3_MAX_LEN: i32 = 33;
export const M4_MAX_LEN: i32 = 9;
export const M2_MARKER: i32 = 64;
export const M3_MARKER: i32 = 32;
export const M4_MARKER: i32 = 16;
export const MAX_FIRST_RUN: i32 = 238;
export const MAX_SHORT_RUN: i32 = 18;
export const FIRST_RUN_MARKER: i32 = 17;
export const EXTENSION_STEP: i32 = 255;
export const END_MARKER_BYTES: i32 = 3;

export const VERSION_MARKER: i32 = 17;
export const LZO_RLE_VERSION: i32 = 1;
export const VERSIONED_BYTES_MIN: i32 = 5;
export const ZERO_RUN_INSTRUCTION: i32 = 0x18;
export const MIN_ZERO_RUN: i32 = 4;
export const MAX_ZERO_RUN: i32 = 2047 + 4;
export const ZERO_RUN_BYTES: i32 = 4;
export const AFTER_MATCH: usize = 2;
export const AFTER_ZERO_RUN: usize = 3;
