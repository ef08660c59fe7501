/**
 * The driver as a part of a machine: its options, its place in the layout, and its view of each thread.
 *
 * `createMachine({ drivers: [ramzswap({ disks: 1, diskBytes: 32 << 20 })] })` boots a machine with `/dev/ramzswap0`, which has a table, a swap
 * header and an empty pool, and can be given to swapon as it is. The policy of the machine decides how the driver
 * is told of freed slots.
 */
import {
  BLOCK_DISCARD,
  BLOCK_NONROTATIONAL,
  errnoName,
  MisuseError,
  PAGE_SHIFT,
  PAGE_SIZE,
  pagesFor,
  type Driver,
  type DriverView,
  type FreeSlotPolicy,
  type Kernel,
  type Layout,
  type LockClasses,
} from '@swaplab/kernel-mm';
import { CODEC_NAMES, createCodec, isCodecName, type CodecName } from '../codec/codec.js';
import { RamzswapDevice } from './device.js';
import { layoutRamzswap, RAMZSWAP_DISKS_MAX, RZS_ENTRY, type RamzswapPlaces } from './places.js';
import { DriverFunctions } from './swap-notify.js';
import { walkTable, type TableWalk } from './walk.js';

/** Name of the driver in a machine. */
export const RAMZSWAP_NAME = 'ramzswap';

/** A disk has the header page and at least one slot. */
const DISK_BYTES_MIN = 2 * PAGE_SIZE;
/** Policies under which the queue of a disk takes discards, as that of the first versions of the driver did. */
const DISCARD_POLICIES: readonly FreeSlotPolicy[] = ['discard', 'discard-cluster', 'discard-slot'];
const DISK_BYTES_MAX = 2 ** 32 - PAGE_SIZE;

/** Options of the driver; plain data. */
export interface RamzswapOptions {
  /** Number of disks, 1 to 32: `/dev/ramzswap0` and so on. */
  readonly disks: number;
  /** Size of each disk in bytes, rounded down to whole pages; page 0 is the swap header. */
  readonly diskBytes: number;
  /** How pages are compressed; `'lzo1x-2010'` by default. */
  readonly codec?: CodecName;
}

/** The driver as one thread sees it. */
export class RamzswapView implements DriverView {
  /** All devices, in order of their numbers. */
  readonly devices: readonly RamzswapDevice[];
  readonly functions: DriverFunctions;
  /** Where the devices lie. */
  readonly places: RamzswapPlaces;
  private readonly kernel: Kernel;
  private readonly diskBytes: number;

  /**
   * @param kernel - this thread's kernel
   * @param places - where the devices lie
   * @param options - as given to {@link ramzswap}
   */
  constructor(kernel: Kernel, places: RamzswapPlaces, options: Required<RamzswapOptions>) {
    this.kernel = kernel;
    this.places = places;
    this.diskBytes = options.diskBytes;
    const codec = createCodec(options.codec, kernel.core.cells);
    const devices: RamzswapDevice[] = [];
    for (let index = 0; index < options.disks; index++) {
      devices.push(new RamzswapDevice(kernel, places, index, codec));
    }
    this.devices = devices;
    this.functions = new DriverFunctions(kernel, devices, kernel.config.policy);
  }

