/**
 * What swapon must say about a header: a small model of the steps of sys_swapon that judge one, written from their description and sharing no code
 * with `src/`. And an arbitrary that makes headers of all sorts.
 */
import fc from 'fast-check';

/** Bytes of a header, and of a slot. */
export const HEADER_BYTES = 4096;
const MAGIC = 'SWAPSPACE2';
const MOST_BADPAGES = 637;
const EINVAL = 22;
/** Slots that the 23 bits of a pte can name. */
const PTE_SLOTS = 2 ** 23;

/** What swapon must do with a header. */
export type Verdict =
  | { readonly accepted: false; readonly error: number; readonly log: readonly string[] }
  | {
      readonly accepted: true;
      /** Bytes of the map. */
      readonly max: number;
      /** Usable slots. */
      readonly pages: number;
      /** Slots that are bad, slot 0 left out. */
      readonly bad: ReadonlySet<number>;
    };

/** What is swapped on. */
export interface Target {
  readonly pages: number;
  /** Whether it is a regular file: those have no bad pages. */
  readonly isFile: boolean;
}

/**
 * Judges a header as the steps 11 to 19 do. A bad page that is listed twice counts once, which is the sound form.
 * @param bytes - the first page
 * @param target - where it lies
 */
export function judge(bytes: Uint8Array, target: Target): Verdict {
  const refuse = (...log: string[]): Verdict => ({ accepted: false, error: -EINVAL, log });
  for (let index = 0; index < MAGIC.length; index++) {
    if (bytes[HEADER_BYTES - MAGIC.length + index] !== MAGIC.charCodeAt(index))
      return refuse('Unable to find swap-space signature');
  }
  const isForeign = bytes[1024] === 0 && bytes[1025] === 0 && bytes[1026] === 0 && bytes[1027] === 1;
  const word = (at: number): number => {
    let value = 0;
    for (let index = 0; index < 4; index++)
      value = value * 256 + bytes[at + (isForeign ? index : 3 - index)]!;
    return value;
  };
  const version = word(1024);
  if (version !== 1) {
    const signed = version >= 2 ** 31 ? version - 2 ** 32 : version;
    return refuse(`Unable to handle swap header version ${signed}`);
  }
  const lastPage = word(1028);
  const max = lastPage < PTE_SLOTS ? lastPage + 1 : PTE_SLOTS;
  if (max > target.pages) return refuse('Swap area shorter than signature indicates');
  const listed = word(1032);
  if (listed !== 0 && target.isFile) return refuse();
  if (listed > MOST_BADPAGES) return refuse();
  const bad = new Set<number>();
  for (let index = 0; index < listed; index++) {
    const page = word(1536 + 4 * index);
    if (page === 0 || page > lastPage) return refuse();
    bad.add(page);
  }
  const pages = max - 1 - bad.size;
  return pages === 0 ? refuse('Empty swap-file') : { accepted: true, max, pages, bad };
}

/** A header to be built: its parts, and bits to be flipped at the end. */
export interface HeaderShape {
  readonly bigEndian: boolean;
  readonly magic: string;
  readonly version: number;
  readonly lastPage: number;
  readonly badpages: readonly number[];
  /** What the header says the number of bad pages is; null for the truth. */
  readonly listed: number | null;
  /** Byte the unused parts are filled with. */
  readonly filler: number;
  readonly flips: readonly number[];
}

/**
 * Headers: most of them nearly right, for a target of so many pages.
 * @param target - what is swapped on
 */
export function headerShapes(target: Target): fc.Arbitrary<HeaderShape> {
  const { pages } = target;
  const anything = fc.integer({ min: 0, max: 0xffff_ffff });
  const near = fc.integer({ min: 0, max: pages + 1 });
  const lastPage = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: pages - 1 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 4 }) },
    { weight: 1, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: pages - 2, max: pages + 2 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(PTE_SLOTS - 2, PTE_SLOTS - 1, PTE_SLOTS, 2 ** 31, 0xffff_fffe, 0xffff_ffff),
    },
    { weight: 1, arbitrary: anything },
  );
  const badpage = fc.oneof({ weight: 12, arbitrary: near }, { weight: 1, arbitrary: anything });
  const badpages = fc.oneof(
    { weight: 8, arbitrary: fc.array(badpage, { maxLength: 4 }) },
    // All pages, or all but a few, twice or in any order: the area is empty or nearly so.
    { weight: 1, arbitrary: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 4, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom(...[1, 636, 637].map((count) => upTo(count, pages))) },
  );
  const flip = fc.oneof(
    // Magic, version, last page, number of bad pages.
    { weight: 3, arbitrary: fc.integer({ min: 8 * 4086, max: 8 * 4096 - 1 }) },
    { weight: 5, arbitrary: fc.integer({ min: 8 * 1024, max: 8 * 1036 - 1 }) },
    { weight: 2, arbitrary: fc.integer({ min: 8 * 1536, max: 8 * 1552 - 1 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 8 * 4096 - 1 }) },
  );
  return fc.record({
    bigEndian: fc.boolean(),
    magic: fc.oneof(
      { weight: 30, arbitrary: fc.constant(MAGIC) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('SWAP-SPACE', 'SWAPSPACE1', 'swapspace2', '\0\0', '2ECAPSPAWS'),
      },
    ),
    version: fc.oneof(
      { weight: 20, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.constantFrom(0, 2, 0x0100_0000, 0xffff_ffff, 0x8000_0000, 0x0101_0101) },
      { weight: 1, arbitrary: anything },
    ),
    lastPage,
    badpages,
    listed: fc.oneof(
      { weight: 12, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.constantFrom(636, 637, 638, 639, 2 ** 24, 2 ** 30 + 1, 0xffff_ffff) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 16 }) },
    ),
    filler: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 255 }) },
    ),
    flips: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(flip, { minLength: 1, maxLength: 4 }) },
    ),
  });
}

/**
 * The bytes of a header.
 * @param shape - its parts
 * @param bytes - {@link HEADER_BYTES} bytes to write it to
 */
export function buildHeader(shape: HeaderShape, bytes: Uint8Array): void {
  bytes.fill(shape.filler);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const littleEndian = !shape.bigEndian;
  view.setUint32(1024, shape.version, littleEndian);
  view.setUint32(1028, shape.lastPage, littleEndian);
  view.setUint32(1032, shape.listed ?? shape.badpages.length, littleEndian);
  for (const [index, page] of shape.badpages.entries()) view.setUint32(1536 + 4 * index, page, littleEndian);
  for (const [index, letter] of Array.from(shape.magic).entries())
    bytes[HEADER_BYTES - MAGIC.length + index] = letter.charCodeAt(0);
  for (const bit of shape.flips) bytes[bit >> 3]! ^= 1 << (bit & 7);
}

/** 1, 2, ..., some of them again where there are not so many pages. */
function upTo(count: number, pages: number): number[] {
  return Array.from({ length: count }, (_unused, index) => 1 + (index % (pages - 1)));
}
