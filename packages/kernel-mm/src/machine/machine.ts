/**
 * The façade: create a machine, attach to it, watch it.
 *
 * Promise: `createMachine` checks all options before anything exists. A machine lives in one memory; its handle survives `postMessage`, and any
 * thread that has the same code can attach with it. A thread that runs other code is refused (`ERR_SYMBOL_MISMATCH`, `ERR_BAD_HANDLE`) before
 * it touches anything. What the main thread does to a machine others work on is: look, drain events, and mark the dead.
 */
import { putImage, takeImage, type MemoryImage } from '../arena/image.js';
import { createArena, viewArena, type Arena, type WasmMemory } from '../arena/memory.js';
import { restoreSnapshot, takeSnapshot, type Snapshot } from '../arena/snapshot.js';
import type { Core } from '../sync/core.js';
import { MisuseError } from '../errno.js';
import { PAGE, PG_FREE } from '../page/page.js';
import { describeTasks } from '../sync/context.js';
import { LockStats, type LockClassStats } from '../sync/lock-classes.js';
import { Panic } from '../sync/panic.js';
import { Tasks, TASKS_MAX, type TaskInfo } from '../sync/task.js';
import type { KernelEvent, KernelEventType } from '../trace/events.js';
import { TraceReader, type TraceSink } from '../trace/reader.js';
import { completeConfig, type MachineConfig, type MachineOptions } from './config.js';
import type { Driver, DriverFactory, DriverView } from './driver.js';
import { iterateEvents, type StopSignal } from './events.js';
import {
  completeAttachOptions,
  createCore,
  Kernel,
  layoutKernel,
  MACHINE,
  MACHINE_MAGIC,
  type AttachOptions,
  type KernelLayout,
} from './kernel.js';
import { MachineView } from './view.js';

/** Format of {@link MachineHandle}. */
const HANDLE_FORMAT = 'swaplab.machine/1';
/** Format of {@link MachineImage}. */
const IMAGE_FORMAT = 'swaplab.image/1';

/** What another thread needs to attach; survives `postMessage` when the machine is shared. */
export interface MachineHandle {
  readonly format: typeof HANDLE_FORMAT;
  readonly memory: WasmMemory;
  readonly config: MachineConfig;
  /** Names and options of the drivers; the attaching thread brings their code. */
  readonly drivers: readonly { readonly name: string; readonly options: unknown }[];
}

/** A whole machine outside of its memory, as {@link createMachineFrom} takes it: plain data, but for the bytes. */
export interface MachineImage extends MemoryImage {
  readonly format: typeof IMAGE_FORMAT;
  readonly config: MachineConfig;
  /** Names and options of the drivers; whoever makes the machine again brings their code. */
  readonly drivers: MachineHandle['drivers'];
}

/** Options of {@link createMachine}. */
export interface CreateMachineOptions extends MachineOptions {
  /** Device drivers, made by their packages: `ramzswap({ disks: 1, diskBytes: 32 << 20 })`. */
  readonly drivers?: readonly Driver[];
}

/** A machine, as the thread sees it that created it or attached to it. */
export class Machine {
  /** For other threads. */
  readonly handle: MachineHandle;
  /** The complete configuration. */
  readonly config: MachineConfig;
  private readonly arena: Arena;
  private readonly regions: KernelLayout;
  private readonly drivers: readonly Driver[];
  private readonly reader: TraceReader;
  private readonly panic: Panic;
  private readonly taskTable: Tasks;

  /**
   * @param handle - of the machine
   * @param arena - this thread's views
   * @param regions - of the same configuration and drivers
   * @param drivers - this thread's
   */
  constructor(handle: MachineHandle, arena: Arena, regions: KernelLayout, drivers: readonly Driver[]) {
    this.handle = handle;
    this.config = handle.config;
    this.arena = arena;
    this.regions = regions;
    this.drivers = drivers;
    this.reader = new TraceReader(arena, regions.trace);
    this.panic = new Panic(arena, regions.panic);
    this.taskTable = new Tasks(arena, regions.tasks);
  }

  /**
   * Makes a view for the calling thread.
   * @param options - by default a view that must not wait, without clock, statistics and hook
   * @throws {@link MisuseError} `ERR_TOO_MANY_TASKS`, `ERR_SYMBOL_MISMATCH`, `ERR_MACHINE_STOPPED`
   */
  attach(options: AttachOptions = {}): MachineView {
    return this.attachView(completeAttachOptions(options, { name: 'main', mayWait: false }));
  }