  /**
   * Registers the disks, initialises them, and registers the notifiers if the policy needs them. Called once in the life of a machine.
   * @kernel ramzswap_init, and for each device RZSIO_SET_DISKSIZE_KB and RZSIO_INIT, 2.6.34
   * @throws MisuseError `ERR_OUT_OF_RANGE` when the machine's memory is too small for the disks
   */
  boot(): void {
    const { hook } = this.functions;
    for (const device of this.devices) {
      const name = `${RAMZSWAP_NAME}${device.index}`;
      const bdev = this.kernel.block.devices.register(
        name,
        0,
        this.functions.makeRequestSymbol,
        device.address,
        BLOCK_NONROTATIONAL | (DISCARD_POLICIES.includes(this.kernel.config.policy) ? BLOCK_DISCARD : 0),
      );
      if (bdev < 0)
        this.kernel.core.context.bug(
          `ramzswap: the disk '${name}' cannot be registered: ${errnoName(bdev)}.`,
        );
      device.setBdev(bdev);
      if (hook !== null) hook.diskRegistered(bdev);
      device.setDisksize(this.diskBytes);
      const error = device.init();
      if (error === 0) continue;
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `The disk '${name}' of ${this.diskBytes} bytes cannot be initialised (${errnoName(error)}): give the machine more RAM or table memory.`,
      );
    }
    if (hook !== null && hook.perArea) this.functions.registerNotifiers();
  }

  /**
   * The device of a disk.
   * @param path - `'/dev/ramzswap0'`
   * @throws MisuseError `ERR_INVALID_ARGUMENT` when there is none
   */
  device(path: string): RamzswapDevice {
    const bdev = this.kernel.block.devices.byPath(path);
    for (const device of this.devices) if (bdev !== 0 && device.bdev() === bdev) return device;
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `'${path}' is no disk of ramzswap; there are ${this.devices.length}, '/dev/${RAMZSWAP_NAME}0' and on.`,
    );
  }

  /** Walks over the tables of all devices, in order of their numbers; nobody may be at work on them. */
  walk(): TableWalk[] {
    const walks: TableWalk[] = [];
    for (const device of this.devices) walks.push(walkTable(device));
    return walks;
  }
}

class RamzswapDriver implements Driver {
  readonly name = RAMZSWAP_NAME;
  readonly options: Required<RamzswapOptions>;
  readonly tableBytes: number;
  /** One driver object may be given to several machines, each with a layout of its own. */
  private readonly placesIn = new WeakMap<Layout, RamzswapPlaces>();

  constructor(options: Required<RamzswapOptions>) {
    this.options = options;
    const slots = options.diskBytes >>> PAGE_SHIFT;
    // For each disk a table, a swap map and a table of clusters, which is at most an eighth of the map, in whole pages.
    const pages = pagesFor(slots * RZS_ENTRY.$bytes) + pagesFor(slots) + pagesFor(slots >>> 3) + 1;
    this.tableBytes = options.disks * pages * PAGE_SIZE;
  }

  layout(layout: Layout, classes: LockClasses): void {
    const { workBytes } = createCodec(this.options.codec);
    this.placesIn.set(layout, layoutRamzswap(layout, classes, this.options.disks, workBytes));
  }

  attach(kernel: Kernel): RamzswapView {
    const places = this.placesIn.get(kernel.core.context.layout);
    if (places === undefined)
      throw new MisuseError('ERR_INVALID_ARGUMENT', 'ramzswap is attached before it is laid out.');
    return new RamzswapView(kernel, places, this.options);
  }
}

/**
 * The driver, for `createMachine({ drivers: [ramzswap(...)] })` and for threads that attach.
 * @param options - disks and codec
 * @throws MisuseError `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARGUMENT`
 */
export function ramzswap(options: RamzswapOptions): Driver {
  const { disks, diskBytes } = options;
  const codec: string = options.codec ?? 'lzo1x-2010';
  if (!Number.isInteger(disks) || disks < 1 || disks > RAMZSWAP_DISKS_MAX) {
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `ramzswap can have 1 to ${RAMZSWAP_DISKS_MAX} disks, not ${disks}.`,
    );
  }
  if (!Number.isInteger(diskBytes) || diskBytes < DISK_BYTES_MIN || diskBytes > DISK_BYTES_MAX) {
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `A disk of ramzswap has ${DISK_BYTES_MIN} to ${DISK_BYTES_MAX} bytes, not ${diskBytes}.`,
    );
  }
  if (!isCodecName(codec)) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `There is no codec '${codec}'; the codecs are ${CODEC_NAMES.join(', ')}.`,
    );
  }
  return new RamzswapDriver({ disks, diskBytes, codec });
}

/**
 * The driver in a thread's view of a machine.
 * @param view - of this thread, from `machine.attach()` or `attachMachine()`
 * @throws MisuseError when the machine has no ramzswap
 */
export function ramzswapOf(view: { driver(name: string): DriverView }): RamzswapView {
  const driver = view.driver(RAMZSWAP_NAME);
  if (driver instanceof RamzswapView) return driver;
  throw new MisuseError(
    'ERR_INVALID_ARGUMENT',
    `The driver '${RAMZSWAP_NAME}' of this machine is not the one of this package.`,
  );
}
