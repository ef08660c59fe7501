/**
 * What the threads of the driver tests do. Each works on slots of its own and on slots that all share; it knows what its own must hold.
 */
import { PAGE_SIZE, type MachineHandle } from '@swaplab/kernel-mm';
import { attachTestMachine, fillPage } from '../support/machine.js';

/** What a thread is told. */
export interface HammerOrder {
  readonly handle: MachineHandle;
  readonly thread: number;
  readonly threads: number;
  readonly rounds: number;
  /** Slots below this are shared by all threads; those from here on belong to thread (slot mod threads). */
  readonly sharedSlots: number;
  readonly seed: number;
  /** One cell on shared memory: the number of threads that are ready. */
  readonly gate: Int32Array;
}

/** What a thread did. */
export interface HammerReport {
  readonly writes: number;
  readonly reads: number;
  readonly frees: number;
  /** The slots of its own that hold something at the end, with the seed of their contents. */
  readonly owned: readonly (readonly [slot: number, seed: number, noise: number])[];
}

/** Longest wait for the other threads to be ready, in milliseconds: they load their modules before. */
const GATE_LIMIT_MS = 12_000;

/** Waits until all threads are ready, so that they really work at the same time. */
function passGate(order: HammerOrder): void {
  const { gate, threads } = order;
  let ready = Atomics.add(gate, 0, 1) + 1;
  Atomics.notify(gate, 0);
  while (ready < threads) {
    if (Atomics.wait(gate, 0, ready, GATE_LIMIT_MS) === 'timed-out')
      throw new Error('the other threads do not come');
    ready = Atomics.load(gate, 0);
  }
}

/** Bytes of noise of a write, so that all kinds of slots occur; -1 for a zero page. */
function noiseOf(random: number): number {
  const kinds = [-1, 0, 120, 1800, 2600, 4096];
  return kinds[random % kinds.length]!;
}

/** Writes, reads and frees slots; throws when a slot of its own does not read back as written. */
export function hammer(order: HammerOrder): HammerReport {
  const machine = attachTestMachine(order.handle, `hammer ${order.thread}`);
  const { device } = machine;
  const source = machine.takePage();
  const target = machine.takePage();
  const slots = device.slots();
  const owned = new Map<number, [number, number]>();
  let state = (order.seed + order.thread * 7919) | 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  let [writes, reads, frees] = [0, 0, 0];
  passGate(order);
  for (let round = 0; round < order.rounds; round++) {
    const slot = 1 + (next() % (slots - 1));
    const isShared = slot < order.sharedSlots;
    if (!isShared && slot % order.threads !== order.thread) continue;
    const action = next() % 4;
    if (action === 0) {
      device.slotFreeNotify(slot);
      frees++;
      owned.delete(slot);
    } else if (action === 1) {
      target.bytes.fill(0xee);
      if (machine.transfer('read', slot, target) !== 0) throw new Error(`slot ${slot} could not be read`);
      reads++;
      const expected = owned.get(slot);
      if (isShared) checkOnePage(target.bytes, slot);
      else if (expected === undefined) source.bytes.fill(0xee);
      else fill(source.bytes, ...expected);
      if (!isShared && Buffer.compare(source.bytes, target.bytes) !== 0)
        throw new Error(`slot ${slot} was read back wrong`);
    } else {
      const noise = noiseOf(next());
      const seed = isShared ? slot : order.thread * order.rounds + round;
      fill(source.bytes, seed, noise);
      if (machine.transfer('write', slot, source) !== 0) throw new Error(`slot ${slot} could not be written`);
      writes++;
      if (!isShared) owned.set(slot, [seed, noise]);
    }
  }
  machine.frames.freePage(source.page);
  machine.frames.freePage(target.page);
  machine.view.detach();
  return {
    writes,
    reads,
    frees,
    owned: [...owned].map(([slot, [seed, noise]]) => [slot, seed, noise] as const),
  };
}

/**
 * Thread 0 reads, writes and frees, and takes an I/O error for an answer; thread 1 resets the device and initialises it again.
 * @returns requests that were served, or resets that were made
 */
export function disturb(order: HammerOrder): number {
  const machine = attachTestMachine(order.handle, `disturb ${order.thread}`);
  const { device } = machine;
  const page = machine.takePage();
  let done = 0;
  passGate(order);
  for (let round = 0; round < order.rounds; round++) {
    const slot = 1 + ((round * 17) % 39);
    if (order.thread === 1) {
      if (round % 10 !== 0 || device.reset() !== 0) continue;
      done++;
      if (device.setDisksize(40 * PAGE_SIZE) !== 0 || device.init() !== 0)
        throw new Error('the device cannot be initialised again');
      continue;
    }
    fillPage(page.bytes, round, (round * 311) % 4097);
    const request = { sector: slot * 8, pageAddress: page.address };
    if (machine.request('write', request, device, 'driver') === 0) done++;
    if (machine.request('read', request, device, 'driver') === 0) done++;
    device.slotFreeNotify(1 + ((round * 5) % 39));
  }
  machine.frames.freePage(page.page);
  machine.view.detach();
  return done;
}

/** Fills a page as a thread writes it. */
export function fill(bytes: Uint8Array, seed: number, noise: number): void {
  if (noise < 0) bytes.fill(0);
  else fillPage(bytes, seed, noise);
}

/** A slot that all threads write holds one of the pages they write there, whole, or nothing. */
function checkOnePage(bytes: Uint8Array, slot: number): void {
  const wanted = new Uint8Array(PAGE_SIZE).fill(0xee);
  if (Buffer.compare(wanted, bytes) === 0) return;
  for (const noise of [-1, 0, 120, 1800, 2600, 4096]) {
    fill(wanted, slot, noise);
    if (Buffer.compare(wanted, bytes) === 0) return;
  }
  throw new Error(`slot ${slot} holds a mixture`);
}