  /**
   * Takes the events recorded so far out of the rings.
   * @param types - what to return, all when none is named; events of other types are taken out too and forgotten
   * @returns in order of time, then task
   */
  drain(...types: KernelEventType[]): KernelEvent[] {
    return types.length === 0 ? this.reader.drain() : this.reader.drain(types);
  }

  /**
   * Events as they come: `for await (const event of machine.events('slotFree', { signal }))`.
   * @param args - types wanted, all when none is named; an object with a signal may come last
   */
  events(
    ...args: (KernelEventType | { readonly signal?: StopSignal })[]
  ): AsyncGenerator<KernelEvent, void, undefined> {
    const types: KernelEventType[] = [];
    let signal: StopSignal | undefined;
    for (const arg of args) {
      if (typeof arg === 'string') types.push(arg);
      else signal = arg.signal;
    }
    return iterateEvents(this.reader, types, signal);
  }

  /**
   * Takes the events recorded so far out of the rings, task by task in the order in which each wrote them: for who takes very many, or needs spans
   * in the order in which they began.
   * @param sink - gets them one by one
   */
  drainTo(sink: TraceSink): void {
    this.reader.drainTo(sink);
  }

  /**
   * Chooses what is recorded from now on; all other types cost next to nothing. Until then it is `KERNEL_EVENT_TYPES_DEFAULT`. Locks are told of by
   * threads only that were attached with `lockEvents`.
   */
  record(...types: KernelEventType[]): void {
    this.reader.record(types);
  }

  /** Events lost because nobody drained the rings in time. */
  droppedEvents(): number {
    return this.reader.dropped();
  }

  /** Threads attached now, and those that died: what they hold and wait for. */
  tasks(): TaskInfo[] {
    return this.taskTable.list();
  }

  /**
   * Name of a task, also of one that has detached, as long as no other thread has its place.
   * @param task - as events have it
   */
  taskName(task: number): string {
    return this.taskTable.nameOf(task);
  }

  /**
   * What lies at an address, `'page_locks[7]'`: for the addresses in events.
   * @param address - in bytes
   */
  describeAddress(address: number): string {
    return this.regions.layout.describe(address);
  }

  /** {@link tasks} for people, one line each. */
  describeTasks(now = 0): string {
    return describeTasks(
      this.tasks(),
      { layout: this.regions.layout, classes: this.regions.classes, now: () => now },
      -1,
    );
  }

  /** Name of a lock class, as the held locks of {@link tasks} give it. */
  lockClassName(lockClass: number): string {
    return this.regions.classes.nameOf(lockClass);
  }

  /** Lock statistics, one row per class, summed over all threads that were attached with `lockStats`. */
  lockStats(): LockClassStats[] {
    return new LockStats(this.arena, this.regions.lockStats, this.regions.classes).sum();
  }

  /**
   * Says that the thread of a task has ended without detaching; wakes all who wait, so that whoever waits for it reports.
   * @param task - id of the task
   * @throws {@link MisuseError} `ERR_OUT_OF_RANGE` when there can be no such task
   */
  markDead(task: number): void {
    if (!Number.isInteger(task) || task < 0 || task >= TASKS_MAX)
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `markDead: ${task} is no task; they are 0 to ${TASKS_MAX - 1}.`,
      );
    this.taskTable.markDead(task);
  }

  /**
   * Stops the machine: every thread that waits throws.
   * @param report - why; kept if it is the first
   */
  stop(report: string): void {
    this.panic.stop(-1, report);
    this.taskTable.wakeAll();
  }

  /**
   * Sends a signal to a task: a swapoff it is in, or else its next one, ends with `EINTR` unless no slot is left in use by then. Any thread may
   * send it, at any time.
   * @param task - id, or name as given at attach; of several tasks of one name, the one with the lowest id
   * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` when no such task runs
   */
  signal(task: number | string): void {
    const running = this.taskTable.list().filter(({ state }) => state === 'running');
    const found = running.find(({ id, name }) => id === task || name === task);
    if (found === undefined)
      throw new MisuseError('ERR_INVALID_ARGUMENT', `signal: no task '${task}' is attached to this machine.`);
    this.taskTable.sendSignal(found.id);
  }

  /** Why the machine stopped, or null while it runs. */
  stopReport(): string | null {
    return this.panic.report();
  }

  /** Copies the state of the machine, while nobody runs. */
  snapshot(): Snapshot {
    const { descriptors } = this.regions.frames;
    return takeSnapshot(this.arena, this.regions.layout, (frame) => {
      const flags = this.arena.i32[(descriptors.base + frame * PAGE.$bytes + PAGE.flags) >> 2] ?? 0;
      return (flags & PG_FREE) === 0;
    });
  }

  /** Puts the state back, while nobody runs. */
  restore(snapshot: Snapshot): void {
    restoreSnapshot(this.arena, this.regions.layout, snapshot);
  }

  /**
   * Copies the whole machine, to be put away and made again by {@link createMachineFrom}: areas that are switched on, open files and all.
   * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` while a thread is attached: what it is about to do is in no image
   */
  image(): MachineImage {
    const running = this.tasks().filter(({ state }) => state === 'running');
    if (running.length > 0) {
      throw new MisuseError(
        'ERR_INVALID_ARGUMENT',
        `image: ${running.map(({ name }) => `'${name}'`).join(', ')} must detach from the machine first.`,
      );
    }
    const { config, drivers } = this.handle;
    return { format: IMAGE_FORMAT, config, drivers, ...takeImage(this.arena) };
  }

  /** Builds a thread's view; its boot symbols must be those of the machine. A refused thread leaves nothing behind. */
  private attachView(options: Required<AttachOptions>): MachineView {
    this.panic.check();
    const core = createCore(this.arena, this.regions, options, this.config);
    const { tasks, current } = core.context;
    let attached = false;
    try {
      const booted = this.arena.i32[(this.regions.machine.base + MACHINE.bootSymbols) >> 2] ?? 0;
      const { kernel, views } = buildKernel(core, this.regions, this.config, this.drivers, booted);
      attached = true;
      return new MachineView(kernel, views);
    } finally {
      if (!attached) tasks.release(current);
    }
  }
}

