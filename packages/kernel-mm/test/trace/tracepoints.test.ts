import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { WMARK_HIGH } from '#src/page/watermarks.js';
import { SWAP_EVENT_SWAPON } from '#src/swap/events.js';
import { swpOffset, swpType } from '#src/swap/entries.js';
import { KERNEL_EVENT_TYPES, type KernelEvent, type KernelEventType } from '#src/trace/events.js';
import { bytesOf, createVmMachine, type VmMachine, type VmOptions } from '../vm/machine.js';

type EventOf<T extends KernelEventType> = Extract<KernelEvent, { readonly type: T }>;

/** A machine that records everything from now on. */
function traced(options: VmOptions = {}): VmMachine {
  const vm = createVmMachine(options);
  vm.machine.drain();
  vm.machine.record(...KERNEL_EVENT_TYPES);
  return vm;
}

/** The events of one type since the last look, all others forgotten. */
function eventsOf<T extends KernelEventType>(vm: VmMachine, type: T): EventOf<T>[] {
  return vm.machine.drain().filter((event): event is EventOf<T> => event.type === type);
}

/** Whether one event lies in the other. */
function liesIn(inner: KernelEvent, outer: KernelEvent): boolean {
  const begin = 'since' in inner ? inner.since : inner.time;
  return 'since' in outer && outer.since < begin && inner.time < outer.time;
}

