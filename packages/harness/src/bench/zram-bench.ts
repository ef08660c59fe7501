/**
 * Side by side with the real thing: the same pages, written to a zram device of this machine and read again, and in our own machine.
 *
 * - `zram.write`, `zram.read`: microseconds of a page; theirs include a system call each, ours a request through the block layer;
 * - `zram.compressed`: bytes of all pages, compressed;
 * - `zram.memory`: bytes of memory they take.
 *
 * The device is one that nobody uses, and is given back as it was (`zram-device.ts`); on a machine without one the rows are skipped. Our codec is that
 * of its algorithm, as far as we have it. The goals say that a model is of the size of what it is a model of, no more.
 */
import {
  BIO_READ,
  BIO_WRITE,
  createArena,
  createMachine,
  GFP_KERNEL,
  PAGE_SIZE,
  SECTORS_PER_PAGE,
} from '@swaplab/kernel-mm';
import { isCodecName, ramzswap, ramzswapOf, type CodecName } from '@swaplab/ramzswap';
import { benchPages } from './bench-pages.js';
import { comparedRow, skippedRow, type BenchPlan } from './document.js';
import { BestBatches, type BenchGroup, type BenchSession } from './session.js';
import { borrowZram, thisHost, type ZramDevice, type ZramHost } from './zram-device.js';

const WRITE: BenchPlan = { name: 'zram.write', unit: 'us', goal: { op: '<=', value: 2 } };
const READ: BenchPlan = { name: 'zram.read', unit: 'us', goal: { op: '<=', value: 2 } };
const COMPRESSED: BenchPlan = { name: 'zram.compressed', unit: 'bytes', goal: { op: '<=', value: 1.1 } };
const MEMORY: BenchPlan = { name: 'zram.memory', unit: 'bytes', goal: { op: '<=', value: 1.3 } };

const PAGES = 1024;
const BATCH_PAGES = 32;
/** Times through all pages. */
const TRIALS = 20;

/** Who stores pages. */
interface Store {
  /** Writes or reads a page of the disk. */
  write(page: number): void;
  read(page: number): void;
  /** Whether the page read last is as it was written. */
  isRight(page: number): boolean;
  readonly best: { readonly write: BestBatches; readonly read: BestBatches };
}

/** The group; it is measured only when it is asked for. */
export const ZRAM_GROUP: BenchGroup = {
  plans: [WRITE, READ, COMPRESSED, MEMORY],
  measure: (session) => measureZram(session, thisHost()),
};

/**
 * Measures.
 * @param session - of the benchmarks
 * @param host - the machine with the device
 */
export async function measureZram(session: BenchSession, host: ZramHost): Promise<void> {
  const { report, note, signal } = session;
  // The first page of a disk is not ours to write in a machine of ours.
  const device = borrowZram((PAGES + 1) * PAGE_SIZE, host);
  if (typeof device === 'string') {
    for (const plan of ZRAM_GROUP.plans) report(skippedRow(plan, device));
    return;
  }
  try {
    const algorithm = device.algorithm();
    const codec = codecOf(algorithm);
    const { bytes: corpus } = benchPages(PAGES);
    const theirs = zramStore(device, corpus);
    const { store: ours, memory } = ourStore(codec, corpus);
    for (let trial = 0; trial < TRIALS; trial++) {
      for (const work of ['write', 'read'] as const) {
        for (const store of [ours, theirs]) {
          store.best[work].add(oneTrial(store, work));
          // Between two trials whoever wants to end it is heard.
          await new Promise((resolve) => setImmediate(resolve));
          if (signal?.aborted === true) throw new Error('interrupted', { cause: signal.reason });
        }
      }
    }
    const peer = `${device.name}, ${algorithm}`;
    const held = device.memory();
    const microseconds = (best: BestBatches): number => best.sum() / PAGES;
    report(comparedRow(WRITE, microseconds(ours.best.write), peer, microseconds(theirs.best.write)));
    report(comparedRow(READ, microseconds(ours.best.read), peer, microseconds(theirs.best.read)));
    report(comparedRow(COMPRESSED, memory().compressed, peer, held.compressed));
    report(comparedRow(MEMORY, memory().used, peer, held.used));
    const times = `${microseconds(theirs.best.write).toFixed(2)} us for a write and ${microseconds(theirs.best.read).toFixed(2)} for a read`;
    note(
      `${device.name} (${algorithm}) needs ${times}, and ${String(held.used)} bytes for ${String(PAGES)} pages, ` +
        `compressed to ${String(held.compressed)}; ours is ${codec}`,
    );
  } finally {
    device.giveBack();
  }
}

