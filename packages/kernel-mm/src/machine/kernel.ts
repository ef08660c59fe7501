/**
 * The kernel as one thread sees it: all floors, built on one arena.
 *
 * Promise: {@link layoutKernel} and {@link Kernel} do the same in the same order in every thread; nothing here is state. What differs between
 * threads is in {@link AttachOptions}: who the task is, whether it may wait, and which clock and hook it has.
 */
import { Layout, type Region } from '../arena/layout.js';
import { PAGE_SIZE, type Arena } from '../arena/memory.js';
import { createPageBytes } from '../arena/page-bytes.js';
import { struct } from '../arena/struct.js';
import { layoutSymbols, Symbols } from '../arena/symbols.js';
import { BlockLayer, layoutBlock, type BlockRegions } from '../block/block-layer.js';
import { DEVICE_DIRECTORY } from '../block/device.js';
import { MisuseError } from '../errno.js';
import { layoutNotifierBlocks, NotifierBlocks } from '../notifier/blocks.js';
import { Frames, layoutFrames, type FramesLayout } from '../page/frames.js';
import { layoutReclaimList, ReclaimList, type ReclaimListLayout } from '../page/lru.js';
import { layoutVmalloc, TableMemory, type VmallocLayout } from '../page/vmalloc.js';
import { MakeSwap } from '../swap/mkswap.js';
import { layoutSwap, SwapCore, type SwapRegions } from '../swap/swap-core.js';
import { createCells } from '../sync/cells.js';
import { Context, WAIT_LIMIT_MS_DEFAULT } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import { layoutLockStats, LockClasses, LockStats } from '../sync/lock-classes.js';
import { layoutPanic, Panic } from '../sync/panic.js';
import type { Clock, Control, PointHook } from '../sync/point.js';
import { layoutTasks, Tasks } from '../sync/task.js';
import { createLocks } from '../sync/ticket-lock.js';
import { layoutTrace, type TraceRegions } from '../trace/rings.js';
import { Trace } from '../trace/trace.js';
import { installVariants } from '../variants/registry.js';
import { layoutVm, Vm, type VmLayout } from '../vm/vm.js';
import type { MachineConfig } from './config.js';

/** First cells of a machine: what an attaching thread compares. */
export const MACHINE = struct('machine', { magic: 'i32', fingerprint: 'i32', bootSymbols: 'i32' });
/** Marks a memory as a machine of this format. */
export const MACHINE_MAGIC = 0x7377_6170;

/** How a thread is attached. */
export interface AttachOptions {
  /** Name of the task in reports; `'main'` or `'worker'` by default. */
  readonly name?: string;
  /** Whether the thread may wait for others. False by default for `machine.attach()`, true for `attachMachine()`. */
  readonly mayWait?: boolean;
  /** Source of times in ns, or null (the default) for none. */
  readonly clock?: Clock | null;
  /** Called before each visible operation, or null (the default) in the free way. */
  readonly hook?: PointHook | null;
  /** What runs this thread under a chosen schedule, or null (the default) in the free way. It brings its own hook. */
  readonly control?: Control | null;
  /** Whether lock statistics are counted; off by default. */
  readonly lockStats?: boolean;
  /**
   * Whether the events `lockContended` and `lockHeld` of this thread can be recorded; off by default. They are recorded when `machine.record` names
   * them, too; but where this is on, locks cost a little more at any time.
   */
  readonly lockEvents?: boolean;
  /** Longest wait for a lock in milliseconds before the machine stops with a report; 60,000 by default. */
  readonly waitLimitMs?: number;
}

/** Everything about the layout of a machine; equal in every thread. */
export interface KernelLayout {
  readonly layout: Layout;
  readonly classes: LockClasses;
  readonly machine: Region;
  readonly symbols: Region;
  readonly tasks: Region;
  readonly panic: Region;
  readonly lockStats: Region;
  readonly trace: TraceRegions;
  readonly frames: FramesLayout;
  readonly reclaimList: ReclaimListLayout;
  readonly vmalloc: VmallocLayout;
  readonly notifierBlocks: Region;
  readonly block: BlockRegions;
  readonly swap: SwapRegions;
  readonly vm: VmLayout;
}

/** A part of a machine that reserves regions of its own: a driver. */
export interface LaidOutPart {
  /**
   * Reserves regions and defines lock classes.
   * @param layout - not yet sealed
   * @param classes - the machine's lock classes
   * @param config - of the machine
   */
  layout(layout: Layout, classes: LockClasses, config: MachineConfig): void;
}

/**
 * Lays out a machine.
 * @param config - complete
 * @param drivers - in the same order in every thread
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE` when it would not fit
 */
export function layoutKernel(config: MachineConfig, drivers: readonly LaidOutPart[]): KernelLayout {
  const layout = new Layout();
  const classes = new LockClasses();
  const regions = {
    machine: layout.structs('cold', 'machine', MACHINE, 1),
    symbols: layoutSymbols(layout),
    tasks: layoutTasks(layout),
    panic: layoutPanic(layout),
    lockStats: layoutLockStats(layout),
    // swap_lock first: it is the one everybody looks at.
    swap: layoutSwap(layout, classes, { maxSwapfiles: config.maxSwapfiles }),
    trace: layoutTrace(layout, config.traceRecords),
    frames: layoutFrames(layout, classes, config.ramBytes),
    reclaimList: layoutReclaimList(layout, classes),
    vmalloc: layoutVmalloc(layout, classes, config.tableBytes),
    notifierBlocks: layoutNotifierBlocks(layout),
    block: layoutBlock(layout, classes, config.ramDisks, config.files),
  };
  const vm = layoutVm(layout, classes, regions.frames.frameCount, config.addressSpaces);
  for (const driver of drivers) driver.layout(layout, classes, config);
  layout.seal();
  return { layout, classes, ...regions, vm };
}

