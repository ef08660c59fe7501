import { expect } from 'chai';
import { EINVAL } from '#src/errno.js';
import { notifierFromErrno, notifierToErrno } from '#src/notifier/constants.js';
import { swpEntry } from '#src/swap/entries.js';
import { buildSwapHeader } from '#src/swap/header.js';
import { SWAP_HAS_CACHE } from '#src/swap/info.js';
import { formatProcSwaps } from '#src/swap/proc.js';
import { installC01 } from '#src/variants/c01.js';
import { installC02 } from '#src/variants/c02.js';
import { createSwapMachine, DISK_PAGES, type SwapMachine } from './machine.js';

/** Slots from one to another, both included. */
function range(first: number, last: number, step = 1): number[] {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);
}

/** The slots that so many allocations give. */
function take(machine: SwapMachine, count: number): number[] {
  return Array.from({ length: count }, () => machine.getOffset());
}

/** `lo`, `hi`, `cn` and `cnr` of the first area. */
function cursor(machine: SwapMachine): number[] {
  const fields = ['lowestBit', 'highestBit', 'clusterNext', 'clusterNr'] as const;
  return fields.map((name) => machine.field(0, name));
}

function full(slots: number): SwapMachine {
  const machine = createSwapMachine();
  machine.area(slots);
  take(machine, slots - 1);
  return machine;
}

