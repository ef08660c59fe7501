/**
 * Where everything lies in the arena.
 *
 * Promise: the layout is a pure function of the machine's configuration. Every thread computes it again when it attaches and compares its
 * fingerprint with the one in the arena, so that two versions of the code never share a machine.
 *
 * The arena is cut into four sections, in this order, so that a snapshot copies little:
 *
 *   hot      locks, areas, counters, swap maps, tables
 *   cold     descriptors, page tables, disks
 *   frames   page frames: the bytes of processes and of drivers' pools
 *   scratch  per-thread work areas, rings and statistics: never part of a snapshot
 */
import { alignUp, type AnyStruct } from './struct.js';
import { ARENA_BYTES_MAX, PAGE_SIZE } from './memory.js';
import { MisuseError } from '../errno.js';

/** Section of the arena. */
export type Section = 'hot' | 'cold' | 'frames' | 'scratch';

const SECTIONS: readonly Section[] = ['hot', 'cold', 'frames', 'scratch'];

/** Bytes kept at address 0, so that 0 can mean "no object". */
const NULL_GUARD_BYTES = 64;

const CACHE_LINE_BYTES = 64;

/** A named piece of the arena, an array of `count` objects of `stride` bytes. Its `base` is known once the layout is sealed. */
export interface Region {
  readonly name: string;
  readonly section: Section;
  readonly stride: number;
  readonly count: number;
  readonly fields: readonly string[];
  /** Byte offsets of `fields`, in the same order. */
  readonly offsets: readonly number[];
  /** Byte address of the first object; read it only from a sealed layout. */
  base: number;
}

/** First byte and length of a section. */
export interface Extent {
  readonly base: number;
  readonly bytes: number;
}

/** Collects regions, then fixes their addresses. Used once per attach, before any kernel code runs. */
export class Layout {
  readonly regions: Region[] = [];
  private sealedBytes = 0;
  /** The fingerprint, once it was asked for after the layout was sealed; 0 before. */
  private hash = 0;
  private readonly extents = new Map<Section, Extent>();

  /**
   * Reserves an array of structures.
   * @param section - where it shall lie
   * @param name - for reports and the fingerprint, unique
   * @param shape - the structure
   * @param count - number of objects
   */
  structs(section: Section, name: string, shape: AnyStruct, count: number): Region {
    const byField = shape as Readonly<Record<string, unknown>> & AnyStruct;
    const offsets = shape.$fields.map((field) => Number(byField[field]));
    return this.add({ name, section, stride: shape.$bytes, count, fields: shape.$fields, offsets, base: 0 });
  }

  /**
   * Reserves raw memory.
   * @param section - where it shall lie
   * @param name - for reports and the fingerprint, unique
   * @param bytes - size in bytes
   */
  bytes(section: Section, name: string, bytes: number): Region {
    return this.add({ name, section, stride: bytes, count: 1, fields: [], offsets: [], base: 0 });
  }

  /**
   * Fixes all addresses. Page-sized and larger regions start on a page boundary, all others on a cache line.
   * @throws {@link MisuseError} `ERR_OUT_OF_RANGE` when the machine would not fit below 2 GiB
   */
  seal(): void {
    this.assertOpen();
    let address = NULL_GUARD_BYTES;
    for (const section of SECTIONS) {
      if (section !== 'hot') address = alignUp(address, PAGE_SIZE);
      const base = section === 'hot' ? 0 : address;
      for (const region of this.regions) {
        if (region.section !== section) continue;
        const bytes = region.stride * region.count;
        address = alignUp(address, bytes >= PAGE_SIZE ? PAGE_SIZE : CACHE_LINE_BYTES);
        region.base = address;
        address += bytes;
      }
      this.extents.set(section, { base, bytes: address - base });
    }
    if (address > ARENA_BYTES_MAX) {
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `This machine would need ${address} bytes of memory in all; the limit is ${ARENA_BYTES_MAX}. Use less RAM or smaller disks.`,
      );
    }
    this.sealedBytes = alignUp(address, PAGE_SIZE);
  }

  /** Total bytes of the arena; 0 before {@link seal}. */
  totalBytes(): number {
    return this.sealedBytes;
  }

  /** Where a section lies. */
  extent(section: Section): Extent {
    const extent = this.extents.get(section);
    if (extent === undefined) throw new MisuseError('ERR_INVALID_ARGUMENT', 'The layout is not sealed yet.');
    return extent;
  }

  /**
   * A 31-bit hash over all names, sizes and addresses, those of the fields included; equal in every thread that runs the same code on the
   * same configuration.
   */
  fingerprint(): number {
    if (this.hash === 0 || this.sealedBytes === 0) this.hash = this.computeFingerprint();
    return this.hash;
  }

  private computeFingerprint(): number {
    let hash = 0x811c9dc5;
    for (const region of this.regions) {
      hash = hashText(`${region.name}:${region.base}:${region.stride}:${region.count};`, hash);
      for (const [index, field] of region.fields.entries())
        hash = hashText(`${field}:${region.offsets[index] ?? 0};`, hash);
    }
    return hash & 0x7fff_ffff;
  }

  /**
   * Names the object at an address, for reports.
   * @param address - byte address
   * @returns for example `'swap_info[0].pages'`, just `'swap_info[0]'` for the first byte of an object, or the address in hex when it lies
   * in no region
   */
  describe(address: number): string {
    for (const region of this.regions) {
      const offset = address - region.base;
      if (offset < 0 || offset >= region.stride * region.count) continue;
      const index = Math.floor(offset / region.stride);
      const within = offset % region.stride;
      const element = region.count === 1 ? region.name : `${region.name}[${index}]`;
      return within === 0 ? element : `${element}${describeField(region, within)}`;
    }
    return `0x${address.toString(16)}`;
  }

  private assertOpen(): void {
    if (this.sealedBytes !== 0)
      throw new MisuseError('ERR_INVALID_ARGUMENT', 'The layout is sealed: its addresses are in use.');
  }

  private add(region: Region): Region {
    this.assertOpen();
    for (const other of this.regions) {
      if (other.name === region.name)
        throw new MisuseError('ERR_INVALID_ARGUMENT', `Region '${region.name}' is laid out twice.`);
    }
    if (!Number.isSafeInteger(region.stride * region.count) || region.stride * region.count < 0) {
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `Region '${region.name}' cannot have ${region.count} objects.`,
      );
    }
    this.regions.push(region);
    return region;
  }
}

/** The field that covers a byte of an object, `'.pages'`; `'.name+3'` for a byte inside it, `'+12'` in raw memory. */
function describeField(region: Region, within: number): string {
  let covering = '';
  let start = 0;
  for (const [index, field] of region.fields.entries()) {
    const offset = region.offsets[index] ?? 0;
    if (offset > within) break;
    covering = `.${field}`;
    start = offset;
  }
  return within === start ? covering : `${covering}+${within - start}`;
}

/**
 * FNV-1a over the UTF-16 units of a text.
 * @param text - any text
 * @param start - hash to go on from
 * @returns unsigned 32-bit hash
 */
export function hashText(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
