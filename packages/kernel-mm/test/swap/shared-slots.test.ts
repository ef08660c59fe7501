import { expect } from 'chai';
import { KernelBug } from '#src/errno.js';
import { swpEntry } from '#src/swap/entries.js';
import { SWAP_INFO, SWAP_MAP_BAD, SWAP_MAP_MAX } from '#src/swap/info.js';
import { SharedSlots } from '#src/swap/shared-slots.js';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';
import type { TestCoreOptions } from '../support/core.js';
import { createSwapMachine, type SwapMachine } from './machine.js';
import type { SharingInput } from './shared-slots-scenarios.js';

const SCENARIOS = siblingModule('shared-slots-scenarios', import.meta.url).href;
const LIMIT_MS = 15_000;
const ENTRY = swpEntry(0, 3);
/** In the word of a lock on which somebody sleeps. */
const CONTENDED = 0x4000_0000;

/** A machine with an area, the short way there or not. */
function newMachine(wasm: boolean, options: TestCoreOptions = {}): SwapMachine {
  const machine = createSwapMachine({ wasm, ...options });
  machine.useCache();
  machine.area(16);
  return machine;
}

/** What a call leaves behind: its result or its error, the slot, the books and the log. */
function outcomeOf(machine: SwapMachine, call: () => unknown): unknown {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    result = error instanceof KernelBug ? 'stopped' : error;
  }
  const area = machine.swap.table.infoOf(0);
  const fields = [SWAP_INFO.inusePages, SWAP_INFO.freed, SWAP_INFO.lowestBit, SWAP_INFO.highestBit];
  return {
    result,
    byte: machine.byte(0, 3),
    books: fields.map((field) => machine.test.cells.ldu32(area + field)),
    free: machine.swap.table.nrSwapPages(),
    log: machine.log(),
    isLocked: machine.test.locks.isLocked(machine.swap.table.swapLock.address),
  };
}

describe('the short way of the counts of shared slots', () => {
  for (const call of ['swapDuplicate', 'swapFree'] as const) {
    it(`does what the long way does, whatever the map byte is: ${call}`, () => {
      let short = 0;
      for (let byte = 0; byte < 256; byte++) {
        // Counts that go on in pages of their own, which are not there, stop the machine either way.
        const [brief, full] = [true, false].map((wasm) => {
          const machine = newMachine(wasm);
          machine.setByte(0, 3, byte);
          machine.setField(0, 'inusePages', byte === 0 || byte === SWAP_MAP_BAD ? 0 : 1);
          const { counts } = machine.swap;
          if (counts.shared !== null) {
            const way = call === 'swapFree' ? ('dropUser' as const) : ('addUser' as const);
            const go = counts.shared[way].bind(counts.shared);
            counts.shared[way] = (entry) => {
              const done = go(entry);
              if (done) short++;
              return done;
            };
          }
          return outcomeOf(machine, () => counts[call](ENTRY));
        });
        expect(brief, `byte 0x${byte.toString(16)}`).to.deep.equal(full);
      }
      // Twice 61 counts: with and without the cache bit.
      expect(short).to.equal(2 * (SWAP_MAP_MAX - 1));
    });
  }

  it('refuses what names no slot, and changes nothing', () => {
    const machine = newMachine(true);
    const { shared } = machine.swap.counts;
    for (const entry of [0, swpEntry(0, 16), swpEntry(0, 0x7ff_ffff), swpEntry(1, 3), swpEntry(31, 3)]) {
      const before = machine.footprint();
      expect([shared!.addUser(entry), shared!.dropUser(entry)]).to.deep.equal([false, false]);
      expect(machine.footprint()).to.deep.equal(before);
      expect(machine.broken()).to.deep.equal([]);
      expect(machine.test.locks.isLocked(machine.swap.table.swapLock.address)).to.equal(false);
    }
  });

  it('leaves the lock alone when somebody has it', () => {
    const machine = newMachine(true);
    machine.setByte(0, 3, 5);
    const { counts, table } = machine.swap;
    table.swapLock.lock();
    expect([counts.shared!.addUser(ENTRY), counts.shared!.dropUser(ENTRY)]).to.deep.equal([false, false]);
    expect(machine.test.context.holds(table.swapLock.address)).to.equal(true);
    // The long way finds out whose it is.
    expect(() => counts.swapDuplicate(ENTRY)).to.throw(KernelBug, /Recursion.*swap_lock/);
    expect(machine.byte(0, 3)).to.equal(5);
  });

  it('finds out when the lock word is not its own at the end', () => {
    const machine = newMachine(true);
    const { table } = machine.swap;
    const me = machine.test.context.current + 1;
    const wordsBesideOurs = [(CONTENDED | me) ^ me, (me + 1) ^ me];
    const next = () => (wordsBesideOurs.shift()! << 1) | 1;
    const shared = new SharedSlots(table, { addUser: next, dropUser: next });
    // Somebody slept on the lock: done, and that one is woken.
    expect(shared.addUser(ENTRY)).to.equal(true);
    expect(() => shared.dropUser(ENTRY)).to.throw(KernelBug, /word of swap_lock .* is 0x2 while/);
  });

  const without: [string, TestCoreOptions][] = [
    ['without WASM', { wasm: false }],
    ['where points are wanted', { hook: () => undefined }],
    ['where times are wanted', { clock: () => 0 }],
    ['where locks are counted', { lockStats: true }],
    ['with ticket locks', { spinlock: 'ticket' }],
  ];
  for (const [why, options] of without) {
    it(`is not there ${why}`, () => {
      const machine = newMachine(true, options);
      expect(machine.swap.counts.shared).to.equal(null);
      machine.setByte(0, 3, 1);
      expect(machine.swap.counts.swapDuplicate(ENTRY)).to.equal(0);
      expect(machine.byte(0, 3)).to.equal(2);
    });
  }

  it('works on memory that is not shared', () => {
    const machine = newMachine(true, { shared: false });
    machine.setByte(0, 3, 1);
    expect(machine.swap.counts.shared!.addUser(ENTRY)).to.equal(true);
    expect(machine.byte(0, 3)).to.equal(2);
  });

  it('loses no user and no waiter among threads that go both ways', async () => {
    const machine = newMachine(true);
    machine.reader.record([]);
    machine.setByte(0, 3, 30);
    const rounds = 60_000;
    const results = await withThreads(SCENARIOS, async (threads) => {
      for (const wasm of [true, true, false]) {
        const input: SharingInput = { handle: machine.test.handle, wasm, entry: ENTRY, rounds };
        threads.start('share', input);
      }
      return valuesOf<number>(await threads.allEnded(LIMIT_MS));
    });
    expect(results).to.deep.equal([rounds, rounds, rounds]);
    expect(machine.byte(0, 3)).to.equal(30);
    expect(machine.test.locks.isLocked(machine.swap.table.swapLock.address)).to.equal(false);
  });
});
