import { expect } from 'chai';
import fc from 'fast-check';
import { Cells, createCells, pagesFor } from '#src/sync/cells.js';
import {
  POINT_ATOMIC,
  POINT_BYTES,
  POINT_LOAD,
  POINT_LOCK,
  POINT_STORE,
  POINT_TRYLOCK,
  POINT_UNLOCK,
  POINT_WAIT,
  POINT_WAKE,
} from '#src/sync/point.js';
import { createArena, PAGE_SIZE } from '#src/arena/memory.js';
import { attachLocks, createLocks } from './scenarios.js';

const SEED = Math.floor(Math.random() * 2 ** 31);

function newCells(): Cells {
  return new Cells(createArena(8 * PAGE_SIZE, false));
}

describe('cells', () => {
  it('load what was stored, modulo their width', () => {
    const cells = newCells();
    cells.st8(65, 0x1ff);
    expect(cells.ld8(65)).to.equal(0xff);
    cells.st16(66, 0x1fffe);
    expect(cells.ld16(66)).to.equal(0xfffe);
    cells.st32(68, 0xffff_fff0);
    expect(cells.ld32(68)).to.equal(-16);
    expect(cells.ldu32(68)).to.equal(0xffff_fff0);
    expect([cells.ld8(64), cells.ld8(65), cells.ld8(66), cells.ld8(67), cells.ld8(68)]).to.deep.equal([
      0, 0xff, 0xfe, 0xff, 0xf0,
    ]);
  });

  it('answer an atomic operation with the value before', () => {
    const cells = newCells();
    cells.atomicStore(64, 5);
    expect(cells.atomicAdd(64, -7)).to.equal(5);
    expect(cells.atomicLoad(64)).to.equal(-2);
    expect(cells.atomicCompareExchange(64, 1, 9)).to.equal(-2);
    expect(cells.atomicLoad(64)).to.equal(-2);
    expect(cells.atomicCompareExchange(64, -2, 9)).to.equal(-2);
    expect(cells.atomicExchange(64, 11)).to.equal(9);
    expect(cells.ld32(64)).to.equal(11);
  });

  it('announce every operation, with its address and site, before it happens', () => {
    const arena = createArena(8 * PAGE_SIZE, false);
    const seen: [number, number, number, number][] = [];
    const cells: Cells = createCells(arena, (kind, object, site) => {
      seen.push([kind, object, site, arena.i32[object >> 2]!]);
    });
    const to = 2 * PAGE_SIZE;
    cells.st8(64, 1, 1);
    cells.ld8(64, 2);
    cells.st16(64, 2, 3);
    cells.ld16(64, 4);
    cells.st32(64, 3, 5);
    cells.ld32(64, 6);
    cells.ldu32(64, 7);
    cells.atomicStore(64, 4, 8);
    cells.atomicLoad(64, 9);
    cells.atomicAdd(64, 1, 10);
    cells.atomicCompareExchange(64, 5, 6, 11);
    cells.atomicExchange(64, 7, 12);
    cells.announce(64, 13);
    arena.i32[to >> 2] = 77;
    cells.clearPage(to, 14);
    cells.copyPage(to, PAGE_SIZE, 15);
    cells.isZeroPage(to, 16);
    expect(seen).to.deep.equal([
      [POINT_STORE, 64, 1, 0],
      [POINT_LOAD, 64, 2, 1],
      [POINT_STORE, 64, 3, 1],
      [POINT_LOAD, 64, 4, 2],
      [POINT_STORE, 64, 5, 2],
      [POINT_LOAD, 64, 6, 3],
      [POINT_LOAD, 64, 7, 3],
      [POINT_ATOMIC, 64, 8, 3],
      [POINT_ATOMIC, 64, 9, 4],
      [POINT_ATOMIC, 64, 10, 4],
      [POINT_ATOMIC, 64, 11, 5],
      [POINT_ATOMIC, 64, 12, 6],
      [POINT_BYTES, 64, 13, 7],
      [POINT_BYTES, to, 14, 77],
      [POINT_BYTES, to, 15, 0],
      [POINT_BYTES, to, 16, 0],
    ]);
  });

  it(`see every byte that is not zero (seed ${SEED})`, () => {
    const cells = newCells();
    const page = 3 * PAGE_SIZE;
    expect(cells.isZeroPage(page)).to.be.true;
    for (const property of [
      fc.property(fc.nat(PAGE_SIZE - 1), fc.integer({ min: 1, max: 255 }), (offset, value) => {
        cells.arena.u8[page + offset] = value;
        const zero = cells.isZeroPage(page);
        cells.arena.u8[page + offset] = 0;
        return !zero;
      }),
    ]) {
      fc.assert(property, { seed: 1, numRuns: 300 });
      fc.assert(property, { seed: SEED, numRuns: 300 });
    }
    cells.arena.u8[page - 1] = 1;
    cells.arena.u8[page + PAGE_SIZE] = 1;
    expect(cells.isZeroPage(page)).to.be.true;
  });

  it('copy and clear one page and not a byte more', () => {
    const cells = newCells();
    const { u8 } = cells.arena;
    for (let index = 0; index < 8 * PAGE_SIZE; index++) u8[index] = 1 + (index % 251);
    const before = u8.slice();
    cells.copyPage(4 * PAGE_SIZE, PAGE_SIZE);
    cells.clearPage(2 * PAGE_SIZE);
    const expected = before.slice();
    expected.copyWithin(4 * PAGE_SIZE, PAGE_SIZE, 2 * PAGE_SIZE);
    expected.fill(0, 2 * PAGE_SIZE, 3 * PAGE_SIZE);
    expect(Buffer.compare(u8, expected)).to.equal(0);
  });

  it('count pages', () => {
    expect([0, 1, 4096, 4097].map(pagesFor)).to.deep.equal([0, 1, 1, 2]);
  });
});

