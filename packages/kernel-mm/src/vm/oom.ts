/**
 * The out-of-memory killer: the last resort of a fault that gets no page, when reclaim has found nothing to free. @kernel mm/oom_kill.c, 2.6.34
 *
 * Promise: a call either makes room, or has seen that others did, or ends the process that asked; so whoever asks again and again comes to an
 * end. One process is killed at a time: a task that asked while another was killing looks for a page again before it kills, too. Each killed
 * process is counted once.
 *
 * Who dies: a task that pulls in a swap area is stopped before any process, by a signal; whoever asked while it was at work, or before its area
 * was back, looks for a page again before anybody is killed. Else the process with the most pages in memory and in
 * swap; between equals, the one in the first place. When nobody has any, the one that asked. There are no times, niceness, rights or `oom_adj`
 * to weigh that with, and a fork leaves nothing to tell a child by.
 *
 * How it dies: it is marked first; from then on no access of it succeeds, and a fault it is in ends without a page. Then its memory is taken away
 * by the killer. In 2.6.34 the victim does that itself, with the help of the reserve, as soon as it runs; here a process need not run at all
 * (its thread may stand at a barrier, or be busy with another one), so this is what the reaper of 4.6 does. Its own thread finds the mark at
 * its next access, and the process is there, without memory, until it is ended by whoever runs it.
 *
 * Locks: entered without locks. `oom_lock` (mutex, the outermost of all) stands for the bit ZONE_OOM_LOCKED, on which 2.6.34 does not wait but
 * tries again a tick later. Inside, `mmap_sem` of the victim for writing: whoever is in a fault of it comes out of there in any case. May
 * sleep.
 */
import type { Layout, Region } from '../arena/layout.js';
import { PAGE_SHIFT } from '../arena/memory.js';
import { struct } from '../arena/struct.js';
import type { Frames } from '../page/frames.js';
import { GFP_KERNEL } from '../page/page.js';
import type { SwapTable } from '../swap/info.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, Mutex } from '../sync/locks.js';
import { PF_OOM_ORIGIN } from '../sync/task.js';
import { KERN_ERR, KERN_WARNING } from '../trace/events.js';
import type { Trace } from '../trace/trace.js';
import type { AddressSpaces } from './address-spaces.js';
import { MM } from './mm.js';
import type { ShowMem } from './show-mem.js';
import { VM_EVENT, type VmEvents } from './stats.js';
import type { Zap } from './zap.js';

const OOM = struct('oom', { kills: 'i32' }, 64);

/** log2 of a KiB: from pages to what the log says. */
const KIB_SHIFT = PAGE_SHIFT - 10;

/** Regions and the lock class of the killer. */
export interface OomLayout {
  readonly state: Region;
  readonly lock: Region;
  readonly lockClass: LockClass;
}

/**
 * Reserves the killer's lock and counter.
 * @param layout - not yet sealed
 * @param classes - gets `oom_lock`
 */
export function layoutOom(layout: Layout, classes: LockClasses): OomLayout {
  return {
    state: layout.structs('hot', 'oom', OOM, 1),
    lock: layoutLocks(layout, 'oom_lock'),
    lockClass: classes.define('oom_lock'),
  };
}

