/**
 * The system calls of a machine, as one attached thread makes them.
 *
 * Promise: a call either succeeds or throws and leaves the machine as it was: {@link KernelError} for what the modelled kernel answers with an
 * errno, {@link MisuseError} for a wrong use of the API. A view of the main thread never waits: where another thread holds a lock it throws
 * `ERR_WOULD_BLOCK`. A view belongs to the thread that made it.
 */
import { PAGE_SHIFT, PAGE_SIZE } from '../arena/memory.js';
import type { SymbolId } from '../arena/symbols.js';
import { NULL_SYMBOL } from '../arena/symbols.js';
import {
  EBUSY,
  EINTR,
  EIO,
  EINVAL,
  EISDIR,
  ENAMETOOLONG,
  ENOENT,
  ENOMEM,
  ENOSPC,
  EOPNOTSUPP,
  EPERM,
  KernelError,
  MisuseError,
} from '../errno.js';
import type { IoFaults } from '../block/fault-injection.js';
import type { NotifierCall } from '../notifier/blocks.js';
import { SWAP_EVENT_SWAPOFF, SWAP_EVENT_SWAPON } from '../swap/events.js';
import type { SwapFreeNotify } from '../swap/free-notify.js';
import { SWAP_FLAG_PREFER, SWAP_FLAG_PRIO_MASK } from '../swap/info.js';
import { AddressSpace } from './address-space.js';
import type { DriverView } from './driver.js';
import type { Kernel } from './kernel.js';

/** Options of {@link MachineView.swapon}. */
export interface SwaponOptions {
  /** 0 to 32767; by default the next lower negative number, so that areas are used in order of their swapon. */
  readonly priority?: number;
}

/** Options of {@link MachineView.createAddressSpace}. */
export interface AddressSpaceOptions {
  /** Size in bytes, a multiple of the page size; 16 MiB by default. */
  readonly bytes?: number;
}

/** What {@link MachineView.meminfo} tells, in bytes. */
export interface Meminfo {
  /** Modelled memory. */
  readonly memTotal: number;
  /** Page frames nobody uses. */
  readonly memFree: number;
  /** Pages in the swap cache. */
  readonly swapCached: number;
  /** Pages of processes that were used lately. */
  readonly activeAnon: number;
  /** Pages that reclaim takes first. */
  readonly inactiveAnon: number;
  /** Usable slots; those of an area being switched off count as long as they are in use. */
  readonly swapTotal: number;
  /** Slots nobody uses. */
  readonly swapFree: number;
}

const ADDRESS_SPACE_BYTES_DEFAULT = 16 << 20;
const ADDRESS_SPACE_BYTES_MAX = 2 ** 31 - PAGE_SIZE;

/** What each errno of opening a path means for a user. */
const OPEN_SENTENCES: readonly (readonly [number, string])[] = [
  [ENOENT, 'there is no such block device or file'],
  [EISDIR, 'it is a directory'],
  [ENAMETOOLONG, 'the path is too long'],
];
/** What each errno of swapon, mkswap and swapoff means for a user. */
const SWAPON_SENTENCES: ReadonlyMap<number, string> = new Map([
  ...OPEN_SENTENCES,
  [EBUSY, 'it is a swap area already'],
  [
    EINVAL,
    'it is in use, or neither a block device nor a regular file, or has no valid swap header (mkswap writes one), or the header does not fit it, ' +
      'or it is a file with holes',
  ],
  [EPERM, 'all swap areas are taken'],
  [ENOMEM, 'there is no page for its header, or no room for its swap map and other tables'],
  [EIO, 'its header could not be read'],
]);
const MKSWAP_SENTENCES: ReadonlyMap<number, string> = new Map([
  ...OPEN_SENTENCES,
  [EBUSY, 'it is in use: a device with files on it, or a swap area, which must be swapped off first'],
  [EINVAL, 'it has fewer than 10 pages, or is neither a block device nor a regular file'],
  [ENOSPC, 'it has a hole where its header would be'],
  [ENOMEM, 'there is not enough memory to write its header'],
  [EIO, 'its header could not be written'],
]);
const SWAPOFF_SENTENCES: ReadonlyMap<number, string> = new Map([
  ...OPEN_SENTENCES,
  [EINVAL, 'it is no active swap area'],
  [ENOMEM, 'there is not enough memory for its pages; it is in use as before'],
  [EINTR, 'a signal came before all its pages were in memory; it is in use as before'],
  [EIO, 'one of its pages could not be read, and is needed; it is in use as before'],
  [
    EOPNOTSUPP,
    'some of its slots belong to no process, so nobody can take their pages; it is in use as before',
  ],
]);

/** A thread's system calls. */
export class MachineView {
  /** The floors below, for drivers, tests and whoever wants to look inside. */
  readonly kernel: Kernel;
  private readonly drivers: ReadonlyMap<string, DriverView>;
  private attached = true;

  /**
   * @param kernel - of this thread
   * @param drivers - this thread's views of the drivers, by name
   */
  constructor(kernel: Kernel, drivers: ReadonlyMap<string, DriverView>) {
    this.kernel = kernel;
    this.drivers = drivers;
  }

