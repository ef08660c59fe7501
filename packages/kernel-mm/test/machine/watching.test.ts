import { expect } from 'chai';
import { MisuseError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { createMachine } from '#src/machine/machine.js';
import type { KernelEvent } from '#src/trace/events.js';
import { bytesOf, createVmMachine, NOTHING_LEFT, type VmMachine } from '../vm/machine.js';

describe('a snapshot', () => {
  for (const shared of [true, false]) {
    it(`brings the contents of a process back, in memory and in swap (shared: ${shared})`, () => {
      const vm = createVmMachine({ limitPages: 4, slots: [63], shared });
      const space = vm.process(12);
      for (let vpn = 0; vpn < 12; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
      const snapshot = vm.machine.snapshot();
      const slots = vm.inuse();
      for (const round of [1, 2]) {
        for (let vpn = 0; vpn < 12; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(100 * round + vpn));
        space.exit();
        const other = vm.process(12);
        other.write(0, bytesOf(999));
        vm.machine.restore(snapshot);
        expect(vm.broken()).to.deep.equal([]);
        expect(vm.inuse()).to.equal(slots);
        expect(space.isLive()).to.equal(true);
        for (let vpn = 0; vpn < 12; vpn++)
          expect(space.read(vpn * PAGE_SIZE, PAGE_SIZE), `page ${vpn}`).to.deep.equal(bytesOf(vpn));
      }
      space.exit();
      expect(vm.leftovers()).to.deep.equal(NOTHING_LEFT);
      expect(vm.broken()).to.deep.equal([]);
    });
  }

  it('saves only the frames in use', () => {
    const vm = createVmMachine();
    expect(vm.machine.snapshot().frameIndices).to.have.length(0);
    const space = vm.process();
    for (const vpn of [0, 1, 2]) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    space.unmap(PAGE_SIZE, PAGE_SIZE);
    expect([...vm.machine.snapshot().frameIndices]).to.deep.equal([0, 2]);
  });

  it('of another machine is refused', () => {
    const snapshot = createVmMachine().machine.snapshot();
    const other = createVmMachine({ ramPages: 128 });
    expect(() => other.machine.restore(snapshot))
      .to.throw(MisuseError)
      .with.property('code', 'ERR_INVALID_ARGUMENT');
  });
});

describe('events', () => {
  /** Frees so many slots. */
  function freeSlots(vm: VmMachine, count: number): void {
    const space = vm.process(count);
    for (let vpn = 0; vpn < count; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.swapOut(count);
    space.exit();
  }

  function slotsOf(events: readonly KernelEvent[]): number[] {
    return events.flatMap((event) => (event.type === 'slotFree' ? [event.slot] : []));
  }

  it('are drained once, in order; of other types are forgotten', () => {
    const vm = createVmMachine();
    freeSlots(vm, 3);
    expect(vm.machine.drain().map((event) => event.type)).to.include.members(['swapon', 'slotFree']);
    expect(vm.machine.drain()).to.deep.equal([]);
    freeSlots(vm, 3);
    const slots = slotsOf(vm.machine.drain('slotFree'));
    expect(slots).to.have.length(3);
    expect(slots).to.deep.equal(slots.toSorted((one, other) => one - other));
    freeSlots(vm, 3);
    expect(vm.machine.drain('swapoff')).to.deep.equal([]);
    expect(vm.machine.drain()).to.deep.equal([]);
  });

  it('are recorded only when asked for, and counted when they do not fit', () => {
    const vm = createVmMachine();
    vm.machine.drain();
    vm.machine.record('swapoff');
    freeSlots(vm, 3);
    expect(vm.machine.drain()).to.deep.equal([]);
    vm.machine.record('slotFree');
    freeSlots(vm, 3);
    expect(slotsOf(vm.machine.drain())).to.have.length(3);
    expect(vm.machine.droppedEvents()).to.equal(0);
    const small = createMachine({ ramBytes: 1 << 20, shared: false, traceRecords: 32 });
    const { trace } = small.attach().kernel;
    for (let slot = 0; slot < 40; slot++) trace.slotFree(0, slot);
    expect(small.droppedEvents()).to.equal(8);
    expect(slotsOf(small.drain())).to.deep.equal(Array.from({ length: 32 }, (_, index) => index));
  });

  it('can be iterated over as they come, until the signal is aborted', async () => {
    const vm = createVmMachine();
    vm.machine.drain();
    const stop = new AbortController();
    const seen: KernelEvent[] = [];
    const loop = (async () => {
      for await (const event of vm.machine.events('slotFree', { signal: stop.signal })) seen.push(event);
    })();
    freeSlots(vm, 2);
    await waitFor(() => seen.length === 2);
    // The loop has been idle; it goes on.
    freeSlots(vm, 3);
    await waitFor(() => seen.length === 5);
    expect(slotsOf(seen)).to.have.length(5);
    stop.abort();
    await loop;
    freeSlots(vm, 1);
    expect(seen).to.have.length(5);
    expect(slotsOf(vm.machine.drain())).to.have.length(1);
  });

  it('of all types are given when none is named, and a loop can be left', async () => {
    const vm = createVmMachine();
    freeSlots(vm, 1);
    const types: string[] = [];
    for await (const event of vm.machine.events()) {
      types.push(event.type);
      if (event.type === 'slotFree') break;
    }
    expect(types.at(-1)).to.equal('slotFree');
    expect(types).to.include('swapon');
  });

  it('end at once when the signal is aborted already', async () => {
    const vm = createVmMachine();
    freeSlots(vm, 1);
    const seen: KernelEvent[] = [];
    for await (const event of vm.machine.events({ signal: { aborted: true } })) seen.push(event);
    expect(seen).to.deep.equal([]);
    expect(vm.machine.drain()).to.not.deep.equal([]);
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 1000) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