describe('tracepoints', () => {
  it('tell of slots that are taken, and of the writes that follow', () => {
    const vm = traced();
    const space = vm.process(3);
    for (let vpn = 0; vpn < 3; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.machine.drain();
    vm.swapOut(3);
    const slots = [0, 1, 2].map((vpn) => swpOffset(vm.entry(space, vpn))).sort((a, b) => a - b);
    const events = vm.machine.drain();
    const outs = events.filter((event) => event.type === 'swapOut');
    const slotsOf = (type: KernelEventType): number[] =>
      events
        .flatMap((event) => (event.type === type && 'slot' in event ? [event.slot] : []))
        .sort((a, b) => a - b);
    expect(slotsOf('slotAlloc')).to.deep.equal(slots);
    expect(slotsOf('swapOut')).to.deep.equal(slots);
    const swapType = swpType(vm.entry(space, 0));
    for (const event of outs) expect(event).to.include({ swapType, error: 0 });
    const [reclaim, ...others] = events.filter((event) => event.type === 'reclaim');
    expect(others).to.deep.equal([]);
    expect(reclaim).to.include({ by: 'direct', target: 3, freed: 3 });
    expect(reclaim!.scanned).to.be.at.least(3);
    for (const event of outs) expect(liesIn(event, reclaim!)).to.equal(true);
    const alloc = events.find((event) => event.type === 'slotAlloc')!;
    expect(liesIn(alloc, reclaim!)).to.equal(true);
  });

  it('tell what kind each fault is, and of the reads in it', () => {
    const vm = traced();
    const space = vm.process(4);
    space.write(2 * PAGE_SIZE, bytesOf(1));
    expect(eventsOf(vm, 'fault')).to.have.length(1).and.to.have.nested.property('[0].kind', 'anonymous');
    vm.swapOut(1);
    const slot = swpOffset(vm.entry(space, 2));
    vm.machine.drain();
    const [child] = [space.fork()];
    const twins = vm.machine.drain().filter((event) => event.type === 'duplicate');
    expect(twins.map((event) => [event.slot, event.count])).to.deep.equal([[slot, 2]]);
    space.read(2 * PAGE_SIZE, 1);
    const events = vm.machine.drain();
    const fault = events.find((event) => event.type === 'fault')!;
    expect(fault).to.include({ kind: 'major', space: space.id, vpn: 2, write: false, error: 0 });
    const reads = events.filter((event) => event.type === 'swapIn');
    expect(reads.map((event) => [event.slot, event.error])).to.deep.include([slot, 0]);
    for (const read of reads) expect(liesIn(read, fault)).to.equal(true);
    // The page is in the swap cache now.
    child.read(2 * PAGE_SIZE, 1);
    expect(eventsOf(vm, 'fault').map(({ kind, space: id }) => [kind, id])).to.deep.equal([
      ['minor', child.id],
    ]);
    child.write(2 * PAGE_SIZE, bytesOf(2));
    expect(eventsOf(vm, 'fault').map(({ kind, write }) => [kind, write])).to.deep.equal([
      ['copyOnWrite', true],
    ]);
    expect(vm.count('faults')).to.equal(4);
    // A fault on what is there already has nothing to do.
    expect(vm.kernel.vm.faults.handleFault(child.id, 2, true)).to.equal(0);
    expect(eventsOf(vm, 'fault').map(({ kind }) => kind)).to.deep.equal(['none']);
  });

  it('tell the error of a transfer, and of the fault that it fails', () => {
    const vm = traced();
    const space = vm.process(1);
    space.write(0, bytesOf(1));
    vm.swapOut(1);
    vm.machine.drain();
    vm.kernel.block.failing.setRule(vm.disk(), { read: 1_000_000 });
    expect(() => space.read(0, 1)).to.throw();
    const events = vm.machine.drain();
    expect(events.find((event) => event.type === 'swapIn')).to.include({ error: -5 });
    expect(events.find((event) => event.type === 'fault')).to.include({ error: -5, kind: 'major' });
  });

  it('tell of each call to a device, and of none where there is nobody to call', () => {
    for (const policy of ['none', 'notify'] as const) {
      const vm = traced({ policy });
      const seen: number[] = [];
      const hook = vm.view.define('seen', (_bdev, slot) => {
        seen.push(slot);
      });
      if (policy === 'notify') vm.view.setSwapFreeNotify(0, hook);
      const space = vm.process(3);
      for (let vpn = 0; vpn < 3; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
      vm.swapOut(3);
      vm.machine.drain();
      space.exit();
      const events = vm.machine.drain();
      const notified = events.filter((event) => event.type === 'notify');
      expect(
        notified.map(({ swapType, slot }) => [swapType, slot]),
        policy,
      ).to.deep.equal(seen.map((slot) => [0, slot]));
      expect(seen.length, policy).to.equal(policy === 'notify' ? 3 : 0);
      const freed = events.filter((event) => event.type === 'slotFree');
      expect(freed, policy).to.have.length(3);
      // Told in this order: the slot is free, then its device is told.
      for (const [index, event] of notified.entries())
        expect(event.since).to.be.greaterThan(freed[index]!.time);
    }
  });

  it('tell of each callback of a chain, with its answer', () => {
    const vm = traced({ slots: [63, 63] });
    const { swap, notifierBlocks } = vm.kernel;
    vm.view.swapoff('/dev/ram1');
    const call = notifierBlocks.calls.define('watcher', () => 0x17);
    const block = notifierBlocks.create(call);
    expect(swap.events.registerSwapEventNotifier(SWAP_EVENT_SWAPON, block)).to.equal(0);
    vm.machine.drain();
    vm.view.swapon('/dev/ram1', { priority: 1 });
    const calls = eventsOf(vm, 'notifierCall');
    expect(calls).to.have.length(1);
    expect(calls[0]).to.include({ block, result: 0x17, chain: swap.events.swaponChain.chain.address });
    expect(vm.machine.describeAddress(calls[0]!.chain)).to.equal('swapon_notify_list');
  });

  it('tell of kswapd by its name', () => {
    const vm = traced({ ramPages: 128 });
    const { kswapd } = vm.kernel.vm;
    const space = vm.process(128);
    for (let vpn = 0; vm.kernel.frames.watermarks.zoneWatermarkOk(WMARK_HIGH) && vpn < 128; vpn++)
      space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    vm.machine.drain();
    for (let turn = 0; turn < 20 && kswapd.sleepingPrematurely(); turn++) kswapd.serve(0);
    const passes = eventsOf(vm, 'reclaim').filter(({ by }) => by === 'kswapd');
    expect(passes).to.have.length(vm.count('pageoutrun'));
    expect(passes.length).to.be.at.least(1);
    expect(passes.reduce((sum, { freed }) => sum + freed, 0)).to.equal(vm.count('pgstealKswapd'));
  });

  it('tell which process was killed', () => {
    const vm = traced({ limitPages: 4, slots: [] });
    const space = vm.process(8);
    expect(() => {
      for (let vpn = 0; vpn < 8; vpn++) space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    }).to.throw();
    expect(eventsOf(vm, 'processKilled').map(({ space: id }) => id)).to.deep.equal([space.id]);
    expect(vm.count('kills')).to.equal(1);
  });

  it('tell what locks were held, of threads that were attached for it', () => {
    const vm = traced();
    let now = 1e6;
    const view = vm.machine.attach({ name: 'told', lockEvents: true, clock: () => (now += 10) });
    const { table } = view.kernel.swap;
    vm.machine.drain();
    table.swapLock.lock();
    view.kernel.frames.info();
    table.swapLock.unlock();
    vm.kernel.swap.table.swapLock.lock();
    vm.kernel.swap.table.swapLock.unlock();
    const held = eventsOf(vm, 'lockHeld');
    expect(new Set(held.map(({ task }) => vm.machine.taskName(task)))).to.deep.equal(new Set(['told']));
    const last = held.at(-1)!;
    expect(vm.machine.lockClassName(last.lockClass)).to.equal('swap_lock');
    expect(last.address).to.equal(table.swapLock.address);
    expect(last.time - last.since).to.be.at.least(10);
    for (const inner of held.slice(0, -1)) expect(liesIn(inner, last)).to.equal(true);
    view.detach();
  });

  it('give locks times in the order of all events where there is no clock', () => {
    const vm = traced();
    const view = vm.machine.attach({ name: 'told', lockEvents: true });
    const { swapLock } = view.kernel.swap.table;
    vm.machine.drain();
    view.kernel.trace.slotAlloc(0, 1);
    swapLock.lock();
    view.kernel.trace.slotAlloc(0, 2);
    swapLock.unlock();
    view.kernel.trace.slotAlloc(0, 3);
    const [first, second, held, third] = vm.machine.drain();
    expect(held).to.include({ type: 'lockHeld', address: swapLock.address });
    const times = [first!.time, (held as EventOf<'lockHeld'>).since, second!.time, held!.time, third!.time];
    expect(times).to.deep.equal(times.toSorted((a, b) => a - b));
    expect(new Set(times).size).to.equal(times.length);
    view.detach();
  });

  it('count a user that is added by the way through WASM, too', () => {
    const vm = traced();
    const space = vm.process(1);
    space.write(0, bytesOf(1));
    vm.swapOut(1);
    const entry = vm.entry(space, 0);
    const { counts } = vm.kernel.swap;
    expect(counts.shared).to.not.equal(null);
    vm.machine.drain();
    counts.swapDuplicate(entry);
    counts.swapDuplicate(entry);
    expect(eventsOf(vm, 'duplicate').map(({ count }) => count)).to.deep.equal([2, 3]);
    vm.machine.record('slotFree');
    counts.swapDuplicate(entry);
    expect(vm.machine.drain()).to.deep.equal([]);
    expect(vm.byte(entry) & 0x3f).to.equal(4);
    for (let user = 0; user < 3; user++) counts.swapFree(entry);
    space.exit();
  });

  it('give the whole count of a slot with more users than a byte can count', () => {
    const vm = traced();
    const space = vm.process(1);
    space.write(0, bytesOf(1));
    vm.swapOut(1);
    const entry = vm.entry(space, 0);
    const { counts } = vm.kernel.swap;
    vm.machine.drain();
    for (let user = 2; user <= 70; user++) expect(counts.swapDuplicate(entry)).to.equal(0);
    const told = eventsOf(vm, 'duplicate').map(({ count }) => count);
    expect(told).to.deep.equal(Array.from({ length: 69 }, (_, index) => index + 2));
    for (let user = 2; user <= 70; user++) counts.swapFree(entry);
    space.exit();
  });
});