/** The kernel of one thread. */
export class Kernel {
  readonly config: MachineConfig;
  readonly core: Core;
  readonly trace: Trace;
  readonly frames: Frames;
  readonly reclaimList: ReclaimList;
  readonly vmalloc: TableMemory;
  readonly notifierBlocks: NotifierBlocks;
  readonly block: BlockLayer;
  readonly swap: SwapCore;
  readonly makeSwap: MakeSwap;
  readonly vm: Vm;

  /**
   * @param core - from {@link createCore}
   * @param regions - from {@link layoutKernel}
   * @param config - of the machine
   */
  constructor(core: Core, regions: KernelLayout, config: MachineConfig) {
    this.config = config;
    this.core = core;
    this.trace = new Trace(core, regions.trace);
    core.context.observeLocks(this.trace);
    this.reclaimList = new ReclaimList(core, regions.reclaimList);
    this.frames = new Frames(core, regions.frames, this.reclaimList);
    this.vmalloc = new TableMemory(core, regions.vmalloc);
    this.notifierBlocks = new NotifierBlocks(core, regions.notifierBlocks, this.trace);
    this.block = new BlockLayer(core, regions.block, this.trace);
    const { trace, frames, reclaimList, vmalloc, notifierBlocks, block } = this;
    const { devices, bios, files } = block;
    this.swap = new SwapCore({
      core,
      regions: regions.swap,
      trace,
      vmalloc,
      pages: frames,
      devices,
      bios,
      files,
      notifierBlocks,
      policy: config.policy,
      slotSummary: config.slotSummary,
    });
    this.makeSwap = new MakeSwap({ cells: core.cells, context: core.context, pages: frames, devices, files });
    const floors = { frames, reclaimList, vmalloc, block, swap: this.swap, trace };
    this.vm = new Vm(core, regions.vm, floors, { pageCluster: config.pageCluster });
    // Last: they replace functions of what stands, and drivers may already use them.
    installVariants(this, config.profile, config.variants);
  }

  /** Boots the machine without its drivers. Called once in its life, by the creating thread, before any other use. */
  boot(): void {
    this.frames.boot(this.config.limitBytes / PAGE_SIZE, this.config.minFreeBytes / PAGE_SIZE);
    this.swap.boot(this.config.seed);
    this.block.failing.boot(this.config.seed);
    this.frames.failing.boot(this.config.seed);
    const disks = this.block.ramDisks.registerAll();
    if (disks < 0)
      throw new MisuseError(
        'ERR_INVALID_ARGUMENT',
        'The RAM disks could not be registered: give each its own name without a slash.',
      );
  }

  /** Lets requests fail as the configuration says. Called once in the life of a machine, when its drivers have made their disks. */
  injectIoFaults(): void {
    const { devices, failing } = this.block;
    for (const { device, ...faults } of this.config.ioFaults) {
      const bdev = devices.byPath(DEVICE_DIRECTORY + device);
      if (bdev === 0)
        throw new MisuseError('ERR_INVALID_ARGUMENT', `ioFaults: there is no disk '${device}'.`);
      failing.setRule(bdev, faults);
    }
  }

  /** Mounts the disks that have files on them. Called once in the life of a machine, when its drivers have made their disks. */
  mountFiles(): void {
    const { files } = this.config;
    const file = files[this.block.files.mountAll()];
    if (file === undefined) return;
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `The file '${file.path}' has no place: there is no disk '${file.disk}', or it is too small for its blocks.`,
    );
  }
}

/** Completes attach options. */
export function completeAttachOptions(
  options: AttachOptions,
  defaults: { name: string; mayWait: boolean },
): Required<AttachOptions> {
  return {
    name: options.name ?? defaults.name,
    mayWait: options.mayWait ?? defaults.mayWait,
    clock: options.clock ?? null,
    hook: options.control?.hook ?? options.hook ?? null,
    control: options.control ?? null,
    lockStats: options.lockStats ?? false,
    lockEvents: options.lockEvents ?? false,
    waitLimitMs: options.waitLimitMs ?? WAIT_LIMIT_MS_DEFAULT,
  };
}

/**
 * Claims a task and builds the lower floors of one thread.
 * @param arena - this thread's views
 * @param regions - from {@link layoutKernel}
 * @param options - how this thread is attached
 * @param config - of the machine: how its spinlocks wait, and whether page bytes are handled in WASM where the platform can
 * @throws {@link MisuseError} `ERR_TOO_MANY_TASKS`
 */
export function createCore(
  arena: Arena,
  regions: KernelLayout,
  options: Required<AttachOptions>,
  config: Pick<MachineConfig, 'spinlock' | 'wasm'>,
): Core {
  const cells = createCells(arena, options.hook, createPageBytes(arena, config.wasm));
  const tasks = new Tasks(arena, regions.tasks);
  const parts = {
    tasks,
    panic: new Panic(arena, regions.panic),
    classes: regions.classes,
    stats: new LockStats(arena, regions.lockStats, regions.classes),
    layout: regions.layout,
  };
  const context = new Context(cells, parts, options, tasks.claim(options.name));
  return {
    cells,
    context,
    // Under control nobody spins and whoever runs next was chosen, so there is one kind of lock.
    locks: createLocks(context, options.control === null ? config.spinlock : 'adaptive'),
    symbols: new Symbols(arena, regions.symbols),
  };
}
