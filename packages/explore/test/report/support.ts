/**
 * Findings made by hand, and traces of threads that lock, wait and wake by chance, together with what is true about them.
 */
import {
  FAULT_ALLOCATION,
  POINT_LOAD,
  POINT_LOCK,
  POINT_STORE,
  POINT_UNLOCK,
  POINT_WAIT,
  POINT_WAKE,
} from '@swaplab/kernel-mm';
import fc from 'fast-check';
import { CHOICE_FAULT } from '#src/core/decisions.js';
import type { TraceStep } from '#src/core/trace.js';
import type { Failure, FailureKind, ThreadState } from '#src/engines/job.js';
import {
  buildReport,
  type ReportedSchedule,
  type ReportInput,
  type ScenarioOutline,
} from '#src/report/build.js';
import type { ReportModel } from '#src/report/model.js';
import { SiteTable, type SiteInfo } from '#src/report/sites.js';

/** Addresses and their names. */
export const NAMES: Readonly<Record<number, string>> = {
  64: 'swap_lock',
  128: 'table_lock[2]',
  192: 'swap_map[3]',
  256: 'wait_queue',
};

/** A step, as tests write it. */
export function step(task: number, kind: number, object: number, site = 0): TraceStep {
  return { task, kind, object, site, note: 0 };
}

/** A place, as tests write it. */
export function site(
  line: number,
  name: string,
  primitive: string,
  file = 'packages/kernel-mm/src/swap/counts.ts',
): SiteInfo {
  return { file, line, column: 5, function: name, primitive, kind: '' };
}

/** The state of a thread that has ended, but for what is given. */
export function thread(name: string, state: Partial<ThreadState> = {}): ThreadState {
  return { name, state: 'ended', kind: 0, object: 0, objectName: '', site: 0, holds: [], ...state };
}

/** A failure, but for what is given. */
export function failure(kind: FailureKind, sentence: string, rest: Partial<Failure>): Failure {
  return {
    kind,
    sentence,
    report: sentence,
    thread: -1,
    schedule: 0,
    strategy: 'replay',
    decisions: [],
    preemptions: 1,
    steps: 0,
    threads: [],
    traceHash: 1,
    memoryHash: 2,
    ...rest,
  };
}

/** Threads with one operation each. */
export function outline(names: readonly string[]): ScenarioOutline {
  const threads = names.map((name) => ({ name, operations: [{ name: `${name} runs` }] }));
  return { name: 'sample', about: 'Two threads meet.', threads };
}

/** A report of a finding. */
export function report(
  finding: ReportedSchedule,
  names: readonly string[],
  rest: Partial<ReportInput> = {},
): ReportModel {
  return buildReport({
    finding,
    scenario: outline(names),
    engine: 'stepped',
    seed: 7,
    command: `npx swaplab replay ${finding.token}`,
    describe: (address) => NAMES[address] ?? `0x${address.toString(16)}`,
    ...rest,
  });
}

const FOUND = {
  schedule: 12,
  strategy: 'PCT d=3',
  confirmed: 100,
  minimal: true,
  minimality: 'minimal: the search is complete for <= 0 preemptions (2 schedules) and finds nothing',
};

/** Where the steps of the sample of a deadlock stand. */
export const DEADLOCK_SITES = {
  1: site(120, 'SlotCounts.swapFree', 'SpinLock.lock'),
  2: site(122, 'SlotCounts.swapFree', 'Locks.spinLock'),
  3: site(40, 'Disk.write', 'Locks.spinLock', 'packages/ramzswap/src/disk.ts'),
  4: site(44, 'Disk.write', 'SpinLock.lock', 'packages/ramzswap/src/disk.ts'),
} as const;

/** Two threads that take two locks, one this way and one the other way round. */
export function deadlock(sited: boolean): ReportModel {
  const at = (id: number): number => (sited ? id : 0);
  const trace = [
    step(0, POINT_LOCK, 64, at(1)),
    step(1, POINT_LOCK, 128, at(3)),
    step(1, POINT_LOCK, 64, at(4)),
    step(1, POINT_WAIT, 64, at(4)),
    step(0, POINT_LOCK, 128, at(2)),
    step(0, POINT_WAIT, 128, at(2)),
  ];
  const threads = [
    thread('owner', {
      state: 'waits',
      kind: POINT_WAIT,
      object: 128,
      site: at(2),
      holds: [{ address: 64, name: 'swap_lock (swap_lock)' }],
    }),
    thread('dd', {
      state: 'waits',
      kind: POINT_WAIT,
      object: 64,
      site: at(4),
      holds: [{ address: 128, name: 'table_lock (table_lock[2])' }],
    }),
  ];
  const finding = {
    ...FOUND,
    failure: failure('deadlock', 'Deadlock: owner, dd wait, and nobody can run.', { threads }),
    trace,
    dropped: [0, 0, 0x7fff_ffff],
    token: 'sl1.AAAA',
  };
  const lines: Readonly<Record<number, string>> = {
    120: '  table.swapLock.lock();',
    44: '    swapLock.lock();',
  };
  return report(finding, ['owner', 'dd', 'spare'], {
    ...(sited ? { sites: new SiteTable([DEADLOCK_SITES]), readLine: (_, line) => lines[line] ?? null } : {}),
  });
}

