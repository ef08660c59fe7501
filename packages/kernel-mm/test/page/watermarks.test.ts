import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { createMachine } from '#src/machine/machine.js';
import { MisuseError } from '#src/errno.js';
import { GFP_ATOMIC, GFP_BIT_WAIT, GFP_KERNEL, GFP_NOIO } from '#src/page/page.js';
import { defaultMinFreePages, WMARK_HIGH, WMARK_LOW, WMARK_MIN } from '#src/page/watermarks.js';
import { PF_MEMALLOC } from '#src/sync/task.js';
import { createPageMachine, FRAMES, WATERMARK_MIN, type PageMachine } from './machine.js';

const MIB = 256;

/** Takes pages without asking what is kept back, until so many are free. */
function leave(machine: PageMachine, free: number): void {
  const { frames, test } = machine;
  test.context.setTaskFlags(PF_MEMALLOC);
  while (frames.freePages() > free) frames.allocPage(GFP_KERNEL);
  test.context.setTaskFlags(0);
}

describe('the watermark min', () => {
  it('is the square root of 16 times the memory in KiB, as a whole number of pages', () => {
    // 16 MiB: sqrt(16 * 16384) = 512 KiB. 24 MiB: 627.07 KiB. 1 GiB: 4096 KiB. 1.5 GiB: 5016.6 KiB.
    expect([16, 24, 64, 1024, 1536].map((mib) => defaultMinFreePages(mib * MIB))).to.deep.equal([
      128, 156, 256, 1024, 1254,
    ]);
  });

  it('is an eighth of a memory that is too small for that', () => {
    expect([16, 64, 100, 255].map(defaultMinFreePages)).to.deep.equal([2, 8, 12, 31]);
    expect(defaultMinFreePages(256)).to.equal(32);
  });

  it('can be given, in bytes; low and high follow', () => {
    const machine = createMachine({ ramBytes: 1 << 20, minFreeBytes: 21 * PAGE_SIZE });
    const { min, low, high } = machine.attach().kernel.frames.info();
    expect([min, low, high]).to.deep.equal([21, 26, 31]);
    const usual = createMachine({ ramBytes: 1 << 20 })
      .attach()
      .kernel.frames.info();
    expect([usual.min, usual.low, usual.high]).to.deep.equal([32, 40, 48]);
  });

  it('is a whole number of pages, and not more than a quarter of the memory', () => {
    const most = (1 << 20) / 4;
    expect(
      createMachine({ ramBytes: 1 << 20, minFreeBytes: most })
        .attach()
        .kernel.frames.info().min,
    ).to.equal(64);
    for (const minFreeBytes of [most + PAGE_SIZE, 1, -PAGE_SIZE, Number.NaN]) {
      expect(() => createMachine({ ramBytes: 1 << 20, minFreeBytes }))
        .to.throw(MisuseError, 'minFreeBytes')
        .with.property('code', 'ERR_OUT_OF_RANGE');
    }
  });
});

describe('who may take the last frames', () => {
  /** The fewest free frames with which a request is granted, by trying all. */
  function fewest(gfp: number, flags = 0): number {
    for (let free = 0; free <= FRAMES; free++) {
      const machine = createPageMachine();
      leave(machine, free);
      machine.test.context.setTaskFlags(flags);
      if (machine.frames.allocPage(gfp) !== 0) return free;
    }
    return FRAMES + 1;
  }

  it('depends on whether they can wait, at each border', () => {
    const min = WATERMARK_MIN;
    expect(fewest(GFP_KERNEL)).to.equal(min + 1);
    expect(fewest(GFP_NOIO)).to.equal(min + 1);
    // Not able to wait, without and with the right to the reserve.
    expect(fewest(0)).to.equal(min - (min >> 2) + 1);
    const half = min - (min >> 1);
    expect(fewest(GFP_ATOMIC)).to.equal(half - (half >> 2) + 1);
    expect(fewest(GFP_ATOMIC | GFP_BIT_WAIT)).to.equal(half + 1);
    expect(fewest(GFP_KERNEL, PF_MEMALLOC)).to.equal(1);
  });

  it('is said of each watermark exactly', () => {
    const marks = [WMARK_MIN, WMARK_LOW, WMARK_HIGH];
    const { min, low, high } = createPageMachine().frames.info();
    expect([min, low, high]).to.deep.equal([8, 10, 12]);
    for (const [mark, pages] of [
      [WMARK_MIN, min],
      [WMARK_LOW, low],
      [WMARK_HIGH, high],
    ] as const) {
      const machine = createPageMachine();
      leave(machine, pages + 1);
      expect(machine.frames.watermarks.zoneWatermarkOk(mark)).to.equal(true);
      leave(machine, pages);
      expect(marks.map((other) => machine.frames.watermarks.zoneWatermarkOk(other))).to.deep.equal(
        marks.map((other) => other < mark),
      );
    }
  });
});

describe('kswapd is called', () => {
  it('by the first request that finds no more than low frames, whoever makes it, and not before', () => {
    for (const gfp of [GFP_KERNEL, GFP_ATOMIC, 0]) {
      const machine = createPageMachine();
      const { frames } = machine;
      const { low } = frames.info();
      const wakes: number[] = [];
      const { kswapdWait } = frames.watermarks;
      const wakeAll = kswapdWait.wakeAll.bind(kswapdWait);
      kswapdWait.wakeAll = () => {
        wakes.push(frames.freePages());
        wakeAll();
      };
      while (frames.freePages() > low) expect(frames.allocPage(gfp)).to.not.equal(0);
      expect([frames.watermarks.isCalled(), wakes]).to.deep.equal([false, []]);
      expect(frames.allocPage(gfp)).to.not.equal(0);
      expect([frames.watermarks.isCalled(), wakes]).to.deep.equal([true, [low]]);
      // It was called: no need to say so again until it has looked.
      frames.allocPage(gfp);
      expect(wakes).to.have.length(1);
      frames.watermarks.hearCall();
      frames.allocPage(gfp);
      expect(wakes).to.have.length(2);
      expect(machine.broken()).to.deep.equal([]);
    }
  });

  it('also by a request that gets nothing', () => {
    const machine = createPageMachine();
    leave(machine, 4);
    machine.frames.watermarks.hearCall();
    expect(machine.frames.allocPage(GFP_KERNEL)).to.equal(0);
    expect(machine.frames.watermarks.isCalled()).to.equal(true);
  });
});

describe('a memory in which nothing can be reclaimed', () => {
  it('is one that was looked at six times over without a frame being freed', () => {
    const machine = createPageMachine();
    const { frames } = machine;
    const { watermarks } = frames;
    const page = frames.allocPage(GFP_KERNEL);
    const other = frames.allocPage(GFP_KERNEL);
    frames.freePage(other);
    watermarks.addPagesScanned(59);
    expect(watermarks.isAllUnreclaimable(10)).to.equal(false);
    watermarks.addPagesScanned(1);
    expect(watermarks.isAllUnreclaimable(10)).to.equal(true);
    frames.freePage(page);
    expect(watermarks.isAllUnreclaimable(10)).to.equal(false);
    // Where there is nothing to look at there is nothing to be had.
    expect(watermarks.isAllUnreclaimable(0)).to.equal(true);
  });
});
