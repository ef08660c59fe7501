/**
 * What a machine is made of: options as users give them, completed and checked.
 *
 * Promise: a configuration is plain data that survives `postMessage`, and everything about the layout of a machine follows from it. Every
 * bad value is refused here, with one sentence that names it and the allowed range, before anything exists.
 */
import { PAGE_SIZE } from '../arena/memory.js';
import { BLOCK_DEVICE_NAME_BYTES_MAX, BLOCK_DEVICES_MAX } from '../block/device.js';
import { requireIoFaults, type IoFaultsOfDevice } from '../block/fault-injection.js';
import type { FileConfig } from '../block/files.js';
import type { RamDiskConfig } from '../block/ram-disk.js';
import { MisuseError } from '../errno.js';
import { MAX_SWAPFILES_DEFAULT } from '../swap/entries.js';
import { FREE_SLOT_POLICIES, type FreeSlotPolicy } from '../swap/policy.js';
import { areaTableBytes } from '../swap/swap-core.js';
import { SPINLOCK_KINDS, type SpinlockKind } from '../sync/ticket-lock.js';
import { RECORDS_PER_TASK_DEFAULT } from '../trace/rings.js';
import { PROFILES, type Profile } from '../variants/profiles.js';
import { requireVariants } from '../variants/registry.js';
import { completeFiles, tableBytesOfFiles } from './config-files.js';

/** Options of a machine; all have defaults. */
export interface MachineOptions {
  /** Modelled memory in bytes, a multiple of the page size; 64 MiB by default. */
  readonly ramBytes?: number;
  /** Whether other threads can attach; true by default. False where there is no SharedArrayBuffer. */
  readonly shared?: boolean;
  /**
   * Which faults of history are in the code: `'sound'`, the default, has none. The others have those of the swap core, the vm, the notifier chains
   * and the drivers of their version.
   */
  readonly profile?: Profile;
  /** Deliberately wrong variants besides those of the profile, by their names: `['late-call']`. `VARIANTS` lists them; none by default. */
  readonly variants?: readonly string[];
  /** How drivers learn of freed slots; `'notify'` by default. */
  readonly policy?: FreeSlotPolicy;
  /** Most bytes of processes in memory at one time, a multiple of the page size; 0, the default, for no limit. */
  readonly limitBytes?: number;
  /**
   * Bytes of memory kept back for those who cannot wait, a multiple of the page size up to a quarter of the memory; 0, the default, for the
   * original's own formula. kswapd is called at 5/4 of it and done at 6/4. @kernel min_free_kbytes
   */
  readonly minFreeBytes?: number;
  /** RAM disks; by default one, `ram0`, of 4 MiB. */
  readonly ramDisks?: readonly RamDiskConfig[];
  /**
   * Files on the disks, which can be swapped to; none by default. A disk with files on it is mounted: it cannot be swapped on as a whole.
   */
  readonly files?: readonly FileConfig[];
  /** Most address spaces at one time; 64 by default. */
  readonly addressSpaces?: number;
  /** Room for page tables, swap maps and driver tables in bytes; by default enough for RAM and disks of the given sizes. */
  readonly tableBytes?: number;
  /** Most swap areas, 29 to 32; 30 by default. @kernel MAX_SWAPFILES */
  readonly maxSwapfiles?: number;
  /** Trace records each thread can hold before they are drained, a power of two of at least 32; 4096 by default. */
  readonly traceRecords?: number;
  /** Seed of the random numbers inside the machine (where a solid-state area starts); 1 by default. */
  readonly seed?: number;
  /**
   * Whether copy, clear, zero test and codec of page bytes run in WASM where the platform can; true by default. False for the TypeScript
   * twins: slower, with the same results.
   */
  readonly wasm?: boolean;
  /** How spinlocks wait; `'adaptive'` by default. `'ticket'` is for showing what happens to it with more threads than cores. */
  readonly spinlock?: SpinlockKind;
  /**
   * Whether each swap area has a summary of its map, by which slots are searched; true by default. False for the plain search, byte by byte,
   * which finds the same slots in more time, and says more often where another thread may run.
   */
  readonly slotSummary?: boolean;
  /**
   * log2 of the slots that are read together when one of them is wanted; 0, the default, for no read-ahead. The kernel's own default is 3, that is eight
   * slots, or 2 with less than 16 MiB of memory. It is meant for disks that turn: a disk in memory finds each page at once. @kernel page_cluster
   */
  readonly pageCluster?: number;
  /** Requests to disks that are made to fail from the start, a rule for each disk; none by default. `view.injectIoFaults` changes that later. */
  readonly ioFaults?: readonly IoFaultsOfDevice[];
}