describe('test vectors of slots', () => {
  it('T1: a rotating area is filled from the bottom to the top', () => {
    const machine = createSwapMachine();
    machine.area(1024);
    expect(take(machine, 1023)).to.deep.equal(range(1, 1023));
    expect(machine.getOffset()).to.equal(0);
    expect(machine.swap.table.nrSwapPages()).to.equal(0);
    expect(cursor(machine)).to.deep.equal([1024, 0, 1024, 1]);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('T2: a bound moves only when the slot at the bound itself is taken', () => {
    const machine = full(600);
    for (const slot of range(2, 598, 2)) machine.free(0, slot);
    expect(cursor(machine)).to.deep.equal([2, 598, 600, 169]);
    expect(machine.swap.table.nrSwapPages()).to.equal(299);
    expect(take(machine, 6)).to.deep.equal([2, 4, 6, 8, 10, 12]);
    expect(cursor(machine)).to.deep.equal([3, 598, 13, 163]);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('T3: a free cluster is preferred to lower free slots', () => {
    const machine = full(2048);
    for (const slot of [...range(10, 199), ...range(1000, 1255)]) machine.free(0, slot);
    machine.setField(0, 'clusterNr', 0);
    expect(take(machine, 256)).to.deep.equal(range(1000, 1255));
    expect([machine.field(0, 'clusterNr'), machine.field(0, 'highestBit')]).to.deep.equal([0, 1254]);
    expect(machine.getOffset()).to.equal(10);
    expect(machine.field(0, 'clusterNr')).to.equal(255);
    expect(machine.getOffset()).to.equal(11);
    expect(machine.field(0, 'clusterNr')).to.equal(254);
    expect(machine.getOffset()).to.equal(12);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('T3: with one allocation left in the countdown, the lowest free slot comes before the cluster', () => {
    const machine = full(2048);
    for (const slot of [...range(10, 199), ...range(1000, 1255)]) machine.free(0, slot);
    machine.setField(0, 'clusterNr', 1);
    expect(take(machine, 4)).to.deep.equal([10, 1000, 1001, 1002]);
  });

  it('T4: a solid-state area is filled from its cursor on, then from the bottom', () => {
    const machine = createSwapMachine();
    machine.area(2048, { start: 1500 });
    expect(machine.field(0, 'clusterNext')).to.equal(1500);
    expect(take(machine, 256)).to.deep.equal(range(1500, 1755));
    expect(take(machine, 256)).to.deep.equal(range(1756, 2011));
    expect(take(machine, 3)).to.deep.equal([1, 2, 3]);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('test vector T5', () => {
  // Operation, result, lo, hi, cn, free slots after it.
  type Row = readonly [
    slot: number | 'get',
    result: number,
    lo: number,
    hi: number,
    cn: number,
    free: number,
  ];
  const COMMON: readonly Row[] = [
    ['get', 1, 2, 7, 2, 6],
    [1, 0, 1, 7, 2, 7],
    ['get', 2, 1, 7, 3, 6],
    [2, 0, 1, 7, 3, 7],
    ['get', 3, 1, 7, 4, 6],
    ['get', 4, 1, 7, 5, 5],
    ['get', 5, 1, 7, 6, 4],
    ['get', 6, 1, 7, 7, 3],
    ['get', 7, 1, 6, 8, 2],
    ['get', 1, 2, 6, 2, 1],
    [1, 0, 1, 6, 2, 2],
    ['get', 2, 1, 6, 3, 1],
  ];

  function follow(machine: SwapMachine, rows: readonly Row[]): void {
    for (const [index, [what, result, ...after]] of rows.entries()) {
      const step = `step ${index + 1}`;
      // Plain references: with most of the area in use, slots that only the cache holds would be looked at as well.
      if (what === 'get') expect(machine.getPlain(), step).to.equal(result);
      else machine.swap.counts.swapFree(swpEntry(0, what));
      const [lo, hi, cn] = cursor(machine);
      expect([lo, hi, cn, machine.swap.table.nrSwapPages()], step).to.deep.equal(after);
      expect(machine.broken(), step).to.deep.equal([]);
    }
  }

  it('finds no slot although slot 1 is free, as 2.6.34 does', () => {
    const machine = createSwapMachine();
    installC01(machine.swap);
    machine.area(8);
    follow(machine, [...COMMON, ['get', 0, 1, 6, 3, 1], ['get', 0, 1, 6, 3, 1]]);
  });

  it('finds slot 1 in the corrected form', () => {
    const machine = createSwapMachine();
    machine.area(8);
    follow(machine, [...COMMON, ['get', 1, 8, 0, 2, 0], ['get', 0, 8, 0, 2, 0]]);
  });
});

describe('test vector T6', () => {
  function machineWith(areas: readonly [usable: number, prio: number][], historical: boolean): SwapMachine {
    const machine = createSwapMachine();
    if (historical) installC02(machine.swap);
    for (const [usable, prio] of areas) machine.area(usable + 1, { prio });
    return machine;
  }

  function sequence(machine: SwapMachine, count: number): ([number, number] | null)[] {
    return Array.from({ length: count }, () => machine.get());
  }

  for (const historical of [false, true]) {
    const form = historical ? 'as in 2.6.34' : 'in the corrected form';

    it(`lets two areas of equal priority take turns, the newer one first, ${form}`, () => {
      const machine = machineWith(
        [
          [3, 5],
          [3, 5],
        ],
        historical,
      );
      expect(sequence(machine, 7)).to.deep.equal([[1, 1], [0, 1], [1, 2], [0, 2], [1, 3], [0, 3], null]);
    });

    it(`comes back to a higher priority when a slot of it is freed, ${form}`, () => {
      const machine = machineWith(
        [
          [2, 10],
          [4, 5],
        ],
        historical,
      );
      const taken = sequence(machine, 4);
      expect(taken.slice(0, 2)).to.deep.equal([
        [0, 1],
        [0, 2],
      ]);
      expect(taken.slice(2)).to.deep.equal([
        [1, 1],
        [1, 2],
      ]);
      machine.free(0, 1);
      expect(machine.swap.table.listNext()).to.equal(0);
      expect(sequence(machine, 2)).to.deep.equal([
        [0, 1],
        [1, 3],
      ]);
    });
  }

  const THREE: readonly [number, number][] = [
    [2, 10],
    [4, 5],
    [4, 3],
  ];

  it('lets two lower areas of different priority take turns, as 2.6.34 does', () => {
    expect(sequence(machineWith(THREE, true), 11)).to.deep.equal([
      [0, 1],
      [0, 2],
      [1, 1],
      [2, 1],
      [1, 2],
      [2, 2],
      [1, 3],
      [2, 3],
      [1, 4],
      [2, 4],
      null,
    ]);
  });

  it('uses up an area before one of lower priority in the corrected form', () => {
    expect(sequence(machineWith(THREE, false), 11)).to.deep.equal([
      [0, 1],
      [0, 2],
      [1, 1],
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 1],
      [2, 2],
      [2, 3],
      [2, 4],
      null,
    ]);
  });
});

describe('test vector T7', () => {
  const ENTRY = swpEntry(0, 1);
  const DIGITS: readonly [users: number, byte: number, chain: readonly number[]][] = [
    [62, 0x3e, []],
    [63, 0x80, [0x01]],
    [64, 0x81, [0x01]],
    [125, 0xbe, [0x01]],
    [126, 0x80, [0x02]],
    [8063, 0xbe, [0x7f]],
    [8064, 0x80, [0x80, 0x01]],
    [8065, 0x81, [0x80, 0x01]],
  ];

  function digits(machine: SwapMachine): [number, number[]] {
    const { table, continuations } = machine.swap;
    return [machine.byte(0, 1), continuations.chainOf(table.infoOf(0), 1)];
  }

  for (const cached of [true, false]) {
    it(`counts up and down through the digits of a slot ${cached ? 'in' : 'that has left'} the swap cache`, () => {
      const machine = createSwapMachine();
      machine.area(16);
      const { counts } = machine.swap;
      machine.getOffset();
      let users = 0;
      const go = (to: number) => {
        for (; users < to; users++) expect(counts.swapDuplicate(ENTRY)).to.equal(0);
        for (; users > to; users--) counts.swapFree(ENTRY);
      };
      go(1);
      if (!cached) counts.swapcacheFree(ENTRY);
      const flag = cached ? SWAP_HAS_CACHE : 0;
      for (const [wanted, byte, chain] of [...DIGITS, ...DIGITS.toReversed()]) {
        go(wanted);
        expect(digits(machine), `${wanted} users`).to.deep.equal([byte | flag, chain]);
        expect(machine.broken(), `${wanted} users`).to.deep.equal([]);
      }
      go(0);
      expect(digits(machine)).to.deep.equal([flag, []]);
      expect(machine.field(0, 'inusePages')).to.equal(cached ? 1 : 0);
    });
  }

  it('needs a third digit page at 1,032,192 users, and comes back to 0', () => {
    const machine = createSwapMachine();
    machine.area(16);
    const { counts, continuations, table } = machine.swap;
    machine.getOffset();
    for (let user = 1; user < 1_032_192; user++) counts.swapDuplicate(ENTRY);
    expect(digits(machine)).to.deep.equal([0xfe, [0xff, 0x7f]]);
    expect(continuations.pagesOf(table.infoOf(0), 0)).to.equal(2);
    counts.swapDuplicate(ENTRY);
    expect(digits(machine)).to.deep.equal([0xc0, [0x80, 0x80, 0x01]]);
    expect(continuations.pagesOf(table.infoOf(0), 0)).to.equal(3);
    for (let user = 1_032_192; user > 0; user--) counts.swapFree(ENTRY);
    expect(digits(machine)).to.deep.equal([SWAP_HAS_CACHE, []]);
    machine.free(0, 1);
    expect(machine.byte(0, 1)).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('test vector T8', () => {
  it('wraps errnos up as answers of notifiers, and unwraps them', () => {
    const answers = [0, -1, -12, -22].map((errno) => notifierFromErrno(errno));
    expect(answers).to.deep.equal([0x8001, 0x8002, 0x800d, 0x8017]);
    const errnos = [0x8001, 0x8002, 0x800d, 0x0000, 0x0001].map((answer) => notifierToErrno(answer));
    expect(errnos).to.deep.equal([0, -1, -12, 0, 0]);
  });
});

describe('test vector T9', () => {
  function swapon(lastPage: number, badpages: number[] = []): { machine: SwapMachine; result: number } {
    const machine = createSwapMachine();
    machine.writeFirstPage('ram0', buildSwapHeader({ lastPage, badpages }));
    return { machine, result: machine.swap.on.swapon('/dev/ram0', 0) };
  }

  function shape(machine: SwapMachine): number[] {
    return [machine.field(0, 'max'), machine.field(0, 'pages'), machine.field(0, 'highestBit')];
  }

  it('makes 255 slots of a partition of 256 pages with last page 255', () => {
    expect(DISK_PAGES).to.equal(256);
    const { machine, result } = swapon(255);
    expect(result).to.equal(0);
    expect(shape(machine)).to.deep.equal([256, 255, 255]);
    expect(machine.log()).to.deep.equal([
      'Adding 1020k swap on /dev/ram0.  Priority:-1 extents:1 across:1020k ',
    ]);
    expect(formatProcSwaps(machine.swap.report.procSwaps()).split('\n')[1]).to.match(
      /^\/dev\/ram0 +partition\t1020\t0\t-1$/,
    );
  });

  it('marks a bad page in the map and does not count it', () => {
    const { machine, result } = swapon(255, [7]);
    expect(result).to.equal(0);
    expect(shape(machine)).to.deep.equal([256, 254, 255]);
    expect(machine.byte(0, 7)).to.equal(0x3f);
  });

  for (const [what, lastPage, badpages, complaint] of [
    ['a last page behind the end', 256, [], ['Swap area shorter than signature indicates']],
    ['no slot at all', 0, [], ['Empty swap-file']],
    ['a bad page behind the last page', 255, [256], []],
  ] as const) {
    it(`refuses ${what}`, () => {
      const { machine, result } = swapon(lastPage, [...badpages]);
      expect(result).to.equal(-EINVAL);
      expect(machine.log()).to.deep.equal(complaint);
      expect(machine.swap.report.swaps()).to.deep.equal([]);
    });
  }
});