/** Our codec for an algorithm of the kernel. */
function codecOf(algorithm: string): CodecName {
  if (algorithm === 'lzo') return 'lzo1x-current';
  return isCodecName(algorithm) ? algorithm : 'lzo1x-current';
}

/** Microseconds of each batch; reads are looked at, outside of what is measured. */
function oneTrial(store: Store, work: 'write' | 'read'): number[] {
  const microseconds: number[] = [];
  for (let first = 0; first < PAGES; first += BATCH_PAGES) {
    const start = performance.now();
    for (let page = first; page < first + BATCH_PAGES; page++) store[work](page);
    microseconds.push((performance.now() - start) * 1000);
    if (work === 'read' && !store.isRight(first + BATCH_PAGES - 1))
      throw new Error(`page ${String(first + BATCH_PAGES - 1)} was not read as it was written`);
  }
  return microseconds;
}

function newBest(): Store['best'] {
  return { write: new BestBatches(), read: new BestBatches() };
}

/** The device. Its pages lie in memory at page boundaries, as transfers past the page cache ask for. */
function zramStore(device: ZramDevice, corpus: Uint8Array): Store {
  const { u8: pages } = createArena((PAGES + 1) * PAGE_SIZE, false);
  pages.set(corpus);
  const pageOf = (page: number): Uint8Array => pages.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  const sources = Array.from({ length: PAGES }, (_, page) => pageOf(page));
  const target = pageOf(PAGES);
  return {
    write: (page) => device.writePage(page + 1, sources[page] ?? target),
    read: (page) => device.readPage(page + 1, target),
    isRight: (page) => Buffer.compare(target, sources[page] ?? target) === 0,
    best: newBest(),
  };
}

/** Our own driver in a machine of its own. */
function ourStore(
  codec: CodecName,
  corpus: Uint8Array,
): { readonly store: Store; readonly memory: () => { readonly compressed: number; readonly used: number } } {
  const machine = createMachine({
    ramBytes: (2 * PAGES + 1024) * PAGE_SIZE,
    policy: 'notify',
    ramDisks: [],
    drivers: [ramzswap({ diskBytes: (PAGES + 1) * PAGE_SIZE, codec })],
  });
  machine.record();
  const view = machine.attach({ name: 'zram bench' });
  const device = ramzswapOf(view).device('/dev/ramzswap0');
  const { frames, block, core } = view.kernel;
  const { u8 } = core.cells.arena;
  const takeFrame = (): number => {
    const page = frames.allocPage(GFP_KERNEL);
    if (page === 0) throw new Error('the machine of the benchmark has no memory left');
    return frames.addressOf(page);
  };
  const sources = Array.from({ length: PAGES }, (_, page) => {
    const frame = takeFrame();
    u8.set(corpus.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE), frame);
    return frame;
  });
  const target = takeFrame();
  const transfer = (operation: number, page: number, frame: number): void => {
    const bio = block.bios.allocBio(GFP_KERNEL);
    block.bios.setPage(bio, device.bdev(), operation, (page + 1) * SECTORS_PER_PAGE, frame);
    const error = block.bios.submitBio(bio);
    block.bios.freeBio(bio);
    if (error !== 0) throw new Error(`a transfer of the benchmark failed with ${String(error)}`);
  };
  return {
    store: {
      write: (page) => transfer(BIO_WRITE, page, sources[page] ?? target),
      read: (page) => transfer(BIO_READ, page, target),
      isRight: (page) => {
        const source = sources[page] ?? target;
        return (
          Buffer.compare(u8.subarray(target, target + PAGE_SIZE), u8.subarray(source, source + PAGE_SIZE)) ===
          0
        );
      },
      best: newBest(),
    },
    memory: () => {
      const { comprDataSize, memUsedTotal } = device.readStats();
      return { compressed: comprDataSize, used: memUsedTotal };
    },
  };
}
