/**
 * Variants of swapon: each shows its symptom, and without it the same steps do not.
 */
import { expect } from 'chai';
import { EINVAL, KernelBug } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { GFP_KERNEL } from '#src/page/page.js';
import { buildSwapHeader, SWAP_HEADER_VERSION } from '#src/swap/header.js';
import type { SwapMachine } from '../swap/machine.js';
import { faultsWith, SOUND, swapMachineWith, type Faults } from './support.js';

const NR_BADPAGES_AT = 1032;
const BADPAGES_AT = 1536;

/** All slots that an area hands out, in order. */
function takeAll(machine: SwapMachine): number[] {
  const taken: number[] = [];
  for (let slot = machine.getOffset(); slot !== 0; slot = machine.getOffset()) taken.push(slot);
  return taken;
}

describe('variant c07: bad pages are swapped before they are counted', () => {
  const NEIGHBOUR = Uint8Array.from({ length: PAGE_SIZE }, (_, index) => index);

  /** Reads a header of the other byte order into a page frame between two others; gives the machine and the bytes of the frame behind it. */
  function readHeader(faults: Faults, nrBadpages: number): { machine: SwapMachine; neighbour: Uint8Array } {
    const machine = swapMachineWith(faults);
    const bytes = buildSwapHeader({ lastPage: 200, bigEndian: true });
    new DataView(bytes.buffer).setUint32(NR_BADPAGES_AT, nrBadpages, false);
    machine.writeFirstPage('ram0', bytes);
    const { frames, test } = machine;
    const [before, header, behind] = [0, 1, 2].map(() => frames.allocPage(GFP_KERNEL)) as [
      number,
      number,
      number,
    ];
    expect(
      [header, behind].map((page) => frames.frameNumber(page) - frames.frameNumber(before)),
    ).to.deep.equal([1, 2]);
    // The next page asked for is the one given back last.
    frames.freePage(header);
    const address = frames.addressOf(behind);
    test.arena.u8.set(NEIGHBOUR, address);
    return { machine, neighbour: test.arena.u8.subarray(address, address + PAGE_SIZE) };
  }

  const OVER_ONE_FRAME = (2 * PAGE_SIZE - BADPAGES_AT) / 4;
  const swapped = NEIGHBOUR.slice();
  for (let word = 0; word < PAGE_SIZE; word += 4) swapped.subarray(word, word + 4).reverse();

  for (const faults of faultsWith('c07')) {
    it(`overwrites what lies behind the header, and says what it is (${faults.name})`, () => {
      const { machine, neighbour } = readHeader(faults, OVER_ONE_FRAME);
      expect(() => machine.swap.on.swapon('/dev/ram0', 0)).to.throw(
        KernelBug,
        /bytes of 1664 bad pages before it counts them: 4096 bytes behind .* in the page frames \d+ \(taken by the kernel or a driver\)\./,
      );
      expect(Buffer.compare(neighbour, swapped)).to.equal(0);
    });

    it(`ends at the last page frame, and names the first few (${faults.name})`, () => {
      const { machine } = readHeader(faults, 0xffff_ffff);
      expect(() => machine.swap.on.swapon('/dev/ram0', 0)).to.throw(
        KernelBug,
        /4294967295 bad pages .*frames \d+ \(taken by [a-z ]+\), \d+ \(free\), .* and \d+ more\./,
      );
    });

    it(`does no harm when the list fits (${faults.name})`, () => {
      const { machine } = readHeader(faults, 0);
      const header = machine.swap.on.readHeader(machine.disk('ram0'));
      expect(header).to.include({ version: SWAP_HEADER_VERSION, lastPage: 200, swapped: true });
      expect(machine.swap.on.swapon('/dev/ram0', 0)).to.equal(0);
    });
  }

  it('does not happen without it: the header is refused', () => {
    for (const nrBadpages of [OVER_ONE_FRAME, 0xffff_ffff]) {
      const { machine, neighbour } = readHeader(SOUND, nrBadpages);
      expect(machine.swap.on.swapon('/dev/ram0', 0)).to.equal(-EINVAL);
      expect(Buffer.compare(neighbour, NEIGHBOUR)).to.equal(0);
    }
  });
});

describe('variant c09: the last page is taken for the number of pages', () => {
  function slotsOf(faults: Faults): number[] {
    const machine = swapMachineWith(faults);
    machine.writeFirstPage('ram0', buildSwapHeader({ lastPage: 12 }));
    expect(machine.swap.on.swapon('/dev/ram0', 0)).to.equal(0);
    const taken = takeAll(machine);
    expect(taken).to.have.length(machine.field(0, 'pages'));
    return taken;
  }

  for (const faults of faultsWith('c09')) {
    it(`never uses the last page (${faults.name})`, () => {
      expect(slotsOf(faults)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    });
  }

  it('does not happen without it', () => {
    expect(slotsOf(SOUND)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});

describe('variant c16: swapoff leaves a gap in the automatic priorities', () => {
  /** Priorities of two areas and of one that comes and goes beside them; then what is broken. */
  function prioritiesOf(faults: Faults): { given: number[]; broken: number } {
    const machine = swapMachineWith(faults);
    machine.area(8);
    const given: number[] = [];
    for (let round = 0; round < 3; round++) {
      const type = machine.area(8);
      given.push(machine.field(type, 'prio'));
      expect(machine.swap.off.swapoffType(type)).to.equal(0);
    }
    return { given, broken: machine.broken().length };
  }

  for (const faults of faultsWith('c16')) {
    it(`makes them sink with every swapon (${faults.name})`, () => {
      expect(prioritiesOf(faults)).to.deep.equal({ given: [-2, -3, -4], broken: 1 });
    });
  }

  it('does not happen without it', () => {
    expect(prioritiesOf(SOUND)).to.deep.equal({ given: [-2, -2, -2], broken: 0 });
  });
});

describe('variant c24: a bad page that is listed twice counts twice', () => {
  function areaWithBadPage(
    faults: Faults,
    badpages: number[],
  ): { pages: number; taken: number[]; broken: number } {
    const machine = swapMachineWith(faults);
    const type = machine.area(8, { badpages });
    const broken = machine.broken().length;
    return { pages: machine.field(type, 'pages'), taken: takeAll(machine), broken };
  }

  for (const faults of faultsWith('c24')) {
    it(`makes the area full one slot early (${faults.name})`, () => {
      expect(areaWithBadPage(faults, [3, 5, 3])).to.deep.equal({ pages: 4, taken: [1, 2, 4, 6], broken: 1 });
      expect(areaWithBadPage(faults, [3])).to.deep.equal({ pages: 6, taken: [1, 2, 4, 5, 6, 7], broken: 0 });
    });
  }

  it('does not happen without it', () => {
    expect(areaWithBadPage(SOUND, [3, 5, 3])).to.deep.equal({ pages: 5, taken: [1, 2, 4, 6, 7], broken: 0 });
  });
});
