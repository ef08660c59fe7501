/**
 * The header of a swap area: its first page.
 *
 * Promise: pure functions on {@link PAGE_SIZE} bytes. Nothing a header holds makes them read or write outside it: the list of bad pages is
 * read only when it fits. Headers of either byte order are read; what a number means is for swapon to judge.
 *
 *   0     boot bits            1028  last usable page       1036  uuid, 16 bytes      1536  bad pages, u32 each
 *   1024  version, 1           1032  number of bad pages    1052  label, 16 bytes     4086  magic "SWAPSPACE2"
 */
import { PAGE_SIZE } from '../arena/memory.js';
import { MisuseError } from '../errno.js';

/** The only version there is. */
export const SWAP_HEADER_VERSION = 1;
/** Most bad pages a header can list. @kernel MAX_SWAP_BADPAGES, 2.6.34 */
export const MAX_SWAP_BADPAGES = 637;
/** The signature. */
export const SWAP_MAGIC = 'SWAPSPACE2';

const VERSION_AT = 1024;
const LAST_PAGE_AT = 1028;
const NR_BADPAGES_AT = 1032;
const UUID_AT = 1036;
const LABEL_AT = 1052;
/** Where the list of bad pages begins, bytes. */
export const BADPAGES_AT = 1536;
const MAGIC_AT = PAGE_SIZE - SWAP_MAGIC.length;
const ID_BYTES = 16;

/** What a header says. @kernel union swap_header, 2.6.34 */
export interface SwapHeader {
  /** {@link SWAP_HEADER_VERSION}, or some other number, as the machine's own byte order reads it. */
  readonly version: number;
  /** Last usable slot. */
  readonly lastPage: number;
  /** Number of bad pages, as it stands there. */
  readonly nrBadpages: number;
  /** The bad pages; empty when there are more than {@link MAX_SWAP_BADPAGES}. */
  readonly badpages: readonly number[];
  /** Whether the header was written by a machine of the other byte order. */
  readonly swapped: boolean;
}

/** What to write into a header. */
export interface SwapHeaderFields {
  /** Last usable slot, 0 to 2^32 - 1. */
  readonly lastPage: number;
  /** Bad pages, at most {@link MAX_SWAP_BADPAGES}. */
  readonly badpages?: readonly number[];
  /** Up to 16 ASCII characters. */
  readonly label?: string;
  /** 16 bytes; zeros when not given. */
  readonly uuid?: Uint8Array;
  /** Whether to write it as a big-endian machine would. */
  readonly bigEndian?: boolean;
}

/**
 * Reads a header.
 * @param bytes - {@link PAGE_SIZE} bytes
 * @returns what it says, or null when the signature is missing
 * @kernel mm/swapfile.c sys_swapon, 2.6.34
 */
export function parseSwapHeader(bytes: Uint8Array): SwapHeader | null {
  if (bytes.length !== PAGE_SIZE) return null;
  for (let index = 0; index < SWAP_MAGIC.length; index++) {
    if (bytes[MAGIC_AT + index] !== SWAP_MAGIC.charCodeAt(index)) return null;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, PAGE_SIZE);
  const swapped = view.getUint32(VERSION_AT, false) === SWAP_HEADER_VERSION;
  const littleEndian = !swapped;
  const nrBadpages = view.getUint32(NR_BADPAGES_AT, littleEndian);
  const badpages: number[] = [];
  if (nrBadpages <= MAX_SWAP_BADPAGES) {
    for (let index = 0; index < nrBadpages; index++)
      badpages.push(view.getUint32(BADPAGES_AT + 4 * index, littleEndian));
  }
  return {
    version: view.getUint32(VERSION_AT, littleEndian),
    lastPage: view.getUint32(LAST_PAGE_AT, littleEndian),
    nrBadpages,
    badpages,
    swapped,
  };
}

/**
 * Writes a header, as mkswap does.
 * @param fields - what to write
 * @returns {@link PAGE_SIZE} bytes
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE` for a field that does not fit
 */
export function buildSwapHeader(fields: SwapHeaderFields): Uint8Array {
  const badpages = fields.badpages ?? [];
  const label = fields.label ?? '';
  const uuid = fields.uuid ?? new Uint8Array(ID_BYTES);
  checkWord('last page', fields.lastPage);
  for (const badpage of badpages) checkWord('bad page', badpage);
  if (badpages.length > MAX_SWAP_BADPAGES || label.length > ID_BYTES || uuid.length !== ID_BYTES) {
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `A swap header holds at most ${MAX_SWAP_BADPAGES} bad pages, a label of at most ${ID_BYTES} characters and a uuid of ${ID_BYTES} bytes, ` +
        `but not ${badpages.length}, ${label.length} and ${uuid.length}.`,
    );
  }
  const littleEndian = fields.bigEndian !== true;
  const bytes = new Uint8Array(PAGE_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(VERSION_AT, SWAP_HEADER_VERSION, littleEndian);
  view.setUint32(LAST_PAGE_AT, fields.lastPage, littleEndian);
  view.setUint32(NR_BADPAGES_AT, badpages.length, littleEndian);
  bytes.set(uuid, UUID_AT);
  putAscii(bytes, LABEL_AT, label);
  let at = BADPAGES_AT;
  for (const badpage of badpages) {
    view.setUint32(at, badpage, littleEndian);
    at += 4;
  }
  putAscii(bytes, MAGIC_AT, SWAP_MAGIC);
  return bytes;
}

function checkWord(what: string, value: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return;
  throw new MisuseError(
    'ERR_OUT_OF_RANGE',
    `The ${what} of a swap header is 0 to 2^32 - 1, but not ${value}.`,
  );
}

function putAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index) & 0x7f;
}
