import { expect } from 'chai';
import { EEXIST, EINVAL, ENOENT, ENOMEM, KernelBug } from '#src/errno.js';
import { swpEntry } from '#src/swap/entries.js';
import { SWAP_HAS_CACHE, SWAP_MAP_BAD, SWAP_MAP_MAX, SWAP_MAP_SHMEM } from '#src/swap/info.js';
import { EmptySwapCache } from '#src/swap/operations.js';
import { createSwapMachine, type SwapMachine } from './machine.js';

const ENTRY = swpEntry(0, 1);

function oneSlot(): SwapMachine {
  const machine = createSwapMachine();
  machine.area(16, { badpages: [9] });
  machine.useCache();
  machine.getOffset();
  machine.log();
  return machine;
}

describe('the life of a slot', () => {
  it('goes through the bytes of the reference model', () => {
    const machine = oneSlot();
    const { counts, pages } = machine.swap;
    const bytes = [machine.byte(0, 1)];
    counts.swapDuplicate(ENTRY);
    bytes.push(machine.byte(0, 1));
    counts.swapcacheFree(ENTRY);
    bytes.push(machine.byte(0, 1));
    counts.swapDuplicate(ENTRY);
    bytes.push(machine.byte(0, 1));
    counts.swapcachePrepare(ENTRY);
    bytes.push(machine.byte(0, 1));
    counts.swapFree(ENTRY);
    bytes.push(machine.byte(0, 1));
    expect(pages.freeSwapAndCache(ENTRY)).to.equal(1);
    bytes.push(machine.byte(0, 1));
    counts.swapcacheFree(ENTRY);
    bytes.push(machine.byte(0, 1));
    expect(bytes).to.deep.equal([0x40, 0x41, 0x01, 0x02, 0x42, 0x41, 0x40, 0x00]);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('lets shmem own a slot with a single reference', () => {
    const machine = oneSlot();
    const { counts } = machine.swap;
    counts.swapShmemAlloc(ENTRY);
    expect(machine.byte(0, 1)).to.equal(0xff);
    counts.swapcacheFree(ENTRY);
    expect(machine.byte(0, 1)).to.equal(SWAP_MAP_SHMEM);
    expect(counts.__swapDuplicate(ENTRY, 1)).to.equal(-EINVAL);
    counts.swapFree(ENTRY);
    expect(machine.byte(0, 1)).to.equal(0);
    expect(machine.broken()).to.deep.equal([]);
  });

  it('marks the header and bad pages for ever', () => {
    const machine = oneSlot();
    expect([machine.byte(0, 0), machine.byte(0, 9)]).to.deep.equal([SWAP_MAP_BAD, SWAP_MAP_BAD]);
    machine.swap.counts.swapFree(swpEntry(0, 9));
    expect(machine.byte(0, 9)).to.equal(SWAP_MAP_BAD);
    expect(machine.log()).to.deep.equal([]);
  });
});

describe('__swapDuplicate', () => {
  const cases: [string, number, number, number, number][] = [
    // name, byte before, usage, result, byte after
    ['sets the cache bit of a slot with users', 0x02, SWAP_HAS_CACHE, 0, 0x42],
    ['refuses a second cache bit', 0x42, SWAP_HAS_CACHE, -EEXIST, 0x42],
    ['refuses a second cache bit also without users', 0x40, SWAP_HAS_CACHE, -EEXIST, 0x40],
    ['refuses the cache bit of a free slot', 0x00, SWAP_HAS_CACHE, -ENOENT, 0x00],
    ['refuses a user of a free slot', 0x00, 1, -ENOENT, 0x00],
    ['refuses shmem on a free slot', 0x00, SWAP_MAP_SHMEM, -ENOENT, 0x00],
    ['adds a user', 0x40, 1, 0, 0x41],
    ['adds the 62nd user', 0x3d, 1, 0, 0x3e],
    ['refuses a 63rd user without a page for the count', SWAP_MAP_MAX, 1, -ENOMEM, SWAP_MAP_MAX],
    ['refuses a 63rd user besides the cache', 0x7e, 1, -ENOMEM, 0x7e],
    ['refuses a user of a bad slot', SWAP_MAP_BAD, 1, -EINVAL, SWAP_MAP_BAD],
    ['refuses a user of a slot of shmem', SWAP_MAP_SHMEM, 1, -EINVAL, SWAP_MAP_SHMEM],
    ['gives shmem a slot the cache holds', 0x40, SWAP_MAP_SHMEM, 0, 0xff],
  ];
  for (const [name, before, usage, result, after] of cases) {
    it(name, () => {
      const machine = oneSlot();
      machine.setByte(0, 1, before);
      expect(machine.swap.counts.__swapDuplicate(ENTRY, usage)).to.equal(result);
      expect(machine.byte(0, 1)).to.equal(after);
      expect(machine.log()).to.deep.equal([]);
      expect(machine.swap.table.swapLock.tryLock()).to.equal(true);
    });
  }

  it('refuses types that are not swapped, silently', () => {
    const machine = oneSlot();
    expect(machine.swap.counts.__swapDuplicate(swpEntry(30, 1), 1)).to.equal(-EINVAL);
    expect(machine.log()).to.deep.equal([]);
  });

  it('logs a type beyond the table', () => {
    const machine = oneSlot();
    expect(machine.swap.counts.__swapDuplicate(swpEntry(1, 5), 1)).to.equal(-EINVAL);
    expect(machine.log()).to.deep.equal(['swap_dup: Bad swap file entry 08000005']);
  });

  it('refuses a slot beyond the area', () => {
    const machine = oneSlot();
    expect(machine.swap.counts.__swapDuplicate(swpEntry(0, 16), 1)).to.equal(-EINVAL);
    expect(machine.log()).to.deep.equal([]);
  });
});

describe('swapDuplicate', () => {
  it('reports all errors but a full count as success, as 2.6.34 does', () => {
    const machine = oneSlot();
    const { counts } = machine.swap;
    expect(counts.swapDuplicate(swpEntry(0, 5))).to.equal(0);
    expect(counts.swapDuplicate(swpEntry(0, 9))).to.equal(0);
    expect(counts.swapDuplicate(swpEntry(7, 1))).to.equal(0);
  });

  it('answers -ENOMEM at the 63rd user when there is no page for the count, and changes nothing', () => {
    const machine = oneSlot();
    const { counts } = machine.swap;
    for (let user = 1; user <= 62; user++) expect(counts.swapDuplicate(ENTRY)).to.equal(0);
    machine.frames.failNextRequests(1);
    expect(counts.swapDuplicate(ENTRY)).to.equal(-ENOMEM);
    expect(machine.byte(0, 1)).to.equal(0x7e);
    expect(counts.swapDuplicate(ENTRY)).to.equal(0);
    expect(machine.byte(0, 1)).to.equal(0xc0);
    for (let user = 63; user >= 1; user--) counts.swapFree(ENTRY);
    expect(machine.byte(0, 1)).to.equal(0x40);
  });
});

describe('freeing an entry that names no slot in use', () => {
  const complaints: [string, number, string[]][] = [
    ['says nothing about entry 0', 0, []],
    ['complains about a type beyond the table', swpEntry(3, 4), ['swap_free: Bad swap file entry 18000004']],
    [
      'complains about a slot beyond the area',
      swpEntry(0, 16),
      ['swap_free: Bad swap offset entry 00000010'],
    ],
    ['complains about a free slot', swpEntry(0, 5), ['swap_free: Unused swap offset entry 00000005']],
  ];
  for (const [name, entry, lines] of complaints) {
    it(name, () => {
      const machine = oneSlot();
      const before = machine.footprint();
      machine.swap.counts.swapFree(entry);
      machine.swap.counts.swapcacheFree(entry);
      expect(machine.swap.pages.freeSwapAndCache(entry)).to.equal(0);
      expect(machine.log()).to.deep.equal([...lines, ...lines, ...lines]);
      expect(machine.footprint()).to.deep.equal(before);
      expect(machine.swap.table.swapLock.tryLock()).to.equal(true);
    });
  }

  it('complains about an area that was switched off', () => {
    const machine = oneSlot();
    machine.free(0, 1);
    expect(machine.swap.off.swapoffType(0)).to.equal(0);
    machine.log();
    machine.swap.counts.swapFree(ENTRY);
    expect(machine.log()).to.deep.equal(['swap_free: Unused swap file entry 00000001']);
  });
});

describe('an area that goes while an entry of it is looked up', () => {
  it('is noticed under the lock', () => {
    const machine = oneSlot();
    const { swapLock } = machine.swap.table;
    const lock = swapLock.lock.bind(swapLock);
    swapLock.lock = () => {
      lock();
      machine.setField(0, 'max', 0);
    };
    machine.swap.counts.swapcacheFree(ENTRY);
    expect(machine.log()).to.deep.equal(['swap_free: Bad swap offset entry 00000001']);
    expect(swapLock.tryLock()).to.equal(true);
  });
});

describe('a machine without a swap cache', () => {
  it('stops when it is given a page', () => {
    const cache = new EmptySwapCache(createSwapMachine().test.context);
    expect(cache.lookup()).to.equal(0);
    const calls = [
      () => cache.tryLockPage(64),
      () => cache.unlockPage(64),
      () => cache.putPage(64),
      () => cache.isSwapCache(64),
      () => cache.isWriteback(64),
      () => cache.isMapped(64),
      () => cache.mapcount(64),
      () => cache.swapEntryOf(64),
      () => cache.deleteFromSwapCache(64),
      () => cache.setPageDirty(64),
    ];
    for (const call of calls) expect(call).to.throw(KernelBug, 'page 64, but this machine has no swap cache');
  });
});

describe('references nobody has', () => {
  it('stop the machine when a user drops one', () => {
    const machine = oneSlot();
    expect(() => machine.swap.counts.swapFree(ENTRY)).to.throw(
      KernelBug,
      /a user drops only a reference it has/,
    );
  });

  it('stop the machine when the cache drops one', () => {
    const machine = oneSlot();
    machine.swap.counts.swapDuplicate(ENTRY);
    machine.swap.counts.swapcacheFree(ENTRY);
    expect(() => machine.swap.counts.swapcacheFree(ENTRY)).to.throw(KernelBug, /has the cache bit/);
  });

  it('stop the machine when the lock is not held', () => {
    const machine = oneSlot();
    const { counts, table } = machine.swap;
    expect(() => counts.swapEntryFree(table.infoOf(0), ENTRY, SWAP_HAS_CACHE)).to.throw(
      KernelBug,
      /swapEntryFree needs swap_lock/,
    );
  });
});

describe('pages of the swap cache', () => {
  function cached(state: { mapped?: boolean; writeback?: boolean; locked?: boolean } = {}) {
    const machine = oneSlot();
    const page = machine.cache.add(ENTRY, state);
    return {
      machine,
      page,
      pages: machine.swap.pages,
      counts: machine.swap.counts,
      of: machine.cache.of(page),
    };
  }

  it('count the users of their slot without the cache itself', () => {
    const { page, pages, counts } = cached();
    expect(pages.pageSwapcount(page)).to.equal(0);
    counts.swapDuplicate(ENTRY);
    counts.swapDuplicate(ENTRY);
    expect(pages.pageSwapcount(page)).to.equal(2);
  });

  it('give their slot back when nobody else uses it, and are dirty then', () => {
    const { machine, page, pages, of } = cached();
    expect(pages.tryToFreeSwap(page)).to.equal(1);
    expect(of).to.include({ inCache: false, dirty: true });
    expect(machine.byte(0, 1)).to.equal(0);
  });

  it('keep their slot while it has users, and while they are written', () => {
    const used = cached();
    used.counts.swapDuplicate(ENTRY);
    expect(used.pages.tryToFreeSwap(used.page)).to.equal(0);
    const written = cached({ writeback: true });
    expect(written.pages.tryToFreeSwap(written.page)).to.equal(0);
    expect(written.machine.byte(0, 1)).to.equal(0x40);
  });

  it('can be written to by their only user, who gives the slot back', () => {
    const { machine, page, pages, of } = cached({ mapped: true });
    expect(pages.reuseSwapPage(page)).to.equal(true);
    expect(of).to.include({ inCache: false, dirty: true });
    expect(machine.byte(0, 1)).to.equal(0);
  });

  it('can be written to by their only user while they are written, but keep the slot', () => {
    const { page, pages, of } = cached({ mapped: true, writeback: true });
    expect(pages.reuseSwapPage(page)).to.equal(true);
    expect(of).to.include({ inCache: true, dirty: false });
  });

  it('cannot be written to when another process has the slot', () => {
    const { page, pages, counts, of } = cached({ mapped: true });
    counts.swapDuplicate(ENTRY);
    expect(pages.reuseSwapPage(page)).to.equal(false);
    expect(of.inCache).to.equal(true);
  });

  it('leave the cache with their last user, unless they are locked, written or still mapped', () => {
    const freed = cached();
    freed.counts.swapDuplicate(ENTRY);
    expect(freed.pages.freeSwapAndCache(ENTRY)).to.equal(1);
    expect(freed.machine.byte(0, 1)).to.equal(0);
    expect(freed.of).to.include({ inCache: false, dirty: true, locked: false, references: 0 });
    for (const state of [{ locked: true }, { writeback: true }, { mapped: true }]) {
      const kept = cached(state);
      kept.counts.swapDuplicate(ENTRY);
      expect(kept.pages.freeSwapAndCache(ENTRY)).to.equal(1);
      expect(kept.machine.byte(0, 1)).to.equal(0x40);
      expect(kept.of).to.include({ inCache: true, references: 1, locked: 'locked' in state });
    }
  });

  it('leave the cache although they are mapped when swap is more than half full', () => {
    const { machine, pages, counts } = cached({ mapped: true });
    for (let slot = 0; slot < 10; slot++) machine.getOffset();
    counts.swapDuplicate(ENTRY);
    pages.freeSwapAndCache(ENTRY);
    expect(machine.byte(0, 1)).to.equal(0);
  });

  it('are not looked up while other users remain', () => {
    const { machine, pages, counts } = cached();
    counts.swapDuplicate(ENTRY);
    counts.swapDuplicate(ENTRY);
    pages.freeSwapAndCache(ENTRY);
    expect(machine.cache.lookups).to.equal(0);
  });

  it("of types that are not swapped are nobody else's business", () => {
    const { machine, pages } = cached();
    expect(pages.freeSwapAndCache(swpEntry(31, 1))).to.equal(1);
    expect(machine.log()).to.deep.equal([]);
  });
});