  /**
   * Switches a swap area on. May sleep.
   * @param path - of a block device or a file with a swap header: `'/dev/ramzswap0'`, `'/swapfile'`
   * @param options - priority
   * @returns type of the area, the index other calls name it by
   * @throws {@link KernelError} `ENOENT`, `EISDIR`, `ENAMETOOLONG`, `EBUSY`, `EINVAL`, `EPERM`, `ENOMEM`, `EIO`
   */
  swapon(path: string, options: SwaponOptions = {}): number {
    const { priority } = options;
    if (
      priority !== undefined &&
      !(Number.isInteger(priority) && priority >= 0 && priority <= SWAP_FLAG_PRIO_MASK)
    ) {
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `swapon: the priority ${priority} is not between 0 and ${SWAP_FLAG_PRIO_MASK}.`,
      );
    }
    const flags = priority === undefined ? 0 : SWAP_FLAG_PREFER | priority;
    const result = this.kernel.swap.on.swapon(path, flags);
    if (result < 0)
      throw new KernelError('swapon', result, `${path}: ${sentenceFor(SWAPON_SENTENCES, result)}`);
    return result;
  }

  /**
   * Switches a swap area off: its pages are brought into memory, while processes run and swap on. May sleep.
   * @param path - of the block device or the file
   * @throws {@link KernelError} `ENOENT`, `EISDIR`, `ENAMETOOLONG`, `EINVAL`; `ENOMEM`, `EINTR` when a signal was sent to this task (`machine.signal`), `EIO`, and
   * `EOPNOTSUPP` when a slot belongs to no process: then the area is in use as before, an automatic priority being the lowest now
   */
  swapoff(path: string): void {
    const result = this.kernel.swap.off.swapoff(path);
    // On its way back to its own code a task takes its signals, whether or not they have ended the call.
    this.kernel.core.context.clearSignal();
    if (result < 0)
      throw new KernelError('swapoff', result, `${path}: ${sentenceFor(SWAPOFF_SENTENCES, result)}`);
  }

  /**
   * Writes a swap header for the whole of a block device or a file, as the mkswap program does. May sleep.
   * @param path - of the block device or the file; not a ramzswap disk, which brings its own header
   * @throws {@link KernelError} `ENOENT`, `EISDIR`, `ENAMETOOLONG`, `EBUSY` while it is in use, `EINVAL` when it is too small or neither, `ENOSPC`
   * for a hole, `ENOMEM`, `EIO`
   */
  mkswap(path: string): void {
    const result = this.kernel.makeSwap.mkswap(path);
    if (result < 0)
      throw new KernelError('mkswap', result, `${path}: ${sentenceFor(MKSWAP_SENTENCES, result)}`);
  }

  /**
   * Defines a function for {@link setSwapFreeNotify} that other threads can call too: define it in each of them under the same name.
   * @param name - 1 to 47 printable ASCII characters
   * @param notify - called under `swap_lock` when a slot of the area is freed; must not sleep
   * @returns its number in the machine
   */
  define(name: string, notify: SwapFreeNotify): SymbolId {
    return this.kernel.swap.freeNotify.functions.define(name, notify);
  }

  /**
   * Installs the function that is told when a slot of an area is freed, or removes it.
   * @param type - from {@link swapon}
   * @param symbol - from {@link define}, or null to remove
   * @throws {@link KernelError} `EINVAL` when there is no such area; {@link MisuseError} when this thread has not defined the symbol
   */
  setSwapFreeNotify(type: number, symbol: SymbolId | null): void {
    if (symbol !== null) this.kernel.swap.freeNotify.functions.resolve(symbol);
    const result = this.kernel.swap.freeNotify.setSwapFreeNotify(type, symbol ?? NULL_SYMBOL);
    if (result < 0) throw new KernelError('set_swap_free_notify', result, `there is no swap area ${type}`);
  }

  /**
   * Registers a callback for swapon or swapoff events, in this thread and under this name in the machine.
   * @param event - which chain
   * @param name - of the function, defined in every thread that makes such calls
   * @param call - gets (block, type of the area, address of its block device, or of the inode of its file); may sleep
   * @param priority - higher ones are called first
   * @throws {@link KernelError} `ENOMEM` when all notifier blocks are taken
   */
  registerSwapNotifier(event: 'swapon' | 'swapoff', name: string, call: NotifierCall, priority = 0): void {
    const { notifierBlocks, swap } = this.kernel;
    const block = notifierBlocks.create(notifierBlocks.calls.define(name, call), priority);
    if (block === 0)
      throw new KernelError('register_swap_notifier', -ENOMEM, 'all notifier blocks are taken');
    const result = swap.events.registerSwapEventNotifier(
      event === 'swapon' ? SWAP_EVENT_SWAPON : SWAP_EVENT_SWAPOFF,
      block,
    );
    if (result === 0) return;
    notifierBlocks.destroy(block);
    throw new KernelError('register_swap_notifier', result, `'${name}' could not be registered for ${event}`);
  }

  /**
   * Creates an empty address space. May sleep.
   * @param options - size
   * @throws {@link KernelError} `ENOMEM` when there are too many or there is no room for the page table
   */
  createAddressSpace(options: AddressSpaceOptions = {}): AddressSpace {
    const bytes = options.bytes ?? ADDRESS_SPACE_BYTES_DEFAULT;
    if (
      !Number.isSafeInteger(bytes) ||
      bytes <= 0 ||
      bytes % PAGE_SIZE !== 0 ||
      bytes > ADDRESS_SPACE_BYTES_MAX
    ) {
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `An address space cannot have ${bytes} bytes: it needs a multiple of ${PAGE_SIZE} up to ${ADDRESS_SPACE_BYTES_MAX}.`,
      );
    }
    const mm = this.kernel.vm.spaces.create(bytes >>> PAGE_SHIFT);
    if (mm < 0) {
      throw new KernelError(
        'mm_alloc',
        mm,
        `no place or no page table for an address space of ${bytes} bytes; see the machine's addressSpaces and tableBytes`,
      );
    }
    return new AddressSpace(this.kernel.vm, mm);
  }

  /**
   * Reclaims memory now, as a fault over the limit would. May sleep.
   * @param pages - how many to free
   * @returns how many were freed; fewer when the rest is in use, or when there is no slot left
   */
  reclaimPages(pages: number): number {
    let freed = 0;
    while (freed < pages) {
      const progress = this.kernel.vm.reclaim.tryToFreeMemCgroupPages(pages - freed);
      if (progress === 0) break;
      freed += progress;
    }
    return freed;
  }

  /**
   * A file of `/proc` as a program would read it. May sleep: reading `swaps` waits for a swapon or swapoff that is just ending.
   * @param name - `swaps` is byte for byte that of 2.6.34; `meminfo` and `vmstat` have the lines about what is modelled here
   * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` for any other name
   */
  proc(name: 'swaps' | 'meminfo' | 'vmstat'): string {
    const { report } = this.kernel.vm;
    const asked: string = name;
    if (asked === 'swaps') return report.swapsText();
    if (asked === 'meminfo') return report.meminfoText();
    if (asked === 'vmstat') return report.vmstatText();
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `There is no /proc/${asked} here; there are 'swaps', 'meminfo' and 'vmstat'.`,
    );
  }

  /** Memory and swap of the machine in bytes: the numbers of `proc('meminfo')`. */
  meminfo(): Meminfo {
    const pages = this.kernel.vm.report.meminfo();
    return {
      memTotal: pages.memTotal * PAGE_SIZE,
      memFree: pages.memFree * PAGE_SIZE,
      swapCached: pages.swapCached * PAGE_SIZE,
      activeAnon: pages.activeAnon * PAGE_SIZE,
      inactiveAnon: pages.inactiveAnon * PAGE_SIZE,
      swapTotal: pages.swapTotal * PAGE_SIZE,
      swapFree: pages.swapFree * PAGE_SIZE,
    };
  }

  /** Writes what SysRq-m tells about swap into the kernel log, where it becomes `printk` events. @kernel mm/swap_state.c show_swap_cache_info, 2.6.34 */
  showSwapCacheInfo(): void {
    this.kernel.vm.report.showSwapCacheInfo();
  }

  /**
   * Under the policy `discard-cluster`, does what is left for the worker: discards the clusters whose last slot was freed. Where no thread
   * runs the worker, call this now and then; without it, they are discarded only when there is no other free slot. May sleep.
   * @returns clusters of 256 slots that were discarded
   */
  flushDiscards(): number {
    return this.kernel.swap.clusters.flush();
  }

  /**
   * Makes requests to a disk fail from now on, in place of what was asked for before. Takes no lock; any thread may call it at any time.
   * @param path - `'/dev/NAME'`
   * @param faults - which fail, in parts per million; null for none
   * @throws {@link MisuseError} `ERR_OUT_OF_RANGE`, or `ERR_INVALID_ARGUMENT` when there is no such disk
   */
  injectIoFaults(path: string, faults: IoFaults | null): void {
    const { devices, failing } = this.kernel.block;
    const bdev = devices.byPath(path);
    if (bdev === 0)
      throw new MisuseError('ERR_INVALID_ARGUMENT', `injectIoFaults: there is no disk '${path}'.`);
    failing.setRule(bdev, faults);
  }

  /** The view a driver has in this thread, for that driver's own package. */
  driver(name: string): DriverView {
    const view = this.drivers.get(name);
    if (view === undefined)
      throw new MisuseError('ERR_INVALID_ARGUMENT', `This machine has no driver '${name}'.`);
    return view;
  }

  /** Gives the thread's place in the machine back. The view must not be used any more; no lock may be held. A second call does nothing. */
  detach(): void {
    if (!this.attached) return;
    // By a second call the place may be another thread's.
    this.attached = false;
    this.kernel.core.context.tasks.release(this.kernel.core.context.current);
  }
}

function sentenceFor(sentences: ReadonlyMap<number, string>, result: number): string {
  return sentences.get(-result) ?? 'it failed';
}
