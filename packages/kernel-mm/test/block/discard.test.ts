import { expect } from 'chai';
import { EIO, ENOMEM, EOPNOTSUPP, KernelBug } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { BIO, BIO_DISCARD, BIOS_PER_TASK } from '#src/block/bio.js';
import { BLOCK_DISCARD, SECTOR_SIZE } from '#src/block/device.js';
import { MAX_DISCARD_SECTORS } from '#src/block/discard.js';
import type { Kernel } from '#src/machine/kernel.js';
import { createMachine } from '#src/machine/machine.js';
import { GFP_ATOMIC, GFP_KERNEL, GFP_NOIO } from '#src/page/page.js';

const SECTORS = 64;

function setUp() {
  const { kernel } = createMachine({
    ramBytes: 1 << 20,
    ramDisks: [
      { name: 'ram0', bytes: SECTORS * SECTOR_SIZE, flags: BLOCK_DISCARD },
      { name: 'ram1', bytes: SECTORS * SECTOR_SIZE },
    ],
  }).attach({ mayWait: true });
  const { devices } = kernel.block;
  const disk = devices.byPath('/dev/ram0');
  return { kernel, devices, disk, other: devices.byPath('/dev/ram1'), block: kernel.swap.discard.block };
}

/** Frames and bios that are free. */
function free(kernel: Kernel): readonly [number, number] {
  const { bios } = kernel.block;
  const taken: number[] = [];
  for (let bio = bios.allocBio(GFP_NOIO); bio !== 0; bio = bios.allocBio(GFP_NOIO)) taken.push(bio);
  for (const bio of taken) bios.freeBio(bio);
  return [kernel.frames.info().free, taken.length];
}

describe('a discard', () => {
  it('reaches the device with a bio and a zeroed page, and takes neither for good', () => {
    const { kernel, devices, disk, block } = setUp();
    const before = free(kernel);
    const { makeRequests } = devices;
    const { i32 } = kernel.core.cells.arena;
    const resolve = makeRequests.resolve.bind(makeRequests);
    const seen: unknown[] = [];
    makeRequests.resolve = (symbol) => {
      const serve = resolve(symbol);
      return (bdev, bio) => {
        const page = i32[(bio + BIO.pageAddress) >> 2] ?? 0;
        seen.push({
          operation: i32[(bio + BIO.operation) >> 2],
          sector: i32[(bio + BIO.sector) >> 2],
          bytes: i32[(bio + BIO.bytes) >> 2],
          zeroed: kernel.core.cells.isZeroPage(page),
          free: kernel.frames.info().free,
        });
        return serve(bdev, bio);
      };
    };
    expect(block.blkdevIssueDiscard(disk, 8, 16, GFP_NOIO)).to.equal(0);
    expect(seen).to.deep.equal([
      { operation: BIO_DISCARD, sector: 8, bytes: 16 * SECTOR_SIZE, zeroed: true, free: before[0] - 1 },
    ]);
    expect(free(kernel)).to.deep.equal(before);
    expect(devices.stats(disk)).to.include({ discards: 1, discardedBytes: 2 * PAGE_SIZE, errors: 0 });
  });

  it('is refused by a device that takes none, before anything is allocated', () => {
    const { kernel, devices, other, block } = setUp();
    kernel.frames.failNextRequests(1);
    expect(block.blkdevIssueDiscard(other, 0, 8, GFP_KERNEL)).to.equal(-EOPNOTSUPP);
    expect(kernel.frames.allocPage(GFP_KERNEL)).to.equal(0);
    expect(devices.stats(other)).to.include({ discards: 0, errors: 0 });
  });

  it('fails when there is no page, or no bio', () => {
    const { kernel, devices, disk, block } = setUp();
    const before = free(kernel);
    kernel.frames.failNextRequests(1);
    expect(block.blkdevIssueDiscard(disk, 0, 8, GFP_ATOMIC)).to.equal(-ENOMEM);
    const { bios } = kernel.block;
    const taken = Array.from({ length: BIOS_PER_TASK }, () => bios.allocBio(GFP_NOIO));
    expect(block.blkdevIssueDiscard(disk, 0, 8, GFP_ATOMIC)).to.equal(-ENOMEM);
    for (const bio of taken) bios.freeBio(bio);
    expect(free(kernel)).to.deep.equal(before);
    expect(devices.stats(disk).discards).to.equal(0);
  });

  it('fails beyond the device, and when the device fails, and leaves nothing behind', () => {
    const { kernel, devices, disk, block } = setUp();
    const before = free(kernel);
    expect(block.blkdevIssueDiscard(disk, SECTORS - 8, 16, GFP_NOIO)).to.equal(-EIO);
    devices.failRequests(disk, 1);
    expect(block.blkdevIssueDiscard(disk, 0, 8, GFP_NOIO)).to.equal(-EIO);
    expect(free(kernel)).to.deep.equal(before);
  });

  it('may be issued under a spinlock only if it need not sleep', () => {
    const { kernel, disk, block } = setUp();
    const { swapLock } = kernel.swap.table;
    swapLock.lock();
    expect(block.blkdevIssueDiscard(disk, 0, 8, GFP_ATOMIC)).to.equal(0);
    expect(() => block.blkdevIssueDiscard(disk, 0, 8, GFP_NOIO)).to.throw(
      KernelBug,
      /Sleeping in atomic context/,
    );
  });

  it('of a large range goes out in parts, and stops at the first error', () => {
    const { disk, block } = setUp();
    const parts: number[][] = [];
    let fails = -1;
    block.submitDiscard = (_bdev, sector, sectors) => {
      parts.push([sector, sectors]);
      return parts.length - 1 === fails ? -EIO : 0;
    };
    const large = 2 * MAX_DISCARD_SECTORS + 8;
    expect(block.blkdevIssueDiscard(disk, 8, large, GFP_NOIO)).to.equal(0);
    expect(parts).to.deep.equal([
      [8, MAX_DISCARD_SECTORS],
      [8 + MAX_DISCARD_SECTORS, MAX_DISCARD_SECTORS],
      [8 + 2 * MAX_DISCARD_SECTORS, 8],
    ]);
    parts.length = 0;
    fails = 1;
    expect(block.blkdevIssueDiscard(disk, 8, large, GFP_NOIO)).to.equal(-EIO);
    expect(parts).to.have.length(2);
  });
});
