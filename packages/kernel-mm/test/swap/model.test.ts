import { expect } from 'chai';
import fc from 'fast-check';
import { EEXIST, EINVAL, ENOENT, ENOMEM } from '#src/errno.js';
import { swpEntry, swpOffset } from '#src/swap/entries.js';
import { createSwapMachine } from './machine.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);

/** A slot, as simple as can be: users and cache bit. */
interface ModelSlot {
  users: number;
  cached: boolean;
  shmem: boolean;
}

type Op = readonly [kind: 'get' | 'plain' | 'dup' | 'shmem' | 'prepare' | 'free' | 'uncache', slot: number];

const SLOTS = 20;

/** What the model says a call must answer, and how the slot changes. */
function step(slots: ModelSlot[], [kind, at]: Op): number {
  const slot = slots[at]!;
  const inUse = slot.cached || slot.users > 0;
  switch (kind) {
    case 'dup':
      if (slot.shmem) return -EINVAL;
      if (!inUse) return -ENOENT;
      if (slot.users === 62) return -ENOMEM;
      slot.users++;
      return 0;
    case 'prepare':
      if (slot.cached) return -EEXIST;
      if (slot.users === 0) return -ENOENT;
      slot.cached = true;
      return 0;
    case 'shmem':
      slot.users = 1;
      slot.shmem = true;
      return 0;
    case 'free':
      slot.users--;
      if (slot.users === 0) slot.shmem = false;
      return 0;
    case 'uncache':
      slot.cached = false;
      return 0;
    default:
      return 0;
  }
}

/** Whether a caller that plays by the rules may make this call now. */
function isAllowed(slots: readonly ModelSlot[], [kind, at]: Op): boolean {
  const slot = slots[at]!;
  if (kind === 'free') return slot.users > 0;
  if (kind === 'uncache') return slot.cached;
  if (kind === 'shmem') return slot.cached && slot.users === 0;
  return true;
}

function byteOf({ users, cached, shmem }: ModelSlot): number {
  return (shmem ? 0xbf : users) | (cached ? 0x40 : 0);
}

describe('any sequence of operations on slots', () => {
  const kind = fc.constantFrom(
    'get',
    'get',
    'plain',
    'dup',
    'dup',
    'shmem',
    'prepare',
    'free',
    'free',
    'uncache',
    'uncache',
  );
  const op = fc.tuple(kind, fc.integer({ min: 1, max: SLOTS })) as fc.Arbitrary<Op>;

  for (const seed of [42, RANDOM_SEED]) {
    for (const start of [undefined, 9]) {
      const disk = start === undefined ? 'rotating' : 'solid-state';
      it(`agrees with a model of counts, and reports each free once, on a ${disk} area (seed ${seed})`, () => {
        fc.assert(
          fc.property(fc.array(op, { minLength: 20, maxLength: 150 }), (ops) => {
            const machine = createSwapMachine();
            machine.area(SLOTS + 1, start === undefined ? {} : { start });
            const { counts, freeNotify, allocator, table } = machine.swap;
            const reported: number[] = [];
            const symbol = freeNotify.functions.define('report', (_bdev, slot) => reported.push(slot));
            freeNotify.setSwapFreeNotify(0, symbol);
            const slots = Array.from({ length: SLOTS + 1 }, () => ({
              users: 0,
              cached: false,
              shmem: false,
            }));
            for (const one of ops) {
              const [what, at] = one;
              if (!isAllowed(slots, one)) continue;
              const entry = swpEntry(0, at);
              const freeBefore = slots.filter((slot) => byteOf(slot) === 0).length - 1;
              reported.length = 0;
              const wasFree = byteOf(slots[at]!) === 0;
              if (what === 'get' || what === 'plain') {
                const taken = what === 'get' ? allocator.getSwapPage() : allocator.getSwapPageOfType(0);
                const slot = swpOffset(taken);
                expect(slot !== 0, 'a slot is found if there is one').to.equal(freeBefore > 0);
                if (slot === 0) continue;
                expect(byteOf(slots[slot]!), 'the slot was free').to.equal(0);
                slots[slot] = { users: what === 'get' ? 0 : 1, cached: what === 'get', shmem: false };
                expect(reported).to.deep.equal([]);
                continue;
              }
              const wanted = step(slots, one);
              let result = 0;
              if (what === 'dup') result = counts.__swapDuplicate(entry, 1);
              else if (what === 'prepare') result = counts.swapcachePrepare(entry);
              else if (what === 'shmem') counts.swapShmemAlloc(entry);
              else if (what === 'free') counts.swapFree(entry);
              else counts.swapcacheFree(entry);
              expect(result).to.equal(wanted);
              const isFree = byteOf(slots[at]!) === 0;
              expect(reported).to.deep.equal(isFree && !wasFree ? [at] : []);
            }
            for (let slot = 1; slot <= SLOTS; slot++)
              expect(machine.byte(0, slot)).to.equal(byteOf(slots[slot]!));
            expect(table.nrSwapPages()).to.equal(slots.filter((slot) => byteOf(slot) === 0).length - 1);
            expect(machine.broken()).to.deep.equal([]);
          }),
          { seed, numRuns: 60 },
        );
      });
    }
  }
});

describe('the invariants of the swap core', () => {
  const damages: [RegExp, (machine: ReturnType<typeof createSwapMachine>) => void][] = [
    [/^I1: /, (machine) => machine.setField(0, 'inusePages', 2)],
    [/^I2: /, (machine) => machine.setField(0, 'pages', 14)],
    [/^I3: /, (machine) => machine.setField(0, 'lowestBit', 5)],
    [/^I4: .*they|^I4: .*full/, (machine) => machine.setField(0, 'highestBit', 0)],
    [/^I5: /, (machine) => machine.test.cells.st8(machine.field(0, 'swapMap'), 0)],
    [/^I6: /, (machine) => machine.swap.table.addSwapPages(1)],
    [/^I7: /, (machine) => machine.swap.table.addTotalSwapPages(-1)],
    [/^I9: .*circle/, (machine) => machine.setField(1, 'next', 0)],
    [/^I9: .*stands behind/, (machine) => machine.setField(0, 'prio', -9)],
    [/^I9: .*cursor/, (machine) => machine.swap.table.setListNext(7)],
    [/^I9: .*not on the list/, (machine) => machine.setField(0, 'next', -1)],
    [/^I10: /, (machine) => machine.setField(1, 'prio', -3)],
    [/^I15: .*does not know/, (machine) => machine.test.cells.st8(machine.field(0, 'swapMap') + 1, 0x80)],
    [/^I16: /, (machine) => machine.setField(0, 'flags', 0x103)],
    [/^I17: /, (machine) => machine.setField(0, 'flags', 0x00b)],
    [/handed out less slots freed/, (machine) => machine.setField(0, 'allocated', 9)],
  ];
  for (const [sentence, damage] of damages) {
    it(`are found broken: ${sentence.source}`, () => {
      const machine = createSwapMachine();
      machine.area(16);
      machine.area(16);
      machine.get();
      expect(machine.broken()).to.deep.equal([]);
      damage(machine);
      const broken = machine.broken();
      expect(
        broken.some((line) => sentence.test(line)),
        broken.join('\n'),
      ).to.equal(true);
    });
  }
});