/** Where the steps of the sample of a lost update stand. */
export const LOST_SITES = {
  5: site(60, 'SwapMap.count', 'Cells.ld32'),
  6: site(61, 'SwapMap.count', 'Cells.st32'),
} as const;

/** Two threads that add one: both read, then both write. */
export function lostUpdate(sited: boolean): ReportModel {
  const at = (id: number): number => (sited ? id : 0);
  const trace = [
    step(0, POINT_LOAD, 192, at(5)),
    step(1, POINT_LOAD, 192, at(5)),
    step(1, POINT_STORE, 192, at(6)),
    step(0, POINT_STORE, 192, at(6)),
  ];
  const finding = {
    ...FOUND,
    failure: failure('check', 'The sum is 1, not 2.', {
      report:
        'The sum is 1, not 2.\n    at Object.check (file:///home/me/sum.js:22:117)\n    at Stage.check (file:///x/packages/explore/dist/scenario/stage.js:85:27)',
      threads: [thread('first'), thread('second')],
    }),
    trace,
    dropped: [0, 0],
    token: 'sl1.BBBB',
  };
  return report(finding, ['first', 'second'], sited ? { sites: new SiteTable([LOST_SITES]) } : {});
}

/** What is true about a trace made by chance. */
export interface Simulated {
  readonly trace: readonly TraceStep[];
  /** For each lock that was got: who, from which step on, and which step dropped it (-1 for none). */
  readonly holds: readonly {
    readonly task: number;
    readonly lock: number;
    readonly from: number;
    readonly dropped: number;
  }[];
  /** For each step how many steps of each thread have happened before it, itself included. */
  readonly clocks: readonly (readonly number[])[];
  readonly threads: readonly ThreadState[];
}

const LOCKS = [64, 128, 320];
const QUEUE = 256;

/** What {@link simulate} takes: long lists, most of the time. */
export const CHOICES = fc.array(fc.nat(1000), { minLength: 3, maxLength: 240, size: 'max' });

/**
 * Lets threads lock, unlock, try, wait, wake and touch things, one at a time.
 * @param choices - what they do, as numbers of any size; used up one by one
 * @param tasks - how many there are
 */
export function simulate(choices: readonly number[], tasks: number): Simulated {
  return new Simulation(tasks).run(choices);
}

interface Task {
  readonly held: number[];
  /** What it waits for, 0 for nothing; and whether it may look again. */
  waits: number;
  woken: boolean;
  clock: number[];
  /** A lock it got after waiting, to be counted from its next step on. */
  got: number;
}

class Simulation {
  private readonly tasks: Task[];
  private readonly trace: TraceStep[] = [];
  private readonly clocks: number[][] = [];
  private readonly owner = new Map<number, number>();
  private readonly dropClock = new Map<number, number[]>();
  private readonly holds: { task: number; lock: number; from: number; dropped: number }[] = [];

  constructor(tasks: number) {
    this.tasks = Array.from({ length: tasks }, () => ({
      held: [],
      waits: 0,
      woken: false,
      clock: Array<number>(tasks).fill(0),
      got: 0,
    }));
  }

  run(choices: readonly number[]): Simulated {
    for (let at = 0; at + 2 < choices.length; at += 3)
      this.act(choices[at]!, choices[at + 1]!, choices[at + 2]!);
    const threads = this.tasks.map(({ held, waits }, task) =>
      thread(`thread ${task}`, {
        state: waits === 0 ? 'stands' : 'waits',
        kind: waits === 0 ? POINT_LOAD : POINT_WAIT,
        object: waits === 0 ? 192 : waits,
        holds: held.map((address) => ({ address, name: String(address) })),
      }),
    );
    return { trace: this.trace, holds: this.holds, clocks: this.clocks, threads };
  }

