import { expect } from 'chai';
import fc from 'fast-check';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { ENOMEM, KernelBug } from '#src/errno.js';
import { GFP_ATOMIC, GFP_KERNEL, PAGE } from '#src/page/page.js';
import { SWAP_MAP_PAGE } from '#src/swap/continuations.js';
import { swpEntry } from '#src/swap/entries.js';
import { SWAP_HAS_CACHE, SWAP_INFO, SWP_CONTINUED } from '#src/swap/info.js';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import type { SwingInput, SwingResult } from './continuation-scenarios.js';
import { createSwapMachine, type SwapMachine } from './machine.js';

const SCENARIOS = siblingModule('continuation-scenarios', import.meta.url).href;
const LIMIT_MS = 15_000;
const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);
const ENTRY = swpEntry(0, 1);

/** A machine whose area has slots in use, each with one user and no page in the cache. */
function withSlots(slots: number, areaSlots = 64): SwapMachine {
  const machine = createSwapMachine();
  machine.area(areaSlots);
  for (let slot = 1; slot <= slots; slot++) expect(machine.getPlain()).to.equal(slot);
  return machine;
}

/** Adds users, one by one, until a slot of area 0 has so many. */
function raise(machine: SwapMachine, slot: number, users: number): void {
  for (let has = usersOf(machine, slot); has < users; has++) {
    if (machine.swap.counts.swapDuplicate(swpEntry(0, slot)) !== 0)
      throw new Error(`user ${has + 1} was refused`);
  }
}

function usersOf(machine: SwapMachine, slot: number): number {
  return machine.swap.continuations.countOf(machine.swap.table.infoOf(0), slot);
}

/** Map byte and higher digits of a slot of area 0. */
function digits(machine: SwapMachine, slot: number): [number, number[]] {
  return [machine.byte(0, slot), machine.swap.continuations.chainOf(machine.swap.table.infoOf(0), slot)];
}

/** What the model says: map byte and higher digits of a count. */
function digitsOf(users: number): [number, number[]] {
  let rest = Math.floor(users / 63);
  const chain: number[] = [];
  while (rest > 0) {
    const above = Math.floor(rest / 128);
    chain.push((rest % 128) | (above > 0 ? 0x80 : 0));
    rest = above;
  }
  return [(users % 63) | (chain.length > 0 ? 0x80 : 0), chain];
}

/** Table of the specification: users, map byte, higher digits. */
const T7: [number, number, number[]][] = [
  [62, 0x3e, []],
  [63, 0x80, [0x01]],
  [64, 0x81, [0x01]],
  [125, 0xbe, [0x01]],
  [126, 0x80, [0x02]],
  [8063, 0xbe, [0x7f]],
  [8064, 0x80, [0x80, 0x01]],
  [8065, 0x81, [0x80, 0x01]],
];