describe('points of locks', () => {
  it('are announced before the lock changes', () => {
    const view = createLocks();
    const seen: string[] = [];
    const names = new Map([
      [POINT_LOCK, 'lock'],
      [POINT_UNLOCK, 'unlock'],
      [POINT_ATOMIC, 'atomic'],
      [POINT_WAIT, 'wait'],
      [POINT_WAKE, 'wake'],
      [POINT_TRYLOCK, 'trylock'],
    ]);
    const hooked = attachLocks(view.handle, {
      hook: (kind, object, site) => {
        seen.push(
          `${names.get(kind)} ${view.layout.describe(object)} ${view.arena.i32[object >> 2]} at ${site}`,
        );
      },
    });
    const mine = hooked.task + 1;
    hooked.spin.lock(1);
    hooked.spin.unlock(2);
    hooked.spin.tryLock(3);
    hooked.spin.unlock(4);
    hooked.mutex.lock(5);
    hooked.mutex.unlock(6);
    hooked.semaphore.downRead(7);
    hooked.semaphore.upRead(8);
    hooked.semaphore.downWrite(9);
    hooked.semaphore.upWrite(10);
    const ticket = hooked.queue.prepareToWait(11);
    hooked.queue.wakeAll(12);
    hooked.queue.wait(ticket, 100, 13);
    expect(seen).to.deep.equal([
      'lock swap_lock 0 at 1',
      `unlock swap_lock ${mine} at 2`,
      'trylock swap_lock 0 at 3',
      `unlock swap_lock ${mine} at 4`,
      'lock swapon_mutex 0 at 5',
      `unlock swapon_mutex ${mine} at 6`,
      'lock swap_chain_rwsem 0 at 7',
      'unlock swap_chain_rwsem 1 at 8',
      'lock swap_chain_rwsem 0 at 9',
      `unlock swap_chain_rwsem 1073741824 at 10`,
      'atomic page_wait 0 at 11',
      'wake page_wait 0 at 12',
      'wait page_wait 1 at 13',
    ]);
  });
});
