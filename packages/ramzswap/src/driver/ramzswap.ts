/**
 * The driver as a part of a machine: its options, its place in the layout, and its view of each thread.
 *
 * `createMachine({ drivers: [ramzswap({ disks: 1, diskBytes: 32 << 20 })] })` boots a machine with `/dev/ramzswap0`, which has a table, a swap
 * header and an empty pool, and can be given to swapon as it is. The policy of the machine decides how the driver
 * is told of freed slots.
 */
import {
  areaTableBytes,
  BLOCK_DISCARD,
  EINVAL,
  ENOMEM,
  errnoName,
  KernelError,
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
import { createDevice, hasBackingSwap } from './create-device.js';
import type { RamzswapDevice } from './device.js';
import {
  layoutRamzswap,
  MAX_SWAP_NAME_LEN,
  RAMZSWAP_DISKS_MAX,
  RZS_ENTRY,
  type RamzswapPlaces,
} from './places.js';
import { DriverFunctions } from './swap-notify.js';
import { walkTable, type TableWalk } from './walk.js';
import { installDriverVariants, requireDriverVariants } from '../variants/registry.js';

/** Name of the driver in a machine. */
export const RAMZSWAP_NAME = 'ramzswap';

/** A disk has the header page and at least one slot. */
const DISK_BYTES_MIN = 2 * PAGE_SIZE;
/** Policies under which the queue of a disk takes discards, as that of the first versions of the driver did. */
const DISCARD_POLICIES: readonly FreeSlotPolicy[] = ['discard', 'discard-cluster', 'discard-slot'];
const DISK_BYTES_MAX = 2 ** 32 - PAGE_SIZE;

/** Options of the driver; plain data. */
export interface RamzswapOptions {
  /** Number of disks, 1 to 32: `/dev/ramzswap0` and so on. Either this or {@link numDevices}; 1 when neither is given. */
  readonly disks?: number;
  /** The same as the parameter of the module has it: 0 means 1, and more than 32 is refused with `EINVAL`. @kernel num_devices */
  readonly numDevices?: number;
  /**
   * Size of each disk in bytes, rounded down to whole pages; page 0 is the swap header. 0, or nothing: a quarter of the RAM. A disk with backing swap
   * is as large as that.
   */
  readonly diskBytes?: number;
  /** With backing swap: most bytes of compressed pages in memory, rounded down to whole pages; 15 % of the RAM by default. */
  readonly memlimitBytes?: number;
  /** Backing swap of the first disk: path of a block device or a file, at most 127 ASCII characters; none by default. Not in the profile 2.6.35. */
  readonly backing?: string;
  /** How pages are compressed; `'lzo1x-2010'` by default. */
  readonly codec?: CodecName;
  /** Whether `lzo1x-2010` forgets each page before the next one (`'cleared'`, the default) or not, as the original (`'kept'`). */
  readonly dictionary?: 'cleared' | 'kept';
  /** Whether the disks are initialised when the machine boots; true by default. False for whoever does it by ioctl. */
  readonly initialise?: boolean;
  /** Bytes of a `size_t` in the ioctl interface, 8 by default. */
  readonly wordBytes?: 4 | 8;
  /** Deliberately wrong variants of the driver, by their names: `['d11']`. `DRIVER_VARIANTS` lists them; none by default. */
  readonly variants?: readonly string[];
}

/** Options completed and checked; plain data. */
interface CompleteOptions {
  readonly disks: number;
  readonly diskBytes: number;
  readonly memlimitBytes: number;
  readonly backing: string;
  readonly codec: CodecName;
  readonly dictionary: 'cleared' | 'kept';
  readonly initialise: boolean;
  readonly wordBytes: 4 | 8;
  readonly variants: readonly string[];
}

/** The driver as one thread sees it. */
export class RamzswapView implements DriverView {
  /** All devices, in order of their numbers. */
  readonly devices: readonly RamzswapDevice[];
  readonly functions: DriverFunctions;
  /** Where the devices lie. */
  readonly places: RamzswapPlaces;
  private readonly kernel: Kernel;
  private readonly options: CompleteOptions;

  /**
   * @param kernel - this thread's kernel
   * @param places - where the devices lie
   * @param options - as given to {@link ramzswap}
   */
  constructor(kernel: Kernel, places: RamzswapPlaces, options: CompleteOptions) {
    this.kernel = kernel;
    this.places = places;
    this.options = options;
    const { dictionary, wordBytes } = options;
    const codec = createCodec(options.codec, kernel.core.cells, { dictionary });
    const devices: RamzswapDevice[] = [];
    for (let index = 0; index < options.disks; index++) {
      devices.push(createDevice(kernel.config.profile, kernel, { places, index, codec, wordBytes }));
    }
    this.devices = devices;
    this.functions = new DriverFunctions(kernel, devices, kernel.config.policy);
    installDriverVariants({ functions: this.functions, devices, kernel }, options.variants);
  }

  /**
   * Registers the disks, initialises them, and registers the notifiers if the policy needs them. Called once in the life of a machine.
   * @kernel ramzswap_init, and for each device RZSIO_SET_DISKSIZE_KB and RZSIO_INIT, 2.6.34
   * @throws MisuseError `ERR_OUT_OF_RANGE` when the machine's memory is too small for the disks, `ERR_INVALID_ARGUMENT` when there is no such backing swap
   */
  boot(): void {
    const { hook } = this.functions;
    const { profile } = this.kernel.config;
    if (this.options.backing !== '' && !hasBackingSwap(profile)) {
      throw new MisuseError(
        'ERR_INVALID_ARGUMENT',
        `ramzswap of the profile ${profile} has no backing swap.`,
      );
    }
    for (const device of this.devices) {
      const name = `${RAMZSWAP_NAME}${device.index}`;
      const bdev = this.kernel.block.devices.register(
        name,
        0,
        this.functions.makeRequestSymbol,
        device.address,
        DISCARD_POLICIES.includes(this.kernel.config.policy) ? BLOCK_DISCARD : 0,
      );
      if (bdev < 0)
        this.kernel.core.context.bug(
          `ramzswap: the disk '${name}' cannot be registered: ${errnoName(bdev)}.`,
        );
      device.setBdev(bdev);
      if (hook !== null) hook.diskRegistered(bdev);
      if (this.options.initialise && !this.waitsForFiles(device)) this.initialise(device, name);
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

  /** Initialises the disk whose backing swap is a file. */
  filesMounted(): void {
    const [device] = this.devices;
    if (device !== undefined && this.options.initialise && this.waitsForFiles(device))
      this.initialise(device, `${RAMZSWAP_NAME}${device.index}`);
  }

  private waitsForFiles(device: RamzswapDevice): boolean {
    const { backing } = this.options;
    return device.index === 0 && backing !== '' && this.kernel.block.devices.byPath(backing) === 0;
  }

  /** Chooses sizes and backing swap of a disk, and initialises it. */
  private initialise(device: RamzswapDevice, name: string): void {
    const { diskBytes, memlimitBytes, backing } = this.options;
    const isBacked = backing !== '' && device.index === 0;
    device.setDisksize(diskBytes);
    if (isBacked) {
      device.setMemlimit(memlimitBytes);
      device.setBackingSwap(backing);
    }
    const error = device.init();
    if (error === 0) return;
    if (isBacked && error !== -ENOMEM) {
      throw new MisuseError(
        'ERR_INVALID_ARGUMENT',
        `The disk '${name}' cannot have the backing swap '${backing}' (${errnoName(error)}): it must be a block device or a file without holes that nobody uses.`,
      );
    }
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `The disk '${name}' of ${diskBytes} bytes cannot be initialised (${errnoName(error)}): give the machine more RAM or table memory.`,
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
  readonly options: CompleteOptions;
  readonly tableBytes: number;
  /** One driver object may be given to several machines, each with a layout of its own. */
  private readonly placesIn = new WeakMap<Layout, RamzswapPlaces>();

  constructor(options: CompleteOptions) {
    this.options = options;
    const slots = options.diskBytes >>> PAGE_SHIFT;
    // For each disk its table, and those of the swap area on it.
    this.tableBytes =
      options.disks * (pagesFor(slots * RZS_ENTRY.$bytes) * PAGE_SIZE + areaTableBytes(slots));
    // A disk as large as a share of the RAM, or as its backing swap, has its table in the room that every machine has.
  }

  layout(layout: Layout, classes: LockClasses): void {
    const { codec, dictionary } = this.options;
    const { workBytes } = createCodec(codec, null, { dictionary });
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
 * @param options - disks, codec, backing swap
 * @throws MisuseError `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARGUMENT`; KernelError `EINVAL` for more than 32 `numDevices`
 */
export function ramzswap(options: RamzswapOptions = {}): Driver {
  const { diskBytes = 0, memlimitBytes = 0, backing = '', wordBytes = 8 } = options;
  const disks = disksOf(options);
  const codec: string = options.codec ?? 'lzo1x-2010';
  if (diskBytes !== 0 && !isSize(diskBytes, DISK_BYTES_MIN)) {
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `A disk of ramzswap has ${DISK_BYTES_MIN} to ${DISK_BYTES_MAX} bytes, not ${diskBytes}.`,
    );
  }
  if (memlimitBytes !== 0 && !isSize(memlimitBytes, PAGE_SIZE)) {
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `The memory limit of ramzswap is ${PAGE_SIZE} to ${DISK_BYTES_MAX} bytes, not ${memlimitBytes}.`,
    );
  }
  if (!isCodecName(codec)) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `There is no codec '${codec}'; the codecs are ${CODEC_NAMES.join(', ')}.`,
    );
  }
  if (!/^[\x20-\x7e]*$/.test(backing) || backing.length >= MAX_SWAP_NAME_LEN) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `A backing swap cannot be called '${backing}': its path has at most ${MAX_SWAP_NAME_LEN - 1} printable ASCII characters.`,
    );
  }
  return new RamzswapDriver({
    disks,
    diskBytes,
    memlimitBytes,
    backing,
    codec,
    dictionary: options.dictionary ?? 'cleared',
    initialise: options.initialise ?? true,
    wordBytes,
    variants: [...requireDriverVariants(options.variants ?? [])],
  });
}

function isSize(bytes: number, least: number): boolean {
  return Number.isInteger(bytes) && bytes >= least && bytes <= DISK_BYTES_MAX;
}

/** @kernel ramzswap_init in ramzswap_drv.c, 2.6.34 */
function disksOf({ disks, numDevices }: RamzswapOptions): number {
  if (disks === undefined && numDevices !== undefined) {
    if (Number.isInteger(numDevices) && numDevices >= 0 && numDevices <= RAMZSWAP_DISKS_MAX)
      return numDevices === 0 ? 1 : numDevices;
    throw new KernelError(
      'init_module',
      -EINVAL,
      `ramzswap can have at most ${RAMZSWAP_DISKS_MAX} devices, not num_devices=${numDevices}`,
    );
  }
  const count = disks ?? 1;
  if (Number.isInteger(count) && count >= 1 && count <= RAMZSWAP_DISKS_MAX) return count;
  throw new MisuseError(
    'ERR_OUT_OF_RANGE',
    `ramzswap can have 1 to ${RAMZSWAP_DISKS_MAX} disks, not ${count}.`,
  );
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