describe('a count above 62', () => {
  it('has the digits of the reference model on the way up and on the way down', () => {
    const machine = withSlots(1);
    for (const [users, byte, chain] of T7) {
      raise(machine, 1, users);
      expect(digits(machine, 1), `${users} users`).to.deep.equal([byte, chain]);
      expect(machine.broken()).to.deep.equal([]);
    }
    for (const [users, byte, chain] of [...T7].reverse()) {
      while (usersOf(machine, 1) > users) machine.swap.counts.swapFree(ENTRY);
      expect(digits(machine, 1), `${users} users`).to.deep.equal([byte, chain]);
      expect(machine.broken()).to.deep.equal([]);
    }
  });

  it('carries the cache bit beside its lowest digit', () => {
    const machine = withSlots(1);
    const { counts } = machine.swap;
    counts.swapcachePrepare(ENTRY);
    for (const [users, byte, chain] of T7) {
      raise(machine, 1, users);
      expect(digits(machine, 1), `${users} users`).to.deep.equal([byte | SWAP_HAS_CACHE, chain]);
    }
    counts.swapcacheFree(ENTRY);
    expect(digits(machine, 1)).to.deep.equal([0x81, [0x80, 0x01]]);
    counts.swapcachePrepare(ENTRY);
    while (usersOf(machine, 1) > 0) counts.swapFree(ENTRY);
    expect(machine.byte(0, 1)).to.equal(SWAP_HAS_CACHE);
    expect(machine.field(0, 'inusePages')).to.equal(1);
    counts.swapcacheFree(ENTRY);
    expect(machine.byte(0, 1)).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('goes up to 10,000 and down to nothing, each number once', () => {
    const machine = withSlots(1);
    const { counts } = machine.swap;
    const wrong: number[] = [];
    const look = (users: number): void => {
      const [byte, chain] = digits(machine, 1);
      const [wantedByte, wantedChain] = digitsOf(users);
      const same = byte === wantedByte && chain.join() === wantedChain.join();
      if (!same || usersOf(machine, 1) !== users) wrong.push(users);
    };
    for (let users = 2; users <= 10_000; users++) {
      counts.swapDuplicate(ENTRY);
      look(users);
    }
    for (let users = 9999; users >= 1; users--) {
      counts.swapFree(ENTRY);
      look(users);
    }
    expect(wrong).to.deep.equal([]);
    expect(machine.field(0, 'freed')).to.equal(0);
    counts.swapFree(ENTRY);
    expect([machine.byte(0, 1), machine.field(0, 'freed')]).to.deep.equal([0, 1]);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('needs a third page at 1,032,192, which it borrows from on the way back', () => {
    const machine = withSlots(1);
    const { counts, continuations } = machine.swap;
    const area = machine.swap.table.infoOf(0);
    raise(machine, 1, 8064);
    // As if it had been counted up to one below: 0xbe, 0xff, 0x7f is 62 + 63 x (127 + 128 x 127).
    machine.test.cells.st8(machine.field(0, 'swapMap') + 1, 0xbe);
    const [low, high] = pagesOf(machine, 0);
    machine.test.cells.st8(machine.frames.addressOf(low!) + 1, 0xff);
    machine.test.cells.st8(machine.frames.addressOf(high!) + 1, 0x7f);
    expect(usersOf(machine, 1)).to.equal(1_032_191);
    expect(continuations.pagesOf(area, 0)).to.equal(2);
    expect(counts.swapDuplicate(ENTRY)).to.equal(0);
    expect(digits(machine, 1)).to.deep.equal([0x80, [0x80, 0x80, 0x01]]);
    expect([usersOf(machine, 1), continuations.pagesOf(area, 0)]).to.deep.equal([1_032_192, 3]);
    counts.swapFree(ENTRY);
    expect(digits(machine, 1)).to.deep.equal([0xbe, [0xff, 0x7f]]);
    expect(machine.broken()).to.deep.equal([]);
  });
});

/** Continuation pages of the first piece of the map of an area, the lowest digits first. */
function pagesOf(machine: SwapMachine, type: number): number[] {
  const { cells } = machine.test;
  const pages: number[] = [];
  let page = cells.ldu32(machine.field(type, 'mapPages') + SWAP_MAP_PAGE.first);
  for (; page !== 0; page = cells.ldu32(page + PAGE.lruNext)) pages.push(page);
  return pages;
}

describe('slots that share a continuation page', () => {
  type Op = readonly [slot: number, delta: number];
  const op: fc.Arbitrary<Op> = fc.tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.constantFrom(1, -1, 60, -60, 64, -64, 300, -300, 8000, -8000),
  );

  for (const seed of [42, RANDOM_SEED]) {
    it(`count each for itself (seed ${seed})`, () => {
      fc.assert(
        fc.property(fc.array(op, { minLength: 5, maxLength: 40 }), (ops) => {
          const machine = withSlots(5);
          const { counts, continuations } = machine.swap;
          const users = [0, 1, 1, 1, 1, 1];
          for (const [slot, delta] of ops) {
            const wanted = Math.min(Math.max(users[slot]! + delta, 1), 20_000);
            for (; users[slot]! < wanted; users[slot]!++)
              expect(counts.swapDuplicate(swpEntry(0, slot))).to.equal(0);
            for (; users[slot]! > wanted; users[slot]!--) counts.swapFree(swpEntry(0, slot));
          }
          for (let slot = 1; slot <= 5; slot++)
            expect(digits(machine, slot)).to.deep.equal(digitsOf(users[slot]!));
          expect(continuations.livePages()).to.be.at.most(2);
          expect(machine.broken()).to.deep.equal([]);
        }),
        { seed, numRuns: 12 },
      );
    }).timeout(60_000);
  }

  it('leave the digits of a slot that never carried alone, whatever is in the page', () => {
    const machine = withSlots(3);
    raise(machine, 2, 8064);
    for (const slot of [1, 3]) {
      expect(digits(machine, slot)).to.deep.equal([1, []]);
      raise(machine, slot, 63);
      expect(digits(machine, slot)).to.deep.equal([0x80, [1]]);
    }
    expect(usersOf(machine, 2)).to.equal(8064);
  });

  it('share it only within 4096 slots: each piece of the map has pages of its own', () => {
    const slots = 2 * PAGE_SIZE + 10;
    const machine = withSlots(slots - 1, slots);
    const { continuations } = machine.swap;
    const area = machine.swap.table.infoOf(0);
    const pieces = (): number[] => [0, 1, 2].map((piece) => continuations.pagesOf(area, piece));
    raise(machine, PAGE_SIZE - 1, 70);
    expect(pieces()).to.deep.equal([1, 0, 0]);
    raise(machine, PAGE_SIZE, 8100);
    expect(pieces()).to.deep.equal([1, 2, 0]);
    raise(machine, 2 * PAGE_SIZE + 9, 63);
    expect(pieces()).to.deep.equal([1, 2, 1]);
    expect([PAGE_SIZE - 1, PAGE_SIZE, 2 * PAGE_SIZE + 9].map((slot) => usersOf(machine, slot))).to.deep.equal(
      [70, 8100, 63],
    );
    expect(continuations.livePages()).to.equal(4);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('a page for the next digit', () => {
  it('is asked for only where a count is full, and kept when the count goes down again', () => {
    const machine = withSlots(2);
    const { frames } = machine;
    const { continuations, counts } = machine.swap;
    const { free } = frames.info();
    raise(machine, 1, 62);
    expect([frames.info().free, machine.field(0, 'flags') & SWP_CONTINUED]).to.deep.equal([free, 0]);
    raise(machine, 1, 63);
    expect([frames.info().free, machine.field(0, 'flags') & SWP_CONTINUED]).to.deep.equal([
      free - 1,
      SWP_CONTINUED,
    ]);
    while (usersOf(machine, 1) > 1) counts.swapFree(ENTRY);
    raise(machine, 1, 200);
    raise(machine, 2, 200);
    expect([frames.info().free, continuations.livePages()]).to.deep.equal([free - 1, 1]);
  });

  it('that cannot be had refuses the user and changes nothing; later it works', () => {
    for (const users of [62, 8063]) {
      const machine = withSlots(1);
      const { counts } = machine.swap;
      raise(machine, 1, users);
      const before = [digits(machine, 1), machine.footprint()];
      expect(counts.__swapDuplicate(ENTRY, 1)).to.equal(-ENOMEM);
      machine.frames.failNextRequests(2);
      expect(counts.swapDuplicate(ENTRY)).to.equal(-ENOMEM);
      expect(counts.addSwapCountContinuation(ENTRY, GFP_KERNEL)).to.equal(-ENOMEM);
      expect([digits(machine, 1), machine.footprint()]).to.deep.equal(before);
      expect(machine.swap.table.swapLock.tryLock()).to.equal(true);
      machine.swap.table.swapLock.unlock();
      expect(counts.swapDuplicate(ENTRY)).to.equal(0);
      expect(digits(machine, 1)).to.deep.equal(digitsOf(users + 1));
    }
  });

  it('is refused when the frames are used up, as far as an atomic request may go', () => {
    const machine = withSlots(1);
    raise(machine, 1, 62);
    const taken: number[] = [];
    for (let page = machine.frames.allocPage(GFP_ATOMIC); page !== 0;) {
      taken.push(page);
      page = machine.frames.allocPage(GFP_ATOMIC);
    }
    expect(machine.swap.counts.swapDuplicate(ENTRY)).to.equal(-ENOMEM);
    machine.frames.freePage(taken.pop()!);
    expect(machine.swap.counts.swapDuplicate(ENTRY)).to.equal(0);
  });

  it('is given back when it turns out not to be needed', () => {
    const machine = withSlots(2);
    const { counts, continuations } = machine.swap;
    const free = (): number => machine.frames.info().free;
    const before = free();
    // The slot is not in use, not full, or of no area; a failing request is then no error either.
    for (const entry of [swpEntry(0, 5), ENTRY, swpEntry(3, 1), 0]) {
      expect(counts.addSwapCountContinuation(entry, GFP_ATOMIC)).to.equal(0);
      machine.frames.failNextRequests(1);
      expect(counts.addSwapCountContinuation(entry, GFP_ATOMIC)).to.equal(0);
    }
    expect(free()).to.equal(before);
    raise(machine, 1, 62);
    raise(machine, 2, 62);
    expect(counts.addSwapCountContinuation(ENTRY, GFP_ATOMIC)).to.equal(0);
    // There is one now that slot 1 has not reached yet; neither has slot 2.
    expect(counts.addSwapCountContinuation(ENTRY, GFP_ATOMIC)).to.equal(0);
    expect(counts.addSwapCountContinuation(swpEntry(0, 2), GFP_ATOMIC)).to.equal(0);
    expect([free(), continuations.livePages()]).to.deep.equal([before - 1, 1]);
    // Full, but the digit above has room.
    raise(machine, 1, 125);
    expect(counts.addSwapCountContinuation(ENTRY, GFP_ATOMIC)).to.equal(0);
    expect([free(), continuations.livePages()]).to.deep.equal([before - 1, 1]);
    // A page whose digits begin with the next user.
    raise(machine, 1, 8063);
    expect(counts.addSwapCountContinuation(ENTRY, GFP_ATOMIC)).to.equal(0);
    expect(counts.addSwapCountContinuation(ENTRY, GFP_ATOMIC)).to.equal(0);
    expect([free(), continuations.livePages(), digits(machine, 1)]).to.deep.equal([
      before - 2,
      2,
      [0xbe, [0x7f]],
    ]);
  });

  it('may not be waited for under a spinlock', () => {
    const machine = withSlots(1);
    const { counts, table } = machine.swap;
    table.swapLock.lock();
    expect(() => counts.addSwapCountContinuation(ENTRY, GFP_KERNEL)).to.throw(KernelBug, /allocating a page/);
  });
});

describe('shmem, bad and free slots', () => {
  it('have no higher digits, and say so', () => {
    const machine = createSwapMachine();
    machine.area(16, { badpages: [2] });
    machine.get();
    machine.swap.counts.swapShmemAlloc(ENTRY);
    expect([1, 2, 3].map((slot) => usersOf(machine, slot))).to.deep.equal([1, 0, 0]);
    expect([1, 2, 3].map((slot) => digits(machine, slot)[1])).to.deep.equal([[], [], []]);
    machine.swap.counts.swapFree(ENTRY);
    machine.swap.counts.swapcacheFree(ENTRY);
    expect(machine.broken()).to.deep.equal([]);
  });
});

describe('digits that cannot be', () => {
  const damages: [string, RegExp, RegExp | null, (machine: SwapMachine) => void][] = [
    [
      'an area that does not know',
      /^I15: slot 1 of area 0 has higher digits, but its area does not know/,
      null,
      (machine) => machine.setField(0, 'flags', machine.field(0, 'flags') & ~SWP_CONTINUED),
    ],
    [
      'a piece of the map without pages',
      /^I15: slot 1 of area 0 has higher digits, but its piece of the map has no page/,
      /slot 1 of swap area 0 has higher digits, but no page for them/,
      (machine) => machine.test.cells.st32(machine.field(0, 'mapPages') + SWAP_MAP_PAGE.private, 0),
    ],
    [
      'a highest digit of 0',
      /^I15: slot 1 of area 0 has a highest digit of 0/,
      /slot 1 of swap area 0 borrows from a highest digit of 0/,
      (machine) => machine.test.cells.st8(machine.frames.addressOf(pagesOf(machine, 0)[0]!) + 1, 0),
    ],
    [
      'more digits than pages',
      /^I15: slot 1 of area 0 has more digits than there are pages/,
      /slot 1 of swap area 0 has more digits than there are pages/,
      (machine) => machine.test.cells.st8(machine.frames.addressOf(pagesOf(machine, 0)[0]!) + 1, 0x80),
    ],
  ];
  for (const [name, sentence, report, damage] of damages) {
    it(`are found broken, and stop the machine: ${name}`, () => {
      const machine = withSlots(1);
      raise(machine, 1, 63);
      expect(machine.broken()).to.deep.equal([]);
      damage(machine);
      expect(machine.broken().filter((line) => sentence.test(line))).to.have.length(1);
      if (report !== null) expect(() => machine.swap.counts.swapFree(ENTRY)).to.throw(KernelBug, report);
    });
  }

  it('stop the machine: a carry beyond the last page', () => {
    const machine = withSlots(1);
    raise(machine, 1, 125);
    machine.test.cells.st8(machine.frames.addressOf(pagesOf(machine, 0)[0]!) + 1, 0xff);
    expect(() => machine.swap.counts.swapDuplicate(ENTRY)).to.throw(
      KernelBug,
      /more digits than there are pages/,
    );
  });

  it('stop the machine: a byte with which nothing is carried or borrowed', () => {
    const machine = withSlots(1);
    raise(machine, 1, 63);
    const { counts, table } = machine.swap;
    expect(() => counts.swapCountContinued(table.infoOf(0), 1, 0x85)).to.throw(KernelBug, /needs swap_lock/);
    const other = withSlots(1);
    raise(other, 1, 63);
    other.swap.table.swapLock.lock();
    expect(() => other.swap.counts.swapCountContinued(other.swap.table.infoOf(0), 1, 0x85)).to.throw(
      KernelBug,
      /neither carries nor borrows at map byte 0x85/,
    );
  });
});

describe('an area with large counts', () => {
  it('gives every page back when it is switched off, before it waits for scans', () => {
    const slots = PAGE_SIZE + 10;
    const machine = createSwapMachine();
    machine.useCache();
    const before = machine.footprint();
    for (let round = 0; round < 2; round++) {
      machine.area(slots);
      machine.area(16);
      for (let slot = 1; slot < slots; slot++) machine.getPlain();
      for (const slot of [1, 2, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 9]) {
        raise(machine, slot, 8200);
        for (let users = 8200; users > 0; users--) machine.swap.counts.swapFree(swpEntry(0, slot));
      }
      for (let slot = 1; slot < slots; slot++)
        if (machine.byte(0, slot) !== 0) machine.swap.counts.swapFree(swpEntry(0, slot));
      expect(machine.swap.continuations.livePages()).to.equal(4);
      expect(machine.broken()).to.deep.equal([]);
      const seen: number[] = [];
      const takeMap = machine.swap.off.takeMap.bind(machine.swap.off);
      machine.swap.off.takeMap = (area) => {
        seen.push(machine.swap.continuations.livePages());
        return takeMap(area);
      };
      expect(machine.swap.off.swapoffType(0)).to.equal(0);
      machine.swap.off.takeMap = takeMap;
      expect(seen).to.deep.equal([0]);
      expect([machine.field(0, 'mapPages'), machine.field(0, 'flags')]).to.deep.equal([0, 0]);
      expect(machine.swap.off.swapoffType(1)).to.equal(0);
      const { tablePages, frames, areas } = machine.footprint() as Record<string, unknown>;
      expect({ tablePages, frames, areas }).to.deep.equal(
        Object.fromEntries(['tablePages', 'frames', 'areas'].map((key) => [key, (before as never)[key]])),
      );
      expect(machine.frames.checkInvariants()).to.deep.equal([]);
    }
  });

  it('is not switched on when there is no room for the heads of its pages', () => {
    const machine = createSwapMachine();
    const before = machine.footprint();
    machine.swap.continuations.create = () => -ENOMEM;
    expect(machine.area(16)).to.equal(-ENOMEM);
    expect(machine.footprint()).to.deep.equal(before);
  });
});

describe('users that are added and dropped by four threads', () => {
  for (const starving of [false, true]) {
    const how = starving ? 'while pages are short' : 'with all the pages they need';
    it(`are all counted, over every carry ${how}`, async () => {
      const machine = withSlots(4);
      machine.reader.record([]);
      const { free } = machine.frames.info();
      // Slot 3 swings around the step to a second page; the others around the first digits.
      raise(machine, 3, 8000);
      const { handle } = machine.test;
      const results = await withThreads(SCENARIOS, async (threads) => {
        for (let seed = 0; seed < 4; seed++) {
          const input: SwingInput = { handle, seed, slots: [2, 3, 4], users: 70, rounds: 700 };
          threads.start('swing', input);
        }
        if (starving) threads.start('starve', { handle, rounds: 60_000 });
        return valuesOf<SwingResult>(await threads.allEnded(LIMIT_MS));
      });
      const swings = results.slice(0, 4);
      expect(swings.reduce((total, { added }) => total + added, 0)).to.be.greaterThan(20_000);
      if (starving) expect(results[4]).to.equal(0);
      else expect(swings.map(({ refused }) => refused)).to.deep.equal([0, 0, 0, 0]);
      expect([1, 2, 3, 4].map((slot) => usersOf(machine, slot))).to.deep.equal([1, 1, 8000, 1]);
      expect(digits(machine, 3)).to.deep.equal(digitsOf(8000));
      expect(machine.swap.continuations.livePages()).to.equal(free - machine.frames.info().free);
      expect(machine.swap.continuations.livePages()).to.be.within(1, 2);
      expect(machine.broken()).to.deep.equal([]);
      expect(machine.frames.checkInvariants()).to.deep.equal([]);
    }).timeout(2 * LIMIT_MS);
  }
});

describe('the table of heads of an area', () => {
  it('costs 16 bytes for 4096 slots', () => {
    expect(SWAP_MAP_PAGE.$bytes).to.equal(16);
    const machine = createSwapMachine();
    machine.area(PAGE_SIZE);
    const heads = machine.test.cells.ldu32(machine.swap.table.infoOf(0) + SWAP_INFO.mapPages);
    expect(heads % PAGE_SIZE).to.equal(0);
    expect(heads).to.be.greaterThan(0);
  });
});
