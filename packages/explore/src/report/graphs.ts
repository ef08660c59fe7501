/**
 * Who waits for whom, and which lock was taken while which other one was held.
 *
 * The wait-for graph comes from the state of the threads when the schedule failed: each waits for one object, which has holders. The order of
 * locks comes from the steps: a lock that was asked for while another one was held stands behind it; a cycle in that is a deadlock that did not
 * happen yet.
 */
import type { TraceStep } from '../core/trace.js';
import type { Failure } from '../engines/job.js';
import type { History } from './history.js';
import type { ReportChain, ReportGraph, ReportLink, ReportNode } from './model.js';
import type { Tables } from './tables.js';

/**
 * The graph that explains a failure.
 * @param failure - with the states of the threads
 * @param history - of locks and waits
 * @param trace - steps
 * @param tables - names and places
 * @returns null when nobody waits and no order of locks is broken
 */
export function graphOf(
  failure: Failure,
  history: History,
  trace: readonly TraceStep[],
  tables: Tables,
): ReportGraph | null {
  if (failure.kind === 'lock order') {
    const chain = lockOrderCycle(failure, history, trace, tables);
    if (chain !== null) return { kind: 'lock order', chains: [chain] };
  }
  const chains = waitForChains(failure, history, trace, tables);
  return chains.length === 0 ? null : { kind: 'wait-for', chains };
}

/** One chain for each group of threads that wait for each other, and for each thread that waits for them. */
function waitForChains(
  failure: Failure,
  history: History,
  trace: readonly TraceStep[],
  tables: Tables,
): ReportChain[] {
  const { threads } = failure;
  const told = new Set<number>();
  const chains: ReportChain[] = [];
  const waiting = [...threads.keys()].filter((task) => threads[task]!.state === 'waits');
  // Whoever is in a cycle first, so that others lead to it.
  const order = [...cycleOf(waiting, threads), ...waiting];
  for (const start of order) {
    if (told.has(start)) continue;
    const chain = new ChainMaker(failure, history, trace, tables);
    let task: number | undefined = start;
    while (task !== undefined && threads[task]!.state === 'waits' && !told.has(task)) {
      told.add(task);
      chain.waits(task);
      task = chain.holder(threads[task]!.object, task);
    }
    chains.push(chain.end(task));
  }
  return chains;
}

/** Threads that wait for each other in a ring; none when there is no ring. */
function cycleOf(waiting: readonly number[], threads: Failure['threads']): number[] {
  const holderOf = (object: number): number =>
    threads.findIndex(({ holds }) => holds.some(({ address }) => address === object));
  for (const start of waiting) {
    const path: number[] = [];
    let task = start;
    while (task >= 0 && threads[task]!.state === 'waits' && !path.includes(task)) {
      path.push(task);
      task = holderOf(threads[task]!.object);
    }
    if (task === start) return path;
  }
  return [];
}

const NO_LOCKS = { thread: null, held: null, taken: null } as const;

class ChainMaker {
  private readonly failure: Failure;
  private readonly history: History;
  private readonly trace: readonly TraceStep[];
  private readonly tables: Tables;
  private readonly nodes: ReportNode[] = [];
  private readonly links: ReportLink[] = [];
  private readonly tasks: number[] = [];

  constructor(failure: Failure, history: History, trace: readonly TraceStep[], tables: Tables) {
    this.failure = failure;
    this.history = history;
    this.trace = trace;
    this.tables = tables;
  }

  /** A thread waits for its object. */
  waits(task: number): void {
    const { name, object, site } = this.failure.threads[task]!;
    const wait = this.history.waits.findLast((entry) => entry.task === task && entry.object === object);
    this.tasks.push(task);
    this.nodes.push({ kind: 'thread', name });
    this.links.push({
      kind: 'waits for',
      ...NO_LOCKS,
      step: wait?.from ?? -1,
      place: this.tables.place(site === 0 && wait !== undefined ? this.trace[wait.from]!.site : site),
    });
    this.nodes.push({ kind: 'lock', name: this.tables.nameOf(object) });
  }

