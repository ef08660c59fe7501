/**
 * A machine for tests of the driver. It has no processes, so that every slot that is taken, and every page that is written, is the test's own.
 *
 * `createTestMachine` makes one; `attachTestMachine` attaches another thread, or the same thread as another task.
 */
import {
  BIO,
  BIO_READ,
  BIO_WRITE,
  createMachine,
  GFP_KERNEL,
  openMachine,
  PAGE_SIZE,
  SECTORS_PER_PAGE,
  type Arena,
  type BlockLayer,
  type Core,
  type FreeSlotPolicy,
  type Frames,
  type Kernel,
  type FileConfig,
  type Machine,
  type MachineHandle,
  type MachineView,
  type Profile,
  type RamDiskConfig,
} from '@swaplab/kernel-mm';
import type { CodecName } from '#src/codec/codec.js';
import type { RamzswapDevice } from '#src/driver/device.js';
import { ramzswap, ramzswapOf, type RamzswapOptions, type RamzswapView } from '#src/driver/ramzswap.js';

/** What a test machine is made of. */
export interface TestMachineOptions {
  readonly disks?: number;
  /** Size of each disk in pages, 64 when not given. */
  readonly diskPages?: number;
  readonly codec?: CodecName;
  /** 4 MiB when not given. */
  readonly ramBytes?: number;
  /** How the driver is told of freed slots; `'notify'` when not given. */
  readonly policy?: FreeSlotPolicy;
  /** Faults of the driver; none when not given. */
  readonly variants?: readonly string[];
  /** `'sound'` when not given. */
  readonly profile?: Profile;
  /** Backing swap of the first disk; none when not given. */
  readonly backing?: string;
  readonly memlimitBytes?: number;
  /** Whether the disks are initialised; true when not given. */
  readonly initialise?: boolean;
  readonly wordBytes?: 4 | 8;
  /** One of 64 pages, `ram0`, when not given. */
  readonly ramDisks?: readonly RamDiskConfig[];
  /** Files on the disks; none when not given. */
  readonly files?: readonly FileConfig[];
}

/** A page frame of a test. */
export interface TestPage {
  readonly page: number;
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** One thread's view of a test machine. */
export class TestMachine {
  readonly machine: Machine;
  readonly view: MachineView;
  readonly kernel: Kernel;
  readonly core: Core;
  readonly arena: Arena;
  readonly frames: Frames;
  readonly block: BlockLayer;
  readonly driver: RamzswapView;

  constructor(machine: Machine, view: MachineView) {
    this.machine = machine;
    this.view = view;
    this.kernel = view.kernel;
    this.core = this.kernel.core;
    this.arena = this.core.cells.arena;
    this.frames = this.kernel.frames;
    this.block = this.kernel.block;
    this.driver = ramzswapOf(view);
  }

  /** The first device. */
  get device(): RamzswapDevice {
    return this.driver.devices[0]!;
  }

  /** Takes a page frame for the test's own data. */
  takePage(): TestPage {
    const page = this.frames.allocPage(GFP_KERNEL);
    if (page === 0) throw new Error('the test machine has no page frame left');
    const address = this.frames.addressOf(page);
    return { page, address, bytes: this.arena.u8.subarray(address, address + PAGE_SIZE) };
  }

  /** Sends a request for one page of a disk through the block layer; gives 0 or a negative errno. */
  transfer(operation: 'read' | 'write', slot: number, page: TestPage, device = this.device): number {
    return this.request(operation, { sector: slot * SECTORS_PER_PAGE, pageAddress: page.address }, device);
  }

  /** Sends any request through the block layer, or straight to the driver. */
  request(
    operation: 'read' | 'write',
    fields: Partial<Record<'sector' | 'pageAddress' | 'bytes' | 'offsetBytes' | 'segments', number>>,
    device = this.device,
    way: 'block layer' | 'driver' = 'block layer',
  ): number {
    const { bios } = this.block;
    const bio = bios.allocBio(GFP_KERNEL);
    try {
      bios.setPage(
        bio,
        device.bdev(),
        operation === 'read' ? BIO_READ : BIO_WRITE,
        fields.sector ?? 0,
        fields.pageAddress ?? 0,
      );
      for (const field of ['bytes', 'offsetBytes', 'segments'] as const) {
        const value = fields[field];
        if (value !== undefined) this.arena.i32[(bio + BIO[field]) >> 2] = value;
      }
      if (way === 'block layer') return bios.submitBio(bio);
      this.driver.functions.makeRequest(device.bdev(), bio);
      return this.arena.i32[(bio + BIO.error) >> 2]!;
    } finally {
      bios.freeBio(bio);
    }
  }
}

/** Makes a machine whose disks are initialised. */
export function createTestMachine(options: TestMachineOptions = {}): TestMachine {
  const driverOptions: RamzswapOptions = {
    disks: options.disks ?? 1,
    diskBytes: (options.diskPages ?? 64) * PAGE_SIZE,
    codec: options.codec ?? 'lzo1x-2010',
    variants: options.variants ?? [],
    backing: options.backing ?? '',
    memlimitBytes: options.memlimitBytes ?? 0,
    initialise: options.initialise ?? true,
    wordBytes: options.wordBytes ?? 8,
  };
  const machine = createMachine({
    ramBytes: options.ramBytes ?? 4 << 20,
    policy: options.policy ?? 'notify',
    profile: options.profile ?? 'sound',
    traceRecords: 256,
    addressSpaces: 1,
    ramDisks: options.ramDisks ?? [{ name: 'ram0', bytes: 64 * PAGE_SIZE }],
    files: options.files ?? [],
    drivers: [ramzswap(driverOptions)],
  });
  return new TestMachine(machine, machine.attach({ name: 'test', mayWait: true }));
}

/** Attaches the calling thread to a machine that another one made. */
export function attachTestMachine(handle: MachineHandle, name: string): TestMachine {
  const machine = openMachine(handle, { drivers: { ramzswap } });
  return new TestMachine(machine, machine.attach({ name, mayWait: true }));
}

/**
 * Fills a page so that it compresses to about so many bytes of noise, and differs for each seed.
 * @param bytes - a page
 * @param seed - any integer
 * @param noise - bytes of noise, 0 to 4096; the rest repeats a word that depends on the seed
 */
export function fillPage(bytes: Uint8Array, seed: number, noise: number): void {
  let state = (Math.imul(seed, 0x9e37_79b1) ^ 0x2545_f491) | 1;
  for (let index = 0; index < bytes.length; index++) {
    if (index >= noise) {
      bytes[index] = (seed >>> (8 * (index & 3))) ^ 0x55;
      continue;
    }
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
}