/** The kernel of a thread and its views of the drivers. */
interface BuiltKernel {
  readonly kernel: Kernel;
  readonly views: ReadonlyMap<string, DriverView>;
}

/**
 * Builds a kernel and attaches its drivers, in the boot order of symbols: the first thread defines them, all others must define the same.
 * @param booted - symbols the machine was booted with; 0 in the thread that boots it
 */
function buildKernel(
  core: Core,
  regions: KernelLayout,
  config: MachineConfig,
  drivers: readonly Driver[],
  booted: number,
): BuiltKernel {
  core.symbols.beginBoot(booted);
  const kernel = new Kernel(core, regions, config);
  const views = new Map<string, DriverView>();
  for (const driver of drivers) views.set(driver.name, driver.attach(kernel));
  core.symbols.endBoot();
  return { kernel, views };
}

/**
 * Creates a machine and boots it in the calling thread, outside of any schedule. @quiescent
 * @param options - see {@link MachineOptions} for the defaults
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARGUMENT`, `ERR_NO_SHARED_MEMORY`
 */
export function createMachine(options: CreateMachineOptions = {}): Machine {
  const drivers = options.drivers ?? [];
  requireDistinct(drivers);
  let driverTableBytes = 0;
  for (const driver of drivers) driverTableBytes += driver.tableBytes;
  const config = completeConfig(options, driverTableBytes);
  const regions = layoutKernel(config, drivers);
  const arena = createArena(regions.layout.totalBytes(), config.shared);
  const bootOptions = completeAttachOptions({}, { name: 'boot', mayWait: false });
  const core = createCore(arena, regions, bootOptions, config);
  const { kernel, views } = buildKernel(core, regions, config, drivers, 0);
  kernel.boot();
  for (const view of views.values()) view.boot();
  kernel.mountFiles();
  for (const view of views.values()) if (view.filesMounted !== undefined) view.filesMounted();
  kernel.injectIoFaults();
  const { base } = regions.machine;
  arena.i32[(base + MACHINE.bootSymbols) >> 2] = core.symbols.count();
  arena.i32[(base + MACHINE.fingerprint) >> 2] = regions.layout.fingerprint();
  arena.i32[(base + MACHINE.magic) >> 2] = MACHINE_MAGIC;
  core.context.tasks.release(core.context.current);
  const handle: MachineHandle = {
    format: HANDLE_FORMAT,
    memory: arena.memory,
    config,
    drivers: drivers.map(({ name, options: driverOptions }) => ({ name, options: driverOptions })),
  };
  return new Machine(handle, arena, regions, drivers);
}

/** What {@link openMachine} and {@link attachMachine} need besides the handle. */
export interface DriverCode {
  /** The factories of the machine's drivers, by name: `{ ramzswap }`. */
  readonly drivers?: Readonly<Record<string, DriverFactory>>;
}

/**
 * Opens a machine another thread created, without attaching: for watching it, and for attaching later.
 * @param handle - from `machine.handle`, here or through `postMessage`
 * @param code - the drivers' code
 * @throws {@link MisuseError} `ERR_BAD_HANDLE`, `ERR_SYMBOL_MISMATCH`
 */
