import { expect } from 'chai';
import fc from 'fast-check';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { createMachine } from '#src/machine/machine.js';
import { swpEntry, swpOffset, swpType, type SwapEntry } from '#src/swap/entries.js';
import { SWAP_HAS_CACHE, SWAP_INFO, SWAP_MAP_BAD, swapCount, SWAPFILE_CLUSTER } from '#src/swap/info.js';
import { summaryBytes } from '#src/swap/slot-summary.js';
import { areaTableBytes } from '#src/swap/swap-core.js';
import { pagesFor } from '#src/sync/cells.js';
import { AREA_TABLES, createSwapMachine, type AreaField, type SwapMachine } from './machine.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);

/** What the searches shall find, by looking at every byte of a map. */
const plain = {
  run(bytes: Uint8Array, first: number, last: number): number {
    let run = 0;
    for (let slot = first; slot <= last; slot++) {
      run = bytes[slot] === 0 ? run + 1 : 0;
      if (run === SWAPFILE_CLUSTER) return slot + 1 - run;
    }
    return 0;
  },
  candidate(bytes: Uint8Array, first: number, last: number, orCached: boolean): number {
    for (let slot = first; slot <= last; slot++) {
      if (bytes[slot] === 0 || (orCached && bytes[slot] === SWAP_HAS_CACHE)) return slot;
    }
    return 0;
  },
  inUse(bytes: Uint8Array, first: number, last: number): number {
    for (let slot = first; slot <= last; slot++)
      if (bytes[slot] !== 0 && swapCount(bytes[slot]!) !== SWAP_MAP_BAD) return slot;
    return 0;
  },
};

/** Pieces of a map: a kind of byte, a length, and how often the byte is another one. */
type Piece = readonly [byte: number, length: number, others: number];

/** Writes pieces into the map of area 0, one behind the other, and into a copy. */
function fill(machine: SwapMachine, slots: number, pieces: readonly Piece[]): Uint8Array {
  const bytes = new Uint8Array(slots);
  bytes[0] = SWAP_MAP_BAD;
  let at = 1;
  for (const [byte, length, others] of pieces) {
    for (let end = Math.min(slots, at + length); at < end; at++)
      bytes[at] = others > 0 && at % others === 0 ? byte ^ SWAP_HAS_CACHE : byte;
  }
  for (let slot = 1; slot < slots; slot++) if (bytes[slot] !== 0) machine.setByte(0, slot, bytes[slot]!);
  return bytes;
}

/** Compares all searches of a range with the plain ones. */
function compareSearches(machine: SwapMachine, bytes: Uint8Array, first: number, last: number): void {
  const { summaries, table } = machine.swap;
  const area = table.infoOf(0);
  const what = `of ${first} to ${last}`;
  expect(summaries.findRun(area, first, last), `run ${what}`).to.equal(plain.run(bytes, first, last));
  for (const orCached of [false, true]) {
    expect(summaries.findCandidate(area, first, last, orCached), `candidate ${what}`).to.equal(
      plain.candidate(bytes, first, last, orCached),
    );
  }
  const map = machine.field(0, 'swapMap');
  expect(summaries.findInUse(area, map, first, last), `in use ${what}`).to.equal(
    plain.inUse(bytes, first, last),
  );
}

/** Number of searches that the scanner makes through the summary, from now on. */
function countSearches(machine: SwapMachine): () => number {
  const { summaries } = machine.swap;
  const find = summaries.findCandidate.bind(summaries);
  const findRun = summaries.findRun.bind(summaries);
  let searches = 0;
  summaries.findCandidate = (area, first, last, orCached) => {
    searches++;
    return find(area, first, last, orCached);
  };
  summaries.findRun = (area, first, last) => {
    searches++;
    return findRun(area, first, last);
  };
  return () => searches;
}