/** The killer, as one thread calls it. */
export class OutOfMemory {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly frames: Frames;
  private readonly table: SwapTable;
  private readonly spaces: AddressSpaces;
  private readonly zap: Zap;
  private readonly events: VmEvents;
  private readonly memory: ShowMem;
  private readonly trace: Trace;
  private readonly state: number;
  private readonly lock: Mutex;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutOom}
   * @param parts - the floors below
   */
  constructor(
    core: Core,
    regions: OomLayout,
    parts: {
      readonly frames: Frames;
      readonly table: SwapTable;
      readonly spaces: AddressSpaces;
      readonly zap: Zap;
      readonly events: VmEvents;
      readonly memory: ShowMem;
      readonly trace: Trace;
    },
  ) {
    this.cells = core.cells;
    this.context = core.context;
    this.frames = parts.frames;
    this.table = parts.table;
    this.spaces = parts.spaces;
    this.zap = parts.zap;
    this.events = parts.events;
    this.memory = parts.memory;
    this.trace = parts.trace;
    this.state = regions.state.base;
    this.lock = new Mutex(core.locks, regions.lock.base, regions.lockClass);
  }

  /** How many processes were killed so far. */
  killsSoFar(): number {
    return this.cells.atomicLoad(this.state + OOM.kills);
  }

  /**
   * How often room was made by force so far: by killed processes, and by swapoffs that gave up, whose areas are back. A fault that begins later
   * has seen the room. In 2.6.34 a chosen task bears the mark TIF_MEMDIE until it has ended, and nobody else is chosen until then.
   */
  reliefsSoFar(): number {
    return this.killsSoFar() + this.table.areasPutBack();
  }

  /**
   * A fault of a process got no page: makes room in one way or another. The caller then tries again, and ends if its process is marked.
   * @param mm - the address space of the process
   * @param reliefsBefore - {@link reliefsSoFar} from before the fault: when there are more now, nobody is killed
   * @param attempt - how often the access has tried
   * @returns false when there is no process to choose, so that trying again is in vain: the one that asks is just being ended
   * @kernel mm/oom_kill.c pagefault_out_of_memory and mem_cgroup_out_of_memory, 2.6.34
   */
  pagefaultOutOfMemory(mm: number, reliefsBefore: number, attempt: number): boolean {
    if (this.stopSwapoff(attempt)) return true;
    this.lock.lock();
    try {
      if (this.reliefsSoFar() !== reliefsBefore || this.spaces.isKilled(mm)) return true;
      return this.outOfMemory(mm);
    } finally {
      this.lock.unlock();
    }
  }

  /**
   * Chooses a task that pulls in a swap area before any process, and sends it a signal. Lets it run for a moment.
   * @param attempt - how often the access has tried
   * @returns false when there is no such task
   * @kernel mm/oom_kill.c badness, for PF_OOM_ORIGIN, 2.6.34
   */
  stopSwapoff(attempt: number): boolean {
    const { tasks } = this.context;
    const task = tasks.findFlagged(PF_OOM_ORIGIN);
    if (task < 0) return false;
    tasks.sendSignal(task);
    this.context.relax(attempt);
    return true;
  }

  /**
   * Chooses a process and kills it. `oom_lock` held.
   * @param mm - the address space of the process that asks
   * @returns false when there is none
   * @kernel mm/oom_kill.c __out_of_memory, 2.6.34
   */
  outOfMemory(mm: number): boolean {
    this.context.assertHeld(this.lock.address, 'out_of_memory');
    const victim = this.selectBadProcess(mm);
    if (victim === 0) return false;
    try {
      this.oomKillProcess(victim);
    } finally {
      this.zap.mmput(victim);
    }
    return true;
  }

  /**
   * The process that is worth most, with a use of the caller's.
   * @param mm - the address space of the process that asks
   * @returns its address space; 0 when there is none, not even that of the one that asks
   * @kernel mm/oom_kill.c select_bad_process, 2.6.34
   */
  selectBadProcess(mm: number): number {
    return this.spaces.holdLargest(mm);
  }

  /**
   * What a process counts: pages in memory and in swap, which is what the whole of it would need.
   * @param mm - an address space
   * @kernel mm/oom_kill.c badness, 2.6.34, which counts all that is mapped
   */
  badness(mm: number): number {
    return this.spaces.usedPages(mm);
  }

  /**
   * Says why, marks a process and takes its memory away.
   * @param victim - with a use of the caller's
   * @kernel mm/oom_kill.c oom_kill_process and __oom_kill_task, 2.6.34
   */
  oomKillProcess(victim: number): void {
    const { spaces, trace } = this;
    const { limit, charged } = this.frames.info();
    const isLimit = limit !== 0 && charged >= limit;
    this.dumpHeader(isLimit, charged, limit);
    const who = `process ${victim} (${this.nameOf(victim)})`;
    const reason = isLimit ? 'Memory cgroup out of memory' : 'Out of memory';
    trace.printk(`${reason}: kill ${who} score ${this.badness(victim)} or a child`, KERN_ERR);
    const { pages, rss } = spaces.info(victim);
    const sizes = `vsz:${pages << KIB_SHIFT}kB, anon-rss:${rss << KIB_SHIFT}kB, file-rss:0kB`;
    trace.printk(`Killed ${who} ${sizes}`, KERN_ERR);
    if (spaces.markKilled(victim)) {
      this.events.count(VM_EVENT.kills);
      trace.processKilled(victim);
    }
    this.reap(victim);
    this.cells.atomicAdd(this.state + OOM.kills, 1);
  }

  /** Name of a process: that of the task that created it, or has its place now. @kernel comm */
  private nameOf(mm: number): string {
    return this.context.tasks.nameOf(this.cells.ld32(mm + MM.creator));
  }

  /**
   * Takes all memory of a marked process away. Whoever is in a fault of it leaves first, and finds the mark afterwards.
   * @param victim - with a use of the caller's
   * @kernel mm/oom_kill.c __oom_reap_task, 4.6
   */
  reap(victim: number): void {
    const semaphore = this.spaces.mmapSem(victim);
    semaphore.downWrite();
    try {
      this.zap.zapRange(victim, 0, this.spaces.pagesOf(victim));
    } finally {
      semaphore.upWrite();
    }
  }

  /**
   * Writes the state of memory into the kernel log.
   * @param isLimit - whether the limit is what is short, and not the memory of the machine
   * @param charged - pages that count against the limit
   * @param limit - the limit, pages
   * @kernel mm/oom_kill.c dump_header, 2.6.34
   */
  dumpHeader(isLimit: boolean, charged: number, limit: number): void {
    const { context, trace } = this;
    const name = context.tasks.nameOf(context.current);
    trace.printk(
      `${name} invoked oom-killer: gfp_mask=0x${GFP_KERNEL.toString(16)}, order=0, oom_adj=0`,
      KERN_WARNING,
    );
    if (isLimit)
      trace.printk(`memory: usage ${charged << KIB_SHIFT}kB, limit ${limit << KIB_SHIFT}kB`, KERN_WARNING);
    this.memory.showMem();
  }
}
