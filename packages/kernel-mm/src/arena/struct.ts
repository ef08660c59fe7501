/**
 * C-like structures: names for byte offsets.
 *
 * Promise: a structure is a frozen table of byte offsets, computed once from the order of its fields with natural alignment. Kernel code
 * adds an offset to the address of an object and hands the sum to an accessor: `mem.ld32(area + SWAP_INFO.pages)`. Nothing is allocated
 * per object, so an object can be named by its address in every thread.
 */

/** Width of a field: integers of 8, 16 or 32 bits, a 64-bit float, or raw bytes (`['bytes', 24]`). */
export type Field = 'u8' | 'u16' | 'i32' | 'u32' | 'f64' | readonly ['bytes' | 'i32' | 'f64', number];

/** What every structure has, whatever its fields are. */
export interface AnyStruct {
  /** Size in bytes, a multiple of the alignment asked for. */
  readonly $bytes: number;
  /** Kernel name of the structure, for reports. */
  readonly $name: string;
  /** Field names in order of their offsets, for reports. */
  readonly $fields: readonly string[];
}

/** Byte offsets of the fields of a structure, with its total size and its name. */
export type Struct<F extends Readonly<Record<string, Field>>> = {
  readonly [K in keyof F]: number;
} & AnyStruct;

const WIDTHS = { u8: 1, u16: 2, i32: 4, u32: 4, f64: 8, bytes: 1 } as const;

/**
 * Lays out a structure.
 * @param name - kernel name, used in reports
 * @param fields - field names and widths, in order
 * @param alignBytes - the size is rounded up to a multiple of this (8 by default; 64 gives each object a cache line)
 */
export function struct<F extends Readonly<Record<string, Field>>>(
  name: string,
  fields: F,
  alignBytes = 8,
): Struct<F> {
  const offsets: Record<string, number | string | readonly string[]> = {};
  let offset = 0;
  for (const [field, kind] of Object.entries(fields)) {
    const width = WIDTHS[typeof kind === 'string' ? kind : kind[0]];
    const count = typeof kind === 'string' ? 1 : kind[1];
    offset = alignUp(offset, width);
    offsets[field] = offset;
    offset += width * count;
  }
  offsets['$bytes'] = alignUp(offset, alignBytes);
  offsets['$name'] = name;
  offsets['$fields'] = Object.freeze(Object.keys(fields));
  // Copied once: an object built by many keyed stores is a dictionary, and each look-up of an offset would be a search.
  return Object.freeze({ ...offsets }) as Struct<F>;
}

/**
 * Rounds up to a multiple.
 * @param value - non-negative integer
 * @param alignment - positive integer
 */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