  /** The holder of an object, which the next link leads to. */
  holder(object: number, task: number): number | undefined {
    const { threads } = this.failure;
    const holder = threads.findIndex(
      ({ holds }, other) => other !== task && holds.some(({ address }) => address === object),
    );
    const own = threads[task]!.holds.some(({ address }) => address === object) ? task : -1;
    const found = holder < 0 ? own : holder;
    if (found < 0) return undefined;
    const hold = this.history.holds.findLast((entry) => entry.task === found && entry.lock === object);
    const asked = hold?.asked ?? -1;
    const place = asked < 0 ? null : this.tables.place(this.trace[asked]!.site);
    this.links.push({ kind: 'held by', ...NO_LOCKS, step: asked, place });
    return found;
  }

  /**
   * Ends the chain.
   * @param task - the thread that the last link leads to; undefined when it leads nowhere
   */
  end(task: number | undefined): ReportChain {
    const { nodes, links, tasks } = this;
    const isCycle = task !== undefined && tasks[0] === task;
    if (task !== undefined && !isCycle)
      nodes.push({ kind: 'thread', name: this.failure.threads[task]!.name });
    return { nodes, links, isCycle };
  }
}

/** A lock that was asked for while another one was held. */
interface Order {
  /** Names without numbers. */
  readonly from: string;
  readonly to: string;
  /** Addresses. */
  readonly held: number;
  readonly taken: number;
  readonly task: number;
  readonly step: number;
}

/** The shortest cycle in the order of locks, by their names without numbers: locks of one kind have one place in the order. */
function lockOrderCycle(
  failure: Failure,
  history: History,
  trace: readonly TraceStep[],
  tables: Tables,
): ReportChain | null {
  const orders = lockOrders(history, trace, tables);
  let best: Order[] | null = null;
  for (const first of orders) {
    const path = pathBetween(orders, first.to, first.from);
    if (path !== null && (best === null || path.length + 1 < best.length)) best = [first, ...path];
  }
  if (best === null) return null;
  return {
    nodes: best.map(({ from }) => ({ kind: 'lock', name: from })),
    links: best.map(({ task, step, held, taken }) => ({
      kind: 'before',
      thread: failure.threads[task]?.name ?? String(task),
      held: tables.nameOf(held),
      taken: tables.nameOf(taken),
      step,
      place: tables.place(trace[step]!.site),
    })),
    isCycle: true,
  };
}

function lockOrders(history: History, trace: readonly TraceStep[], tables: Tables): Order[] {
  const orders = new Map<string, Order>();
  const add = (held: number, lock: number, task: number, step: number): void => {
    const [from, to] = [classOf(tables.nameOf(held)), classOf(tables.nameOf(lock))];
    const key = `${from}\n${to}`;
    if (held !== lock && !orders.has(key)) orders.set(key, { from, to, held, taken: lock, task, step });
  };
  // The step at which the order was broken asked for a lock and may not have got it.
  const last = trace.at(-1);
  const asked = history.holds.map(({ task, lock, asked: step }) => ({ task, lock, step }));
  if (last !== undefined && history.locks.has(last.object))
    asked.push({ task: last.task, lock: last.object, step: trace.length - 1 });
  for (const { task, lock, step } of asked) {
    for (const held of history.holds) {
      const isHeld = held.task === task && held.from < step && (held.dropped < 0 || held.dropped > step);
      if (isHeld) add(held.lock, lock, task, step);
    }
  }
  return [...orders.values()];
}

/** The shortest way from one lock to another, by orders. */
function pathBetween(orders: readonly Order[], from: string, to: string): Order[] | null {
  const ways = new Map<string, Order[]>([[from, []]]);
  const queue = [from];
  for (let at = 0; at < queue.length; at++) {
    const name = queue[at]!;
    const way = ways.get(name)!;
    if (name === to) return way;
    for (const order of orders) {
      if (order.from !== name || ways.has(order.to)) continue;
      ways.set(order.to, [...way, order]);
      queue.push(order.to);
    }
  }
  return null;
}

/** The name of a lock without the numbers that tell it from others of its kind. */
function classOf(name: string): string {
  return name.replace(/\[\d+\]/g, '[]');
}