describe('the summary of a map', () => {
  const bytesOf = fc.constantFrom(0, 0, SWAP_HAS_CACHE, 1, 0x41, SWAP_MAP_BAD);
  const lengths = fc.oneof(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 190, max: 300 }),
    fc.integer({ min: 900, max: 40_000 }),
  );
  const pieces = fc.array(fc.tuple(bytesOf, lengths, fc.constantFrom(0, 0, 2, 100)), { maxLength: 40 });
  const places = fc.array(fc.nat(), { minLength: 2, maxLength: 20 });

  for (const seed of [7, RANDOM_SEED]) {
    it(`finds what is found byte by byte (seed ${seed})`, () => {
      // Beyond 32,768 slots the upper level has a second word.
      const size = fc.oneof(fc.integer({ min: 2, max: 3000 }), fc.integer({ min: 32_000, max: 80_000 }));
      fc.assert(
        fc.property(size, pieces, places, (slots, shape, choices) => {
          const machine = createSwapMachine();
          machine.area(slots);
          const bytes = fill(machine, slots, shape);
          expect(machine.swap.summaries.complaintAbout(machine.swap.table.infoOf(0))).to.equal('');
          compareSearches(machine, bytes, 1, slots - 1);
          for (let at = 1; at < choices.length; at++) {
            const first = 1 + (choices[at - 1]! % (slots - 1));
            const last = 1 + (choices[at]! % (slots - 1));
            compareSearches(machine, bytes, first, last);
          }
        }),
        { seed, numRuns: 30 },
      );
    });
  }

  it('finds a run wherever it begins, of just the right length', () => {
    const machine = createSwapMachine();
    machine.area(2048);
    const bytes = fill(machine, 2048, [[1, 2047, 0]]);
    // Also across slot 1024, where a word of the middle level ends.
    for (let start = 750; start < 1060; start++) {
      for (let slot = start; slot < start + SWAPFILE_CLUSTER; slot++) {
        machine.setByte(0, slot, 0);
        bytes[slot] = 0;
      }
      const last = start + SWAPFILE_CLUSTER - 1;
      for (const [from, to] of [
        [1, 2047],
        [start, last],
        [start + 1, 2047],
        [1, last - 1],
      ] as const)
        compareSearches(machine, bytes, from, to);
      const found = machine.swap.summaries.findRun(machine.swap.table.infoOf(0), 1, 2047);
      expect(found).to.equal(start);
      for (let slot = start; slot <= last; slot++) {
        machine.setByte(0, slot, 1);
        bytes[slot] = 1;
      }
    }
  });

  it('finds no run where there is room for 255 slots at most', () => {
    const machine = createSwapMachine();
    machine.area(4096);
    for (let slot = SWAPFILE_CLUSTER; slot < 4096; slot += SWAPFILE_CLUSTER) machine.setByte(0, slot, 1);
    const area = machine.swap.table.infoOf(0);
    expect(machine.swap.summaries.findRun(area, 1, 4095)).to.equal(0);
    machine.setByte(0, 3 * SWAPFILE_CLUSTER, 0);
    expect(machine.swap.summaries.findRun(area, 1, 4095)).to.equal(2 * SWAPFILE_CLUSTER + 1);
  });

  it('is what the scanner searches by, and takes table memory as said', () => {
    const machine = createSwapMachine();
    const searches = countSearches(machine);
    machine.area(300);
    expect(machine.getOffset()).to.equal(1);
    expect(searches()).to.equal(1);
    expect(machine.vmalloc.pagesInUse()).to.equal(AREA_TABLES);
    expect(summaryBytes(300)).to.be.within(1, PAGE_SIZE);
    // A quarter of a byte a slot for the two bitmaps, and little above them.
    expect(summaryBytes(1 << 20) / (1 << 20)).to.be.within(0.25, 0.27);
  });

  it('is not there where it is not wanted', () => {
    const machine = createSwapMachine({}, undefined, undefined, false);
    const searches = countSearches(machine);
    machine.area(300);
    expect(machine.getOffset()).to.equal(1);
    expect(searches()).to.equal(0);
    expect(machine.field(0, 'freeSlots')).to.equal(0);
    expect(machine.vmalloc.pagesInUse()).to.equal(AREA_TABLES - 1);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('is done without where there is no room for it', () => {
    const machine = createSwapMachine();
    const searches = countSearches(machine);
    const { vmalloc } = machine;
    const take = vmalloc.vmalloc.bind(vmalloc);
    vmalloc.vmalloc = (bytes) => (bytes === summaryBytes(5000) ? 0 : take(bytes));
    expect(machine.area(5000)).to.equal(0);
    expect(machine.field(0, 'freeSlots')).to.equal(0);
    expect(machine.getOffset()).to.equal(1);
    machine.free(0, 1);
    expect(searches()).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
    expect(machine.swap.off.swapoffType(0)).to.equal(0);
    expect(vmalloc.pagesInUse()).to.equal(0);
  });

  it('is there by default in a machine, which has room for it, and not on request', () => {
    for (const options of [{}, { slotSummary: true }, { slotSummary: false }]) {
      const machine = createMachine({ ramDisks: [{ name: 'disk', bytes: 5000 * PAGE_SIZE }], ...options });
      const view = machine.attach();
      const { vmalloc, swap } = view.kernel;
      view.mkswap('/dev/disk');
      const before = vmalloc.pagesInUse();
      const area = swap.table.infoOf(view.swapon('/dev/disk'));
      const isThere = view.kernel.core.cells.ldu32(area + SWAP_INFO.freeSlots) !== 0;
      expect(isThere).to.equal(options.slotSummary !== false);
      // All but the table of clusters, which this policy has none of.
      const pages = (vmalloc.pagesInUse() - before) * PAGE_SIZE;
      const withoutSummary = isThere ? 0 : pagesFor(summaryBytes(5000)) * PAGE_SIZE;
      expect(pages).to.equal(areaTableBytes(5000) - PAGE_SIZE - withoutSummary);
    }
  });

  it('goes with its area, and the next area of that type gets a new one', () => {
    const machine = createSwapMachine();
    machine.area(700);
    const one = machine.getOffset();
    machine.free(0, one);
    expect(machine.swap.off.swapoffType(0)).to.equal(0);
    expect(machine.vmalloc.pagesInUse()).to.equal(0);
    expect(machine.field(0, 'freeSlots')).to.equal(0);
    machine.area(20, { badpages: [2, 3] });
    expect([machine.getOffset(), machine.getOffset()]).to.deep.equal([1, 4]);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('a summary that is wrong', () => {
  // Words of the summary of 2048 slots: two of a head, 65 groups of two, three entries of four on the middle level, one on top.
  const MIDDLE = 2 + 2 * 65;
  const TOP = MIDDLE + 4 * 3;
  const damages: [RegExp, number, number][] = [
    [/wrong about which of slots 64 to 95 are free/, 2 + 2 * 2, 1 << 5],
    [/wrong about which of slots 64 to 95 only the cache holds/, 2 + 2 * 2 + 1, 1 << 5],
    [/wrong about whether one of slots 64 to 95 is free/, MIDDLE, 1 << 2],
    [/wrong about whether each of slots 64 to 95 is free/, MIDDLE + 1, 1 << 2],
    [/wrong about whether only the cache holds one of slots 64 to 95/, MIDDLE + 2, 1 << 2],
    [/whose top is wrong about slots 1024 to 2047/, TOP, 1 << 1],
    [/whose top is wrong about slots 1024 to 2047/, TOP + 1, 1 << 1],
    [/whose top is wrong about slots 0 to 1023/, TOP + 2, 1],
  ];
  for (const [sentence, word, bits] of damages) {
    it(`is found: ${sentence.source}`, () => {
      const machine = createSwapMachine();
      machine.area(2048);
      machine.getOffset();
      expect(machine.broken()).to.deep.equal([]);
      const index = machine.field(0, 'freeSlots') / 4 + word;
      machine.test.arena.i32[index]! ^= bits;
      const broken = machine.broken();
      expect(broken).to.have.length(1);
      expect(broken[0])
        .to.match(/^area 0 has a summary /)
        .and.match(sentence);
    });
  }
});

/** What is done to two machines, one with and one without summaries; the numbers choose slots and areas. */
type Op = readonly [kind: OpKind, choice: number, amount: number];
const OP_KINDS = [
  'take',
  'takePlain',
  'freeScattered',
  'freeRow',
  'share',
  'leaveCache',
  'cachePage',
  'recount',
  'nextInUse',
  'flush',
  'off',
] as const;
type OpKind = (typeof OP_KINDS)[number];

interface AreaPlan {
  readonly slots: number;
  readonly prio: number;
  readonly start: number;
  readonly bad: readonly number[];
  readonly discard: boolean;
}

const FIELDS: readonly AreaField[] = [
  'flags',
  'prio',
  'next',
  'max',
  'lowestBit',
  'highestBit',
  'pages',
  'inusePages',
  'clusterNext',
  'clusterNr',
  'lowestAlloc',
  'highestAlloc',
  'allocated',
  'freed',
];

/** One of the two machines. */
class Side {
  readonly machine: SwapMachine;
  readonly plans: readonly AreaPlan[];
  readonly discards: number[][] = [];

  constructor(plans: readonly AreaPlan[], policy: 'notify' | 'discard-cluster', slotSummary: boolean) {
    this.plans = plans;
    this.machine = createSwapMachine({}, undefined, policy, slotSummary);
    this.machine.reader.record([]);
    this.machine.useCache();
    const { discard } = this.machine.swap;
    const issue = discard.issue.bind(discard);
    discard.issue = (area, block, count, gfp) => {
      this.discards.push([area, block, count]);
      return issue(area, block, count, gfp);
    };
    for (const plan of plans) this.on(plan);
  }

  private on({ slots, prio, start, bad, discard }: AreaPlan): number {
    return this.machine.swap.on.swaponWithoutHeader({
      lastPage: slots - 1,
      prio,
      nonrot: start > 0,
      random32: start,
      badpages: [...new Set(bad.map((slot) => 1 + (slot % (slots - 1))))],
      discard,
    });
  }

  take(amount: number): SwapEntry[] {
    return Array.from({ length: amount }, () => this.machine.swap.allocator.getSwapPage());
  }

  takePlain(type: number, amount: number): SwapEntry[] {
    return Array.from({ length: amount }, () => this.machine.swap.allocator.getSwapPageOfType(type));
  }

  /** Drops all references to a slot, its page in the cache first. */
  free(entry: SwapEntry): void {
    const { swap, cache } = this.machine;
    const page = cache.find(entry);
    if (page !== 0) cache.deleteFromSwapCache(page);
    for (;;) {
      const byte = swap.table.mapByte(entry);
      // A slot that was the last one of its cluster is held back, and looks bad until its discard.
      if (byte === 0 || byte === SWAP_MAP_BAD) return;
      if ((byte & SWAP_HAS_CACHE) !== 0) swap.counts.swapcacheFree(entry);
      else swap.counts.swapFree(entry);
    }
  }

  share(entry: SwapEntry): number {
    return this.machine.swap.counts.__swapDuplicate(entry, 1);
  }

  leaveCache(entry: SwapEntry): void {
    const { swap, cache } = this.machine;
    const page = cache.find(entry);
    if (page !== 0) cache.deleteFromSwapCache(page);
    else if ((swap.table.mapByte(entry) & SWAP_HAS_CACHE) !== 0) swap.counts.swapcacheFree(entry);
  }

  cachePage(entry: SwapEntry, state: number): void {
    const { swap, cache } = this.machine;
    if (cache.find(entry) !== 0 || (swap.table.mapByte(entry) & SWAP_HAS_CACHE) === 0) return;
    cache.add(entry, { locked: (state & 1) !== 0, writeback: (state & 2) !== 0, mapped: (state & 4) !== 0 });
  }

  /** Switches an area off, when none of its slots is in use, and on again. */
  off(type: number): number[] {
    const error = this.machine.swap.off.swapoffType(type);
    return error === 0 ? [error, this.on(this.plans[type]!)] : [error];
  }

  /** Slots in use, in order. */
  held(): SwapEntry[] {
    const entries: SwapEntry[] = [];
    for (let type = 0; type < this.machine.swap.table.nrSwapfiles(); type++) {
      for (let slot = 1; slot < this.machine.field(type, 'max'); slot++) {
        const byte = this.machine.byte(type, slot);
        if (byte !== 0 && byte !== SWAP_MAP_BAD) entries.push(swpEntry(type, slot));
      }
    }
    return entries;
  }

  /** Everything that a decision left behind. */
  state(): unknown {
    const { swap, test } = this.machine;
    const areas = this.plans.map((_plan, type) => {
      const area = swap.table.infoOf(type);
      const map = this.machine.field(type, 'swapMap');
      const bytes = test.arena.u8.slice(map, map + test.cells.ldu32(area + SWAP_INFO.max));
      return [Buffer.from(bytes).toString('hex'), ...FIELDS.map((field) => this.machine.field(type, field))];
    });
    const { table } = swap;
    return { areas, free: table.nrSwapPages(), head: table.listHead(), next: table.listNext() };
  }
}

function perform(side: Side, held: readonly SwapEntry[], [kind, choice, amount]: Op): unknown {
  const type = choice % side.plans.length;
  const chosen = held.length === 0 ? 0 : held[choice % held.length]!;
  switch (kind) {
    case 'take':
      return side.take(amount);
    case 'takePlain':
      return side.takePlain(type, amount);
    case 'freeScattered':
      for (let at = choice % 7; at < held.length; at += 1 + (choice % 5)) side.free(held[at]!);
      return null;
    case 'freeRow':
      for (let at = choice % (held.length + 1), left = 2 * amount; at < held.length && left > 0; at++, left--)
        side.free(held[at]!);
      return null;
    case 'share':
      return chosen === 0 ? null : side.share(chosen);
    case 'leaveCache':
      for (let at = choice % 3; at < held.length; at += 3) {
        side.share(held[at]!);
        side.leaveCache(held[at]!);
      }
      return null;
    case 'cachePage':
      for (let at = 0; at < amount && at < held.length; at++)
        side.cachePage(held[(choice + at) % held.length]!, at % 11 === 0 ? choice : 0);
      return null;
    case 'recount':
      // As after a burst of allocations: the next one looks for a free cluster.
      side.machine.setField(type, 'clusterNr', 0);
      return null;
    case 'nextInUse':
      return side.machine.swap.off.findNextToUnuse(type, choice % side.machine.field(type, 'max'));
    case 'flush':
      return side.machine.swap.clusters.flush();
    case 'off':
      return side.off(type);
  }
}

describe('a machine with summaries and one without', () => {
  const area: fc.Arbitrary<AreaPlan> = fc.record({
    slots: fc.oneof(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 300, max: 1600 })),
    prio: fc.integer({ min: 0, max: 2 }),
    start: fc.constantFrom(0, 0, 1, 77, 1000),
    bad: fc.array(fc.nat({ max: 2000 }), { maxLength: 4 }),
    discard: fc.boolean(),
  });
  const op = fc.tuple(
    fc.constantFrom(...OP_KINDS, 'take', 'freeRow'),
    fc.nat({ max: 9999 }),
    fc.nat({ max: 300 }),
  );

  for (const policy of ['notify', 'discard-cluster'] as const) {
    for (const seed of [3, RANDOM_SEED]) {
      it(`decide the same under ${policy} (seed ${seed})`, () => {
        fc.assert(
          fc.property(
            fc.array(area, { minLength: 1, maxLength: 3 }),
            fc.array(op, { minLength: 5, maxLength: 40 }),
            (plans, ops) => {
              const [summed, scanned] = [true, false].map((summary) => new Side(plans, policy, summary));
              for (const step of ops) {
                const held = summed!.held();
                expect(perform(summed!, held, step), step.join(' ')).to.deep.equal(
                  perform(scanned!, held, step),
                );
                expect(summed!.state()).to.deep.equal(scanned!.state());
              }
              expect(summed!.discards).to.deep.equal(scanned!.discards);
              expect(summed!.machine.broken()).to.deep.equal([]);
              expect(scanned!.machine.broken()).to.deep.equal([]);
            },
          ),
          { seed, numRuns: 50 },
        );
      });
    }
  }

  it('hand out the same slots of areas of equal priority until they are full', () => {
    const plans = [0, 900].map((start) => ({ slots: 1300, prio: 1, start, bad: [600], discard: false }));
    const [summed, scanned] = [true, false].map((summary) => new Side(plans, 'notify', summary));
    const taken = summed!.take(2600);
    expect(taken).to.deep.equal(scanned!.take(2600));
    expect(taken.filter((entry) => entry !== 0)).to.have.length(2 * 1298);
    expect(new Set(taken.slice(0, 100).map(swpType)).size).to.equal(2);
    expect(Math.max(...taken.map(swpOffset))).to.equal(1299);
  });
});
