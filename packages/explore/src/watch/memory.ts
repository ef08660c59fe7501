/**
 * Memory that is used after it was freed, and what a thread leaves behind when it ends: locks, atomic context, a section under RCU.
 *
 * A page frame is free when its descriptor says so; the allocator changes that only while it holds `zone_lock` and nobody else knows the frame.
 * So whatever is announced inside of a free frame is wrong, whoever does it. (A frame that was given out again meanwhile is not free: that shows by
 * its contents, since the kernel fills what it frees with junk.)
 */
import { PAGE, PAGE_SHIFT, PG_FREE, TASK, type Core, type Region, type Site } from '@swaplab/kernel-mm';
import type { Findings } from './findings.js';

const FLAGS = PAGE.flags;
const FREE = PG_FREE;
const SHIFT = PAGE_SHIFT;
const PREEMPT_COUNT = TASK.preemptCount >> 2;
const RCU_NESTING = TASK.rcuNesting >> 2;
const HELD_COUNT = TASK.heldCount >> 2;
const HELD_ADDRESS = TASK.heldAddress >> 2;

/** The detector, as one thread has it. It needs no words: the arena has all it asks. */
export class MemoryUse {
  /** Where the frames lie; `framesBase` is beyond all addresses where there are none. */
  readonly framesBase: number;
  private readonly framesEnd: number;
  private readonly descriptors: number;
  private readonly stride: number;
  private readonly i32: Int32Array;
  private readonly contexts: Int32Array;
  private readonly findings: Findings;

  /**
   * @param core - any thread's
   * @param contexts - first word of the context of each task, in the arena
   * @param findings - for reports
   */
  constructor(core: Core, contexts: Int32Array, findings: Findings) {
    const { regions } = core.context.layout;
    const frames = regionOf(regions, 'frames');
    const descriptors = regionOf(regions, 'mem_map');
    this.framesBase = frames === null || descriptors === null ? Infinity : frames.base;
    this.framesEnd = frames === null ? 0 : frames.base + frames.stride * frames.count;
    this.descriptors = descriptors?.base ?? 0;
    this.stride = descriptors?.stride ?? 0;
    this.i32 = core.cells.arena.i32;
    this.contexts = contexts;
    this.findings = findings;
  }

  /**
   * A task touches something at or above the first frame.
   * @param task - which
   * @param address - what
   * @param site - where
   */
  touch(task: number, address: number, site: Site): void {
    if (address >= this.framesEnd) return;
    const frame = (address - this.framesBase) >> SHIFT;
    const flags = this.i32[(this.descriptors + frame * this.stride + FLAGS) >> 2]!;
    if ((flags & FREE) !== 0) this.reportUse(task, address, frame, site);
  }

  /**
   * A task has ended.
   * @param task - which
   */
  exit(task: number): void {
    const { i32, findings } = this;
    const context = this.contexts[task]!;
    const held = i32[context + HELD_COUNT]!;
    const who = findings.thread(task);
    if (held > 0) {
      const last = findings.object(i32[context + HELD_ADDRESS + held - 1]!);
      const rest = held === 1 ? '' : ` and ${held - 1} more`;
      findings.report('leak', `${who} has ended and still holds ${last}${rest}.`);
    }
    if (i32[context + RCU_NESTING] !== 0)
      findings.report('leak', `${who} has ended inside of a section under RCU.`);
    const depth = i32[context + PREEMPT_COUNT]!;
    if (depth !== 0)
      findings.report('leak', `${who} has ended in atomic context, with a preempt count of ${depth}.`);
  }

  private reportUse(task: number, address: number, frame: number, site: Site): never {
    const { findings } = this;
    const offset = (address - this.framesBase) & ((1 << SHIFT) - 1);
    return findings.report(
      'use after free',
      `Use after free: ${findings.deed(task, `touches page frame ${frame}`, site)}, and the frame is free.`,
      `${offset} bytes into the frame, at ${findings.object(address)}.`,
    );
  }
}

function regionOf(regions: readonly Region[], name: string): Region | null {
  return regions.find((region) => region.name === name) ?? null;
}
