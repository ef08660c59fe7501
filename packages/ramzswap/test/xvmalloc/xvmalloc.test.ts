import { randomInt } from 'node:crypto';
import { ENOMEM, GFP_KERNEL, KernelBug, PAGE_SIZE } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import fc from 'fast-check';
import { NUM_FREE_LISTS, indexForInsert, indexForSearch, MAX_FLI } from '#src/xvmalloc/free-lists.js';
import { checkPool, freeBlocksOf } from '#src/xvmalloc/walk.js';
import { type Mallocated, PoolBench } from './bench.js';

const SEEDS = [20100505, randomInt(2 ** 31)];

describe('xvmalloc', () => {
  it('has 508 free lists of 8-byte steps; the last one is for a whole page, and 4089 bytes look beyond it', () => {
    expect(NUM_FREE_LISTS).to.equal(508);
    expect(MAX_FLI).to.equal(16);
    expect([32, 39, 40, 4088, 4092].map(indexForInsert)).to.deep.equal([0, 0, 1, 507, 507]);
    expect([4, 32, 36, 40, 4088, 4092].map(indexForSearch)).to.deep.equal([0, 0, 1, 1, 507, 508]);
  });

  for (const wasm of [false, true]) {
    describe(wasm ? 'in WASM' : 'in TypeScript', () => {
      it('places objects as 2.6.34 does', () => {
        const bench = new PoolBench(wasm);
        const objects: (Mallocated | null)[] = [];
        const expectAt = (size: number, page: number, offset: number) => {
          const object = bench.malloc(size);
          objects.push(object);
          expect([object?.serial, object?.offset], `${size} bytes as A${objects.length - 1}`).to.deep.equal([
            page,
            offset,
          ]);
        };
        const expectFailure = (size: number, pages: number) => {
          objects.push(bench.malloc(size));
          expect(objects.at(-1), `${size} bytes`).to.equal(null);
          expect(bench.pool.totalPages()).to.equal(pages);
        };
        const free = (index: number) => bench.free(objects[index]!);

        expectAt(1000, 0, 4);
        expectAt(2000, 0, 1008);
        expectAt(32, 0, 3012);
        expectAt(31, 0, 3048);
        expect(bench.pool.objectSize(objects[3]!.page, 3048)).to.equal(31);
        expectAt(1, 0, 3084);
        expectAt(5, 0, 3092);
        expectAt(500, 0, 3104);
        expectAt(600, 1, 4);
        expect(bench.pool.totalPages()).to.equal(2);
        free(1);
        expect(bench.pool.totalPages()).to.equal(2);
        expectAt(1996, 0, 1008);
        expectAt(1990, 1, 608);
        free(0);
        free(2);
        expect(bench.pool.totalPages()).to.equal(2);
        expectAt(1032, 1, 2604);
        expectAt(4088, 2, 4);
        expect(bench.pool.totalPages()).to.equal(3);
        expectFailure(4089, 4);
        expectFailure(4092, 5);
        expectFailure(4093, 5);
        expectFailure(0, 5);
        expectAt(3072, 4, 4);
        expectAt(1016, 4, 3080);
        expectAt(1017, 3, 4);
        expect(bench.check()).to.deep.equal([]);
      });

      it('gives a page back when its last object is freed, and not before', () => {
        const bench = new PoolBench(wasm);
        const objects = [bench.malloc(1000)!, bench.malloc(1000)!, bench.malloc(1000)!];
        const free = bench.machine.frames.info().free;
        bench.free(objects[1]!);
        bench.free(objects[0]!);
        expect(bench.machine.frames.info().free).to.equal(free);
        bench.free(objects[2]!);
        expect(bench.machine.frames.info().free).to.equal(free + 1);
        expect(bench.pool.totalPages()).to.equal(0);
      });

      it('fails without memory, keeps what it has, and works again later', () => {
        const bench = new PoolBench(wasm);
        bench.malloc(3000);
        bench.machine.frames.failNextRequests(1);
        expect(bench.malloc(2000)).to.equal(null);
        expect(bench.pool.totalPages()).to.equal(1);
        expect(bench.malloc(1000)!.serial).to.equal(0);
        expect(bench.malloc(2000)!.serial).to.equal(1);
        expect(bench.check()).to.deep.equal([]);
      });

      it('clears the location on a failure', () => {
        const bench = new PoolBench(wasm);
        bench.malloc(100);
        expect(bench.pool.malloc(5000, GFP_KERNEL, bench.location)).to.equal(-ENOMEM);
        expect(bench.machine.core.cells.ld32(bench.location)).to.equal(0);
        expect(bench.machine.core.cells.ld16(bench.location + 4)).to.equal(0);
      });

      it('reports a double free and a free of what is no object, with the place', () => {
        const bench = new PoolBench(wasm);
        const [first] = [bench.malloc(100)!, bench.malloc(100)];
        bench.pool.free(first.page, first.offset);
        expect(() => bench.pool.free(first.page, first.offset)).to.throw(
          KernelBug,
          /offset 4 of page .* free already/,
        );
        const other = new PoolBench(wasm);
        const object = other.malloc(100)!;
        expect(() => other.pool.free(object.page, 7)).to.throw(KernelBug, /no object can start there/);
      });

      it('is destroyed only when its objects are freed, and then gives all pages back', () => {
        const bench = new PoolBench(wasm);
        const free = bench.machine.frames.info().free;
        const object = bench.malloc(64)!;
        bench.malloc(4092);
        bench.free(object);
        // A page that a hopeless request asked for stays in the pool until the pool goes.
        expect(bench.pool.totalPages()).to.equal(1);
        bench.pool.destroy();
        expect(bench.machine.frames.info().free).to.equal(free);
        bench.pool.create();
        bench.malloc(64);
        expect(() => bench.pool.destroy()).to.throw(KernelBug, /objects live in 1 of its pages/);
      });

      it('takes the newest free block of the smallest list that is large enough', () => {
        const bench = new PoolBench(wasm);
        const objects = [200, 40, 200, 40, 208, 40].map((size) => bench.malloc(size)!);
        for (const index of [0, 2, 4]) bench.free(objects[index]!);
        expect(bench.malloc(200)!.offset).to.equal(objects[2]!.offset);
        expect(bench.malloc(201)!.offset).to.equal(objects[4]!.offset);
        expect(bench.malloc(193)!.offset).to.equal(objects[0]!.offset);
        expect(bench.check()).to.deep.equal([]);
      });

      for (const seed of SEEDS) {
        it(`keeps pages tiled, lists and bitmaps in step, and contents apart (seed ${seed})`, () => {
          const size = fc.oneof(
            fc.integer({ min: 1, max: 64 }),
            fc.integer({ min: 1, max: 3072 }),
            fc.integer({ min: 3500, max: 4088 }),
            fc.integer({ min: 4089, max: 4100 }),
          );
          const step = fc.oneof(
            { weight: 3, arbitrary: fc.record({ kind: fc.constant('malloc' as const), size }) },
            {
              weight: 2,
              arbitrary: fc.record({ kind: fc.constant('free' as const), which: fc.nat(10_000) }),
            },
            { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), requests: fc.nat(2) }) },
          );
          fc.assert(
            fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
              const bench = new PoolBench(wasm);
              for (const action of steps) {
                if (action.kind === 'malloc') bench.malloc(action.size);
                else if (action.kind === 'fail') bench.machine.frames.failNextRequests(action.requests);
                else if (bench.live.length > 0) bench.free(bench.live[action.which % bench.live.length]!);
                expect(bench.check()).to.deep.equal([]);
              }
              while (bench.live.length > 0) bench.free(bench.live.at(-1)!);
              expect(bench.check()).to.deep.equal([]);
              const empty = freeBlocksOf(bench.pool);
              expect(empty.every(({ offset, bytes }) => offset === 0 && bytes === PAGE_SIZE - 4)).to.equal(
                true,
              );
              expect(empty.length).to.equal(bench.pool.totalPages());
            }),
            { seed, numRuns: 60 },
          );
        });
      }

      it('reports a list whose links are damaged', () => {
        const bench = new PoolBench(wasm);
        const objects = [100, 100, 100].map((size) => bench.malloc(size)!);
        bench.free(objects[1]!);
        bench.pool.lists.clear();
        expect(() => bench.pool.free(objects[0]!.page, objects[0]!.offset)).to.throw(
          KernelBug,
          /links are damaged/,
        );
      });

      it('waits for a lock that is taken', () => {
        const bench = new PoolBench(wasm);
        bench.pool.lock.lock();
        expect(() => bench.malloc(100)).to.throw(KernelBug, /Recursion/);
      });
    });
  }

  for (const seed of SEEDS) {
    it(`is the same in WASM and in TypeScript, byte for byte (seed ${seed})`, () => {
      const size = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 4092 }));
      const step = fc.record({ size: fc.option(size, { nil: 0, freq: 2 }), which: fc.nat(10_000) });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
          const [typescript, wasm] = [new PoolBench(false), new PoolBench(true)];
          for (const bench of [typescript, wasm]) {
            for (const action of steps) {
              if (action.size > 0) bench.malloc(action.size);
              else if (bench.live.length > 0) bench.free(bench.live[action.which % bench.live.length]!);
            }
          }
          expect(wasm.live).to.deep.equal(typescript.live);
          expect(wasm.check()).to.deep.equal([]);
          expect(wasm.image().map(String)).to.deep.equal(typescript.image().map(String));
        }),
        { seed, numRuns: 40 },
      );
    });
  }

  describe('the check of a pool', () => {
    const withDamage = (damage: (bench: PoolBench) => void): string[] => {
      const bench = new PoolBench();
      const objects = [100, 200, 300, 400].map((size) => bench.malloc(size)!);
      bench.free(objects[1]!);
      damage(bench);
      return checkPool(bench.pool, bench.live);
    };

    it('finds nothing in a sound pool', () => {
      expect(withDamage(() => undefined)).to.deep.equal([]);
    });

    it('finds a lost object, a wrong size, a lost list, wrong flags and a wrong count', () => {
      const { u16, i32 } = new PoolBench().machine.arena;
      expect(u16.length * 2).to.equal(i32.length * 4);
      expect(withDamage((bench) => bench.live.pop())).to.match(/nobody owns it/);
      expect(withDamage((bench) => bench.pool.blocks.setSize(bench.blockOf(0), 120))).to.not.be.empty;
      expect(withDamage((bench) => bench.pool.blocks.setFlag(bench.blockOf(0), 2)).join()).to.match(
        /says the block before it is free/,
      );
      expect(withDamage((bench) => bench.pool.blocks.setPreviousOffset(bench.blockOf(1), 8)).join()).to.match(
        /instead of/,
      );
      expect(withDamage((bench) => bench.pool.lists.clear()).join()).to.match(/on no free list/);
      expect(withDamage((bench) => bench.pool.growPool(GFP_KERNEL)).join()).to.equal('');
      expect(withDamage((bench) => bench.setTotalPages(7)).join()).to.match(
        /counts 7 pages, but 1 were found/,
      );
    });
  });
});