  private act(who: number, what: number, which: number): void {
    const able = [...this.tasks.keys()].filter(
      (task) => this.tasks[task]!.waits === 0 || this.tasks[task]!.woken,
    );
    if (able.length === 0) return;
    const task = able[who % able.length]!;
    const me = this.tasks[task]!;
    if (me.waits !== 0) {
      this.lookAgain(task);
      return;
    }
    const lock = LOCKS[which % LOCKS.length]!;
    switch (what % 6) {
      case 0:
      case 1:
        // Mostly in one order, so that the threads get far before they deadlock.
        if (me.held.every((held) => held < lock || (held !== lock && what > 950)))
          this.lock(task, lock, what % 6 === 1);
        return;
      case 2:
      case 3: {
        const held = me.held[which % Math.max(1, me.held.length)];
        if (held !== undefined) this.unlock(task, held);
        return;
      }
      case 4:
        if (which % 5 === 0) this.wait(task);
        else this.wake(task);
        return;
      default:
        this.step(task, which % 2 === 0 ? POINT_LOAD : POINT_STORE, 192);
    }
  }

  private step(task: number, kind: number, object: number): void {
    const me = this.tasks[task]!;
    me.clock = [...me.clock];
    me.clock[task]! += 1;
    if (me.got !== 0) {
      this.holds.push({ task, lock: me.got, from: this.trace.length, dropped: -1 });
      me.got = 0;
    }
    this.clocks.push(me.clock);
    this.trace.push(step(task, kind, object));
  }

  /** Takes in what happened before something that the task now knows of. */
  private learn(task: number, clock: readonly number[] | undefined): void {
    const me = this.tasks[task]!;
    if (clock !== undefined) me.clock = me.clock.map((time, other) => Math.max(time, clock[other]!));
  }

  private lock(task: number, lock: number, isTry: boolean): void {
    const me = this.tasks[task]!;
    if (!this.owner.has(lock)) {
      this.learn(task, this.dropClock.get(lock));
      this.step(task, POINT_LOCK, lock);
      this.owner.set(lock, task);
      me.held.push(lock);
      this.holds.push({ task, lock, from: this.trace.length - 1, dropped: -1 });
      return;
    }
    this.step(task, POINT_LOCK, lock);
    if (isTry) return;
    this.step(task, POINT_WAIT, lock);
    me.waits = lock;
    me.woken = false;
  }

  private lookAgain(task: number): void {
    const me = this.tasks[task]!;
    const { waits } = me;
    if (waits === QUEUE) {
      me.waits = 0;
    } else if (this.owner.has(waits)) {
      this.step(task, POINT_WAIT, waits);
      me.woken = false;
    } else {
      this.learn(task, this.dropClock.get(waits));
      this.owner.set(waits, task);
      me.held.push(waits);
      me.got = waits;
      me.waits = 0;
    }
  }

  private unlock(task: number, lock: number): void {
    const me = this.tasks[task]!;
    this.step(task, POINT_UNLOCK, lock);
    me.held.splice(me.held.indexOf(lock), 1);
    this.owner.delete(lock);
    this.dropClock.set(
      lock,
      (this.dropClock.get(lock) ?? me.clock).map((time, other) => Math.max(time, me.clock[other]!)),
    );
    const index = this.holds.findLastIndex((hold) => hold.task === task && hold.lock === lock);
    this.holds[index] = { ...this.holds[index]!, dropped: this.trace.length - 1 };
    for (const other of this.tasks) if (other.waits === lock) other.woken = true;
  }

  private wait(task: number): void {
    this.step(task, POINT_WAIT, QUEUE);
    this.tasks[task]!.waits = QUEUE;
    this.tasks[task]!.woken = false;
  }

  private wake(task: number): void {
    this.step(task, POINT_WAKE, QUEUE);
    for (const [number, other] of this.tasks.entries()) {
      // Whoever took no step since is ordered behind this wake, too: no trace can tell that it has gone on already.
      const last = this.trace.findLast((one) => one.task === number);
      if (number === task || last?.kind !== POINT_WAIT || last.object !== QUEUE) continue;
      if (other.waits === QUEUE) other.woken = true;
      this.learn(number, this.tasks[task]!.clock);
    }
  }
}

/** Two threads that add one to the same cell, without places, and with a fault that was injected. */
export function sampleOfTwo(sentence = 'The sum is 1, not 2.'): ReportedSchedule {
  const trace = [
    step(0, POINT_LOAD, 192),
    step(1, POINT_LOAD, 192),
    step(1, POINT_STORE, 192),
    step(0, POINT_STORE, 192),
  ];
  const decisions = [
    { step: 1, choice: 1, site: 0 },
    { step: 9, choice: CHOICE_FAULT + FAULT_ALLOCATION, site: 0 },
  ];
  const threads = [thread('first'), thread('second')];
  return {
    failure: failure('check', sentence, { threads, decisions }),
    trace,
    dropped: [0, 0],
    token: 'sl1.G',
  };
}