/** Options completed with their defaults; plain data. */
export interface MachineConfig {
  readonly ramBytes: number;
  readonly shared: boolean;
  readonly profile: Profile;
  readonly variants: readonly string[];
  readonly policy: FreeSlotPolicy;
  readonly limitBytes: number;
  readonly minFreeBytes: number;
  readonly ramDisks: readonly RamDiskConfig[];
  readonly files: readonly Required<FileConfig>[];
  readonly addressSpaces: number;
  readonly tableBytes: number;
  readonly maxSwapfiles: number;
  readonly traceRecords: number;
  readonly seed: number;
  readonly wasm: boolean;
  readonly spinlock: SpinlockKind;
  readonly slotSummary: boolean;
  readonly pageCluster: number;
  readonly ioFaults: readonly IoFaultsOfDevice[];
}

const RAM_BYTES_DEFAULT = 64 << 20;
const RAM_DISK_BYTES_DEFAULT = 4 << 20;
const RAM_BYTES_MIN = 16 * PAGE_SIZE;
const RAM_BYTES_MAX = 1536 * 2 ** 20;
const ADDRESS_SPACES_MAX = 4096;
const TRACE_RECORDS_MIN = 32;
/** At most this part of the memory can be kept back. */
const MIN_FREE_PART_MOST = 4;
const PAGE_CLUSTER_MAX = 8;
/** Page tables of address spaces that together map four times the memory, and some room for the small ones. */
const TABLE_BYTES_PER_PAGE = 16;
const TABLE_BYTES_LEAST = 2 << 20;

/**
 * Completes and checks options.
 * @param options - as given
 * @param driverTableBytes - room the drivers' tables and the swap maps of their disks need, in bytes
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE` or `ERR_INVALID_ARGUMENT`
 */
