/**
 * The block layer of a machine: the registry, the bios, the RAM disks and the files on disks, laid out and attached together.
 */
import type { Layout, Region } from '../arena/layout.js';
import type { Core } from '../sync/core.js';
import type { FaultAttrsPlace } from '../sync/fault-attr.js';
import type { LockClasses } from '../sync/lock-classes.js';
import { layoutLocks } from '../sync/locks.js';
import { TASKS_MAX } from '../sync/task.js';
import type { Trace } from '../trace/trace.js';
import { BIO, Bios, BIOS_PER_TASK } from './bio.js';
import { BLOCK_DEVICE, BLOCK_DEVICES_MAX, BlockDevices, type BlockDevicesPlace } from './device.js';
import { layoutDiskStats } from './disk-stats.js';
import { FailMakeRequest, layoutFailMakeRequest } from './fault-injection.js';
import { FileSystem, layoutFiles, type FileConfig, type FilesPlace } from './files.js';
import { layoutRamDisks, RamDisks, type RamDiskConfig, type RamDiskPlace } from './ram-disk.js';

/** Where the block layer lies. */
export interface BlockRegions {
  readonly registry: BlockDevicesPlace;
  readonly failing: FaultAttrsPlace;
  /** {@link BIOS_PER_TASK} bios for each task. */
  readonly bios: Region;
  readonly ramDisks: readonly RamDiskPlace[];
  readonly files: FilesPlace;
}

/**
 * Reserves the block layer and defines the lock classes `bdev_mutex` and `i_mutex`.
 * @param layout - not yet sealed
 * @param classes - the machine's lock classes
 * @param ramDisks - RAM disks of the machine
 * @param files - files on any of its disks
 */
export function layoutBlock(
  layout: Layout,
  classes: LockClasses,
  ramDisks: readonly RamDiskConfig[] = [],
  files: readonly FileConfig[] = [],
): BlockRegions {
  return {
    registry: {
      devices: layout.structs('hot', 'block_devices', BLOCK_DEVICE, BLOCK_DEVICES_MAX),
      diskStats: layoutDiskStats(layout, BLOCK_DEVICES_MAX),
      mutex: layoutLocks(layout, 'bdev_mutex'),
      mutexClass: classes.define('bdev_mutex'),
    },
    failing: layoutFailMakeRequest(layout),
    bios: layout.structs('hot', 'bios', BIO, TASKS_MAX * BIOS_PER_TASK),
    ramDisks: layoutRamDisks(layout, ramDisks),
    files: layoutFiles(layout, classes, files),
  };
}

/** The block layer as one thread sees it. */
export class BlockLayer {
  readonly devices: BlockDevices;
  /** Says which requests are made to fail. */
  readonly failing: FailMakeRequest;
  readonly bios: Bios;
  readonly ramDisks: RamDisks;
  readonly files: FileSystem;

  /**
   * @param core - the running thread
   * @param regions - from {@link layoutBlock}
   * @param trace - the thread's side of the trace
   */
  constructor(core: Core, regions: BlockRegions, trace: Trace) {
    this.devices = new BlockDevices(core, regions.registry);
    this.failing = new FailMakeRequest(core, regions.failing, this.devices);
    this.bios = new Bios(core, regions.bios, this.devices, this.failing, trace);
    this.ramDisks = new RamDisks(core, this.devices, this.bios, regions.ramDisks);
    this.files = new FileSystem(core, regions.files, this.devices, this.bios);
  }
}