export function openMachine(handle: MachineHandle, code: DriverCode = {}): Machine {
  // What came through `postMessage` or from a file may be anything.
  const format: unknown = (handle as MachineHandle | null | undefined)?.format;
  if (format !== HANDLE_FORMAT) {
    throw new MisuseError(
      'ERR_BAD_HANDLE',
      `This is no handle of a machine: its format is '${String(format)}', not '${HANDLE_FORMAT}'.`,
    );
  }
  const drivers = driversOf(handle.drivers, code);
  const regions = layoutKernel(handle.config, drivers);
  const arena = viewArena(handle.memory, handle.config.shared);
  if (!isLaidOut(arena, regions)) {
    throw new MisuseError(
      'ERR_SYMBOL_MISMATCH',
      'This thread lays the machine out differently than the thread that created it: both must run the same version of all packages.',
    );
  }
  return new Machine(handle, arena, regions, drivers);
}

/**
 * Makes a machine from its image, in a memory of its own.
 * @param image - from `machine.image()`, or from where one was kept: it may be damaged
 * @param code - the drivers' code
 * @throws {@link MisuseError} `ERR_BAD_HANDLE` when it is no image or a driver's code is missing, `ERR_SYMBOL_MISMATCH` when another version
 * of the code made it, `ERR_INVALID_ARGUMENT` or `ERR_OUT_OF_RANGE` when its contents make no sense, `ERR_NO_SHARED_MEMORY`
 */
export function createMachineFrom(image: MachineImage, code: DriverCode = {}): Machine {
  const format: unknown = (image as MachineImage | null | undefined)?.format;
  if (format !== IMAGE_FORMAT) {
    throw new MisuseError(
      'ERR_BAD_HANDLE',
      `This is no image of a machine: its format is '${String(format)}', not '${IMAGE_FORMAT}'.`,
    );
  }
  const drivers = driversOf(image.drivers, code);
  requireDistinct(drivers);
  // Complete already, and so checked only.
  const config = completeConfig(image.config, 0);
  const regions = layoutKernel(config, drivers);
  const arena = createArena(regions.layout.totalBytes(), config.shared);
  putImage(arena, image);
  if (!isLaidOut(arena, regions)) {
    throw new MisuseError(
      'ERR_SYMBOL_MISMATCH',
      'This image was made by another version of the packages, which lays a machine out differently.',
    );
  }
  const handle: MachineHandle = {
    format: HANDLE_FORMAT,
    memory: arena.memory,
    config,
    drivers: image.drivers,
  };
  return new Machine(handle, arena, regions, drivers);
}

/**
 * Attaches the calling thread to a machine another thread created.
 * @param handle - from `machine.handle`, through `postMessage`
 * @param options - how to attach, and the drivers' code; by default the view may wait
 * @throws {@link MisuseError} `ERR_BAD_HANDLE`, `ERR_SYMBOL_MISMATCH`, `ERR_TOO_MANY_TASKS`
 */
export function attachMachine(handle: MachineHandle, options: AttachOptions & DriverCode = {}): MachineView {
  const machine = openMachine(handle, options);
  return machine.attach({ ...options, name: options.name ?? 'worker', mayWait: options.mayWait ?? true });
}

/** Makes the drivers of a machine again. */
function driversOf(described: MachineHandle['drivers'], code: DriverCode): Driver[] {
  const drivers: Driver[] = [];
  for (const { name, options } of described) {
    const factory = code.drivers?.[name];
    if (factory === undefined) {
      throw new MisuseError(
        'ERR_BAD_HANDLE',
        `The machine has the driver '${name}', but its code was not given: attachMachine(handle, { drivers: { ${name} } }).`,
      );
    }
    drivers.push(factory(options as never));
  }
  return drivers;
}

/** Whether a memory holds a machine that is laid out like this. */
function isLaidOut(arena: Arena, { machine, layout }: KernelLayout): boolean {
  const magic = arena.i32[(machine.base + MACHINE.magic) >> 2];
  const fingerprint = arena.i32[(machine.base + MACHINE.fingerprint) >> 2];
  return magic === MACHINE_MAGIC && fingerprint === layout.fingerprint();
}

function requireDistinct(drivers: readonly Driver[]): void {
  const names = new Set<string>();
  for (const { name } of drivers) {
    if (names.has(name))
      throw new MisuseError('ERR_INVALID_ARGUMENT', `The driver '${name}' is given twice.`);
    names.add(name);
  }
}