export function completeConfig(options: MachineOptions, driverTableBytes: number): MachineConfig {
  const ramBytes = options.ramBytes ?? RAM_BYTES_DEFAULT;
  requirePages('ramBytes', ramBytes, RAM_BYTES_MIN, RAM_BYTES_MAX);
  const limitBytes = options.limitBytes ?? 0;
  requirePages('limitBytes', limitBytes, 0, ramBytes);
  const minFreeBytes = options.minFreeBytes ?? 0;
  requirePages('minFreeBytes', minFreeBytes, 0, ramBytes / MIN_FREE_PART_MOST);
  const ramDisks = options.ramDisks ?? [{ name: 'ram0', bytes: RAM_DISK_BYTES_DEFAULT }];
  requireRamDisks(ramDisks);
  const files = completeFiles(options.files ?? [], ramDisks);
  const addressSpaces = options.addressSpaces ?? 64;
  requireInteger('addressSpaces', addressSpaces, 1, ADDRESS_SPACES_MAX);
  const traceRecords = options.traceRecords ?? RECORDS_PER_TASK_DEFAULT;
  requireInteger('traceRecords', traceRecords, TRACE_RECORDS_MIN, 2 ** 20);
  const seed = options.seed ?? 1;
  requireInteger('seed', seed, 0, 2 ** 32 - 1);
  const profile = options.profile ?? 'sound';
  if (!PROFILES.includes(profile)) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `There is no profile '${profile}'; choose one of ${PROFILES.join(', ')}.`,
    );
  }
  const variants = requireVariants(options.variants ?? []);
  const policy = options.policy ?? 'notify';
  if (!FREE_SLOT_POLICIES.includes(policy)) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `There is no free-slot policy '${policy}'; choose one of ${FREE_SLOT_POLICIES.join(', ')}.`,
    );
  }
  const spinlock = options.spinlock ?? 'adaptive';
  if (!SPINLOCK_KINDS.includes(spinlock)) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `There is no spinlock '${spinlock}'; choose one of ${SPINLOCK_KINDS.join(', ')}.`,
    );
  }
  const pageCluster = options.pageCluster ?? 0;
  requireInteger('pageCluster', pageCluster, 0, PAGE_CLUSTER_MAX);
  const ioFaults = options.ioFaults ?? [];
  for (const faults of ioFaults) requireIoFaults(faults);
  const tableBytes =
    options.tableBytes ?? defaultTableBytes(ramBytes, ramDisks, files, addressSpaces, driverTableBytes);
  requireInteger('tableBytes', tableBytes, PAGE_SIZE, RAM_BYTES_MAX);
  return {
    ramBytes,
    shared: options.shared ?? true,
    profile,
    variants: [...variants],
    policy,
    limitBytes,
    minFreeBytes,
    ramDisks,
    files,
    addressSpaces,
    tableBytes,
    maxSwapfiles: options.maxSwapfiles ?? MAX_SWAPFILES_DEFAULT,
    traceRecords,
    seed,
    wasm: options.wasm ?? true,
    spinlock,
    slotSummary: options.slotSummary ?? true,
    pageCluster,
    ioFaults: [...ioFaults],
  };
}

function defaultTableBytes(
  ramBytes: number,
  ramDisks: readonly RamDiskConfig[],
  files: readonly Required<FileConfig>[],
  addressSpaces: number,
  driverTableBytes: number,
): number {
  let bytes =
    TABLE_BYTES_LEAST +
    driverTableBytes +
    (ramBytes / PAGE_SIZE) * TABLE_BYTES_PER_PAGE +
    addressSpaces * PAGE_SIZE +
    tableBytesOfFiles(files);
  for (const disk of ramDisks) bytes += areaTableBytes(disk.bytes / PAGE_SIZE);
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}

/** Each disk must be one the block layer will register: registering comes when the machine exists already. */
function requireRamDisks(ramDisks: readonly RamDiskConfig[]): void {
  requireInteger('the number of ramDisks', ramDisks.length, 0, BLOCK_DEVICES_MAX);
  const names = new Set<string>();
  for (const { name, bytes } of ramDisks) {
    if (!/^[\x21-\x2e\x30-\x7e]{1,31}$/.test(name)) {
      throw new MisuseError(
        'ERR_INVALID_ARGUMENT',
        `A RAM disk cannot be called '${name}': a name has 1 to ${BLOCK_DEVICE_NAME_BYTES_MAX} printable ASCII characters without a slash.`,
      );
    }
    if (names.has(name))
      throw new MisuseError('ERR_INVALID_ARGUMENT', `The RAM disk '${name}' is given twice.`);
    names.add(name);
    requirePages(`bytes of the RAM disk '${name}'`, bytes, PAGE_SIZE, RAM_BYTES_MAX);
  }
}

function requirePages(name: string, bytes: number, least: number, most: number): void {
  if (Number.isSafeInteger(bytes) && bytes % PAGE_SIZE === 0 && bytes >= least && bytes <= most) return;
  throw new MisuseError(
    'ERR_OUT_OF_RANGE',
    `${name} is ${bytes}, but must be a multiple of ${PAGE_SIZE} between ${least} and ${most}.`,
  );
}

function requireInteger(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new MisuseError(
    'ERR_OUT_OF_RANGE',
    `${name} is ${value}, but must be an integer between ${least} and ${most}.`,
  );
}
