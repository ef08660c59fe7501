import { expect } from 'chai';
import { KernelBug } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { createMachine } from '#src/machine/machine.js';
import { SWAP_CLUSTER_MAX } from '#src/page/frames.js';
import {
  GFP_ATOMIC,
  GFP_BIT_HIGH,
  GFP_KERNEL,
  GFP_NOIO,
  PAGE,
  PG_CHARGED,
  PG_DIRTY,
  PG_UPTODATE,
} from '#src/page/page.js';
import { PF_MEMALLOC } from '#src/sync/task.js';
import { createPageMachine, FRAMES, WATERMARK_MIN, type PageMachine } from './machine.js';

/** A page of a machine that has it alone. */
function onePage(): { machine: PageMachine; page: number } {
  const machine = createPageMachine();
  return { machine, page: machine.frames.allocPage(GFP_KERNEL) };
}

/** What must stop the machine, and the words of its report. */
function expectBug(machine: PageMachine, call: () => void, words: string): void {
  expect(call).to.throw(KernelBug, words);
  expect(machine.test.panic.report()).to.include(words);
}

describe('page frames', () => {
  it('are all free at first, and are handed out lowest first, each once', () => {
    const machine = createPageMachine();
    const { frames } = machine;
    expect(frames.info()).to.deep.equal({
      frames: FRAMES,
      free: FRAMES,
      min: WATERMARK_MIN,
      low: 10,
      high: 12,
      charged: 0,
      limit: 0,
    });
    expect(machine.broken()).to.deep.equal([]);
    const numbers = machine.takeAll(GFP_KERNEL).map((page) => frames.frameNumber(page));
    expect(numbers).to.deep.equal(Array.from({ length: FRAMES - WATERMARK_MIN }, (_, index) => index));
    expect(machine.broken()).to.deep.equal([]);
  });

  it('have a min of four times the square root of the memory in KiB, in a memory that is not tiny', () => {
    const { kernel } = createMachine({ ramBytes: 16 << 20, shared: false }).attach();
    expect(4 * Math.sqrt(16 * 1024)).to.equal(512);
    expect(kernel.frames.info()).to.deep.include({ min: 512 / 4, low: 160, high: 192 });
  });

  for (const [name, gfp, left] of [
    ['an ordinary request leaves all of it', GFP_KERNEL, 8],
    ['a request that may sleep but not start I/O leaves all of it', GFP_NOIO, 8],
    ['one that may dip leaves half', GFP_NOIO | GFP_BIT_HIGH, 4],
    ['one that may not sleep leaves three quarters', 0, 6],
    ['an atomic one leaves half and of that three quarters', GFP_ATOMIC, 3],
  ] as const) {
    it(`keep a reserve: ${name}`, () => {
      const machine = createPageMachine();
      expect(machine.takeAll(gfp)).to.have.length(FRAMES - left);
      expect(machine.frames.info().free).to.equal(left);
    });
  }

  it('have no reserve for a task that is reclaiming', () => {
    const machine = createPageMachine();
    machine.takeAll(GFP_KERNEL);
    expect(machine.frames.allocPage(GFP_KERNEL)).to.equal(0);
    machine.test.context.setTaskFlags(PF_MEMALLOC);
    expect(machine.takeAll(GFP_NOIO)).to.have.length(WATERMARK_MIN);
    expect(machine.frames.info().free).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('come back after a free, last in first out, with a clean descriptor', () => {
    const { machine, page } = onePage();
    const { frames, test } = machine;
    frames.setFlag(page, PG_UPTODATE | PG_DIRTY);
    test.cells.st32(page + PAGE.private, 77);
    test.cells.st32(page + PAGE.referenced, 1);
    test.cells.st32(page + PAGE.mapping, 1234);
    frames.freePage(page);
    expect(frames.allocPage(GFP_KERNEL)).to.equal(page);
    const words = test.arena.i32.slice(page >> 2, (page + PAGE.$bytes) >> 2);
    const counts = PAGE.count >> 2;
    expect([...words].map((word, index) => (index === counts ? word - 1 : word))).to.deep.equal(
      new Array(PAGE.$bytes >> 2).fill(0),
    );
  });

  it('hold junk at their start once they are free', () => {
    const { machine, page } = onePage();
    const { u8 } = machine.test.arena;
    const address = machine.frames.addressOf(page);
    u8.fill(0x11, address, address + PAGE_SIZE);
    machine.frames.freePage(page);
    expect([...new Set(u8.subarray(address, address + 64))]).to.deep.equal([0x6b]);
  });

  it('lie one page apart in the memory, as their numbers do', () => {
    const { frames } = createPageMachine();
    const first = frames.addressOf(frames.pageAt(0));
    expect(first % PAGE_SIZE).to.equal(0);
    for (const frame of [1, 7, FRAMES - 1]) {
      expect(frames.addressOf(frames.pageAt(frame))).to.equal(first + frame * PAGE_SIZE);
      expect(frames.frameNumber(frames.pageAt(frame))).to.equal(frame);
    }
  });

  it('can be made to fail a number of times, whoever asks', () => {
    const machine = createPageMachine();
    const { frames, test } = machine;
    test.context.setTaskFlags(PF_MEMALLOC);
    frames.failNextRequests(2);
    expect(frames.allocPage(GFP_KERNEL)).to.equal(0);
    expect(frames.allocPage(GFP_ATOMIC)).to.equal(0);
    expect(frames.allocPage(GFP_KERNEL)).to.not.equal(0);
    frames.failNextRequests(9);
    frames.failNextRequests(0);
    expect(frames.allocPage(GFP_KERNEL)).to.not.equal(0);
    expect(frames.info().free).to.equal(FRAMES - 2);
  });
});

describe('memory that is short', () => {
  /** A reclaimer that gives back pages it was handed, so many a call. */
  function shortMachine(perCall: number) {
    const machine = createPageMachine();
    const pages = machine.takeAll(GFP_KERNEL);
    const targets: number[] = [];
    machine.frames.setReclaimer({
      reclaimPages: (target) => {
        targets.push(target);
        for (let freed = 0; freed < perCall; freed++) machine.frames.freePage(pages.pop()!);
        return perCall;
      },
    });
    return { machine, targets };
  }

  it('is reclaimed for a request that may sleep and start I/O', () => {
    const { machine, targets } = shortMachine(1);
    expect(machine.frames.allocPage(GFP_KERNEL)).to.not.equal(0);
    expect(targets).to.deep.equal([SWAP_CLUSTER_MAX]);
    expect(machine.frames.info().free).to.equal(WATERMARK_MIN);
  });

  it('is given up when nothing can be reclaimed', () => {
    const { machine, targets } = shortMachine(0);
    expect(machine.frames.allocPage(GFP_KERNEL)).to.equal(0);
    expect(targets).to.have.length(1);
  });

  it('is looked at once more when nothing could be reclaimed, since others may have given pages back', () => {
    const machine = createPageMachine();
    const pages = machine.takeAll(GFP_KERNEL);
    const reclaimPages = (): number => {
      machine.frames.freePage(pages.pop()!);
      return 0;
    };
    machine.frames.setReclaimer({ reclaimPages });
    expect(machine.frames.allocPage(GFP_KERNEL)).to.not.equal(0);
  });

  it('is given up at last when what is reclaimed goes to others', () => {
    const machine = createPageMachine();
    machine.takeAll(GFP_KERNEL);
    let calls = 0;
    machine.frames.setReclaimer({ reclaimPages: () => ++calls });
    expect(machine.frames.allocPage(GFP_KERNEL)).to.equal(0);
    expect(calls).to.equal(16);
  });

  it('is not reclaimed for one that may not start I/O, nor by a task that reclaims already', () => {
    const { machine, targets } = shortMachine(1);
    expect(machine.frames.allocPage(GFP_NOIO)).to.equal(0);
    machine.takeAll(GFP_ATOMIC);
    machine.test.context.setTaskFlags(PF_MEMALLOC);
    machine.takeAll(GFP_KERNEL);
    expect(machine.frames.info().free).to.equal(0);
    expect(targets).to.deep.equal([]);
  });

  it('is no reason to sleep with a spinlock held: that is reported, also while there are pages', () => {
    const machine = createPageMachine();
    machine.otherLock.lock();
    expect(machine.frames.allocPage(GFP_ATOMIC)).to.not.equal(0);
    expectBug(machine, () => machine.frames.allocPage(GFP_NOIO), 'Sleeping in atomic context');
  });
});

describe('references to a page', () => {
  it('keep it until the last one goes', () => {
    const { machine, page } = onePage();
    const { frames } = machine;
    frames.getPage(page);
    expect(frames.getPageUnlessZero(page)).to.equal(true);
    expect(frames.pageCount(page)).to.equal(3);
    frames.putPage(page);
    frames.putPage(page);
    expect(frames.info().free).to.equal(FRAMES - 1);
    frames.putPage(page);
    expect(frames.info().free).to.equal(FRAMES);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('cannot be had of a free page', () => {
    const { machine, page } = onePage();
    machine.frames.freePage(page);
    expect(machine.frames.getPageUnlessZero(page)).to.equal(false);
    expect(machine.frames.pageCount(page)).to.equal(0);
    expectBug(machine, () => machine.frames.getPage(page), 'Reference to page 0, which is free');
  });

  it('are frozen only when there are exactly so many', () => {
    const { machine, page } = onePage();
    const { frames } = machine;
    expect(frames.freezeReferences(page, 2)).to.equal(false);
    frames.getPage(page);
    expect(frames.freezeReferences(page, 2)).to.equal(true);
    expect(frames.getPageUnlessZero(page)).to.equal(false);
    frames.freeFrozenPage(page);
    expect(frames.info().free).to.equal(FRAMES);
    expect(machine.broken()).to.deep.equal([]);
  });

  const misuses: readonly [string, string, (machine: PageMachine, page: number) => void][] = [
    [
      'a page freed twice',
      'Freeing page 0 with 0 references',
      ({ frames }, page) => {
        frames.freePage(page);
        frames.freePage(page);
      },
    ],
    [
      'a page freed while somebody else has it',
      'Freeing page 0 with 2 references',
      ({ frames }, page) => {
        frames.getPage(page);
        frames.freePage(page);
      },
    ],
    [
      'one put too many',
      'dropped once too often',
      ({ frames }, page) => {
        frames.putPage(page);
        frames.putPage(page);
      },
    ],
    [
      'a free page freed as if frozen',
      'Page 0 is freed twice',
      ({ frames }, page) => {
        frames.freePage(page);
        frames.freeFrozenPage(page);
      },
    ],
    [
      'a page in use freed as if frozen',
      'Page 0 is not frozen',
      ({ frames }, page) => frames.freeFrozenPage(page),
    ],
    [
      'a locked page freed',
      'Freeing page 0 while it is locked',
      ({ frames }, page) => {
        frames.lockPage(page);
        frames.freePage(page);
      },
    ],
    [
      'a mapped page freed',
      'Freeing page 0 while it is mapped',
      ({ frames, test }, page) => {
        test.cells.st32(page + PAGE.mapcount, 1);
        frames.putPage(page);
      },
    ],
    [
      'a page charged twice',
      'Page 0 is charged twice',
      ({ frames }, page) => {
        frames.charge(page);
        frames.charge(page);
      },
    ],
    [
      'a need for a page lock nobody has',
      'page_referenced needs',
      ({ frames }, page) => frames.assertLocked(page, 'page_referenced'),
    ],
  ];
  for (const [name, words, misuse] of misuses) {
    it(`stop the machine for ${name}`, () => {
      const { machine, page } = onePage();
      expectBug(machine, () => misuse(machine, page), words);
    });
  }
});

describe('the limit on pages', () => {
  it('has room until it is reached, and again when a page is freed', () => {
    const { frames } = createPageMachine(3);
    const pages = [1, 2, 3, 4].map(() => frames.allocPage(GFP_KERNEL));
    expect(frames.overLimit()).to.equal(-2);
    expect(pages.map((page) => frames.tryCharge(page))).to.deep.equal([true, true, true, false]);
    expect(frames.overLimit()).to.equal(1);
    expect(frames.info()).to.deep.include({ charged: 3, limit: 3 });
    expect(frames.testFlag(pages[3]!, PG_CHARGED)).to.equal(false);
    expect(frames.checkInvariants()).to.deep.equal([]);
    frames.freePage(pages[3]!);
    frames.freePage(pages[0]!);
    expect(frames.overLimit()).to.equal(0);
    expect(frames.info().charged).to.equal(2);
    expect(frames.checkInvariants()).to.deep.equal([]);
  });

  it('is none when it is 0', () => {
    const machine = createPageMachine(0);
    const pages = machine.takeAll(GFP_KERNEL);
    expect(pages.every((page) => machine.frames.tryCharge(page))).to.equal(true);
    expect(machine.frames.overLimit()).to.equal(0);
    expect(machine.frames.info().charged).to.equal(pages.length);
  });

  it('is checked: more pages charged than it allows are found', () => {
    const { frames } = createPageMachine(1);
    for (let count = 0; count < 2; count++) frames.charge(frames.allocPage(GFP_KERNEL));
    expect(frames.checkInvariants()).to.deep.equal(['2 pages are charged, but the limit is 1']);
  });
});

describe('the check of page frames', () => {
  const damages: readonly [string, (machine: PageMachine, used: number, free: number) => void, RegExp][] = [
    [
      'a listed frame that is not free',
      ({ test }, _used, free) => test.cells.st32(free + PAGE.flags, 0),
      /listed as free/,
    ],
    [
      'a frame lost from the list',
      ({ test }, _used, free) => test.cells.st32(free + PAGE.lruNext, 0),
      /on the free list/,
    ],
    ['a cycle', ({ test }, _used, free) => test.cells.st32(free + PAGE.lruNext, free), /cycle/],
    [
      'a frame in use without references',
      ({ test }, used) => test.cells.st32(used + PAGE.count, 0),
      /without references/,
    ],
    [
      'a free frame with a reference',
      ({ test }, _used, free) => test.cells.st32(free + PAGE.count, 1),
      /is free but has 1/,
    ],
    [
      'a charge that is not counted',
      ({ frames }, used) => frames.setFlag(used, PG_CHARGED),
      /marked as charged/,
    ],
  ];
  for (const [name, damage, sentence] of damages) {
    it(`finds ${name}`, () => {
      const { machine, page } = onePage();
      damage(machine, page, machine.frames.pageAt(1));
      expect(machine.frames.checkInvariants().join('\n')).to.match(sentence);
    });
  }
});
