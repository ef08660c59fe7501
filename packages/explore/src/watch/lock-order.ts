/**
 * The order of locks: which class is taken while which other one is held. Two orders that contradict each other are a deadlock that waits for its
 * schedule, and are reported without it. (The Linux kernel's lockdep, 2006.)
 *
 * Classes are nodes, and there is an edge from each class that is held to the one that is taken; a set of classes is one word, so to add an edge
 * that is known is one look at a bit. A new edge is searched for a way back. What is tried and never waited for gets no edge, but is held like any
 * other. Two locks of one class are in order where the class says which of them comes first (`LockNesting`); else taking the second one is reported.
 *
 * Promise: a report needs what was done in one schedule alone, so it can be played again. Orders that were seen in different schedules, and
 * contradict each other only together, are remembered for as long as the words live, and told by {@link LockOrder.contradictions}.
 */
import { LOCK_CLASSES_MAX, type LockClass, type Site } from '@swaplab/kernel-mm';
import { atSite } from './watch.js';
import type { Findings } from './findings.js';

const CLASSES = LOCK_CLASSES_MAX;
/** Most locks a task holds at one time. */
const DEPTH_MAX = 16;

// Words of a lock that is held.
const HELD_OBJECT = 0;
const HELD_CLASS = 1;
const HELD_SITE = 2;
const HELD_WORDS = 3;
const STACK_WORDS = 1 + DEPTH_MAX * HELD_WORDS;

// Words of an edge: who took the second lock, and where both were taken.
const EDGE_TASK = 0;
const EDGE_HELD_SITE = 1;
const EDGE_TAKEN_SITE = 2;
const EDGE_WORDS = 3;

/** A graph: a word for each class with the set of classes that were taken under it, then the edges. */
const EDGES = CLASSES;
const GRAPH_WORDS = CLASSES + CLASSES * CLASSES * EDGE_WORDS;

/** The graph of this schedule, the one of all schedules, the classes from which edges of that one lead into contradictions, and the stacks. */
const NOW = 0;
const EVER = GRAPH_WORDS;
const CONTRADICTED = 2 * GRAPH_WORDS;
const STACKS = CONTRADICTED + CLASSES;

/**
 * Number of words of {@link LockOrder}.
 * @param tasks - number of tasks
 */
export function lockOrderWords(tasks: number): number {
  return STACKS + tasks * STACK_WORDS;
}

/** The detector, as one thread has it. */
export class LockOrder {
  private readonly words: Int32Array;
  private readonly findings: Findings;

  /**
   * @param words - {@link lockOrderWords} of zeros at first, shared by the group
   * @param findings - for reports
   */
  constructor(words: Int32Array, findings: Findings) {
    this.words = words;
    this.findings = findings;
  }

  /** A schedule begins: nobody holds anything. */
  begin(): void {
    const { words } = this;
    words.fill(0, NOW, NOW + CLASSES);
    words.fill(0, STACKS);
  }

  /**
   * A task has taken a lock.
   * @param task - which
   * @param object - address of the lock
   * @param lockClass - its class
   * @param site - where
   * @param tried - whether it would not have waited for it
   */
  acquired(task: number, object: number, lockClass: LockClass, site: Site, tried: boolean): void {
    const { words } = this;
    const stack = STACKS + task * STACK_WORDS;
    const depth = words[stack]!;
    if (!tried) {
      const bit = 1 << lockClass;
      for (let held = stack + 1; held < stack + 1 + depth * HELD_WORDS; held += HELD_WORDS)
        if ((words[NOW + words[held + HELD_CLASS]!]! & bit) === 0)
          this.addEdge(task, held, lockClass, object, site);
    }
    if (depth === DEPTH_MAX) return;
    const top = stack + 1 + depth * HELD_WORDS;
    words[top + HELD_OBJECT] = object;
    words[top + HELD_CLASS] = lockClass;
    words[top + HELD_SITE] = site;
    words[stack] = depth + 1;
  }

  /**
   * A task drops a lock.
   * @param task - which
   * @param object - address of the lock; nothing comes of it when the task does not hold it
   */
  released(task: number, object: number): void {
    const { words } = this;
    const stack = STACKS + task * STACK_WORDS;
    const bottom = stack + 1;
    let place = bottom + (words[stack]! - 1) * HELD_WORDS;
    while (place >= bottom && words[place + HELD_OBJECT] !== object) place -= HELD_WORDS;
    if (place < bottom) return;
    words[stack]! -= 1;
    const end = bottom + words[stack]! * HELD_WORDS;
    for (; place < end; place++) words[place] = words[place + HELD_WORDS]!;
  }

  /** Orders that contradict each other, but not within one schedule: a sentence each. */
  contradictions(): string[] {
    const { words } = this;
    const sentences: string[] = [];
    for (let held = 0; held < CLASSES; held++) {
      for (let taken = 0; taken < CLASSES; taken++) {
        if ((words[CONTRADICTED + held]! & (1 << taken)) === 0) continue;
        const way = this.wayFrom(EVER, taken, held) ?? [];
        sentences.push(
          `${this.describeCycle(held, taken)} Seen in different schedules: ${this.describeWay(EVER, [held, ...way]).join('; ')}.`,
        );
      }
    }
    return sentences;
  }

  private addEdge(task: number, held: number, taken: LockClass, object: number, site: Site): void {
    const { words, findings } = this;
    const heldClass = words[held + HELD_CLASS]!;
    if (heldClass === taken) {
      const nesting = findings.nestingOf(taken);
      const isInOrder = nesting === 'lower-address-first' && words[held + HELD_OBJECT]! < object;
      if (nesting !== 'elder-first' && !isInOrder) this.reportNesting(task, held, object, site);
      return;
    }
    for (const graph of [NOW, EVER]) {
      if ((words[graph + heldClass]! & (1 << taken)) !== 0) continue;
      words[graph + heldClass]! |= 1 << taken;
      const edge = edgeOf(graph, heldClass, taken);
      words[edge + EDGE_TASK] = task;
      words[edge + EDGE_HELD_SITE] = words[held + HELD_SITE]!;
      words[edge + EDGE_TAKEN_SITE] = site;
      const way = this.wayFrom(graph, taken, heldClass);
      if (way === null) continue;
      if (graph === NOW) this.reportCycle(heldClass, taken, way);
      words[CONTRADICTED + heldClass]! |= 1 << taken;
    }
  }

  /**
   * A way along the edges of a graph.
   * @returns the classes on it, both ends included; null when there is none
   */
  private wayFrom(graph: number, from: LockClass, to: LockClass): LockClass[] | null {
    const { words } = this;
    if ((words[graph + from]! & (1 << to)) !== 0) return [from, to];
    // The classes that can be reached, in the order in which they were, and from which one.
    const reached = [from];
    const before: number[] = [];
    before[from] = from;
    for (let next = 0; next < reached.length; next++) {
      const here = reached[next]!;
      for (let set = words[graph + here]!; set !== 0; set &= set - 1) {
        const there = 31 - Math.clz32(set & -set);
        if (before[there] !== undefined) continue;
        before[there] = here;
        if (there === to) return wayBack(before, from, to);
        reached.push(there);
      }
    }
    return null;
  }

  private reportNesting(task: number, held: number, object: number, site: Site): never {
    const { words, findings } = this;
    const name = findings.lockClass(words[held + HELD_CLASS]!);
    const first = findings.object(words[held + HELD_OBJECT]!);
    return findings.report(
      'lock order',
      `Lock order: ${findings.thread(task)} takes a second lock of class ${name}, ${findings.object(object)}${atSite(site)}, ` +
        `while it holds ${first}, taken${atSite(words[held + HELD_SITE]!)}.`,
      findings.nestingOf(words[held + HELD_CLASS]!) === 'never'
        ? 'Another thread may take the two the other way round: nothing says which comes first.'
        : 'The one at the lower address is to be taken first.',
    );
  }

  private reportCycle(held: LockClass, taken: LockClass, way: readonly LockClass[]): never {
    const chains = this.describeWay(NOW, [held, ...way]);
    return this.findings.report('lock order', this.describeCycle(held, taken), chains.join('\n'));
  }

  private describeCycle(held: LockClass, taken: LockClass): string {
    const { findings } = this;
    const one = findings.lockClass(held);
    const other = findings.lockClass(taken);
    return `Lock order: ${other} is taken with ${one} held, and ${one} is taken with ${other} held.`;
  }

  /** Each step of a way in words. */
  private describeWay(graph: number, way: readonly LockClass[]): string[] {
    const { words, findings } = this;
    return way.slice(1).map((taken, index) => {
      const edge = edgeOf(graph, way[index]!, taken);
      return (
        `${findings.thread(words[edge + EDGE_TASK]!)} took ${findings.lockClass(taken)}${atSite(words[edge + EDGE_TAKEN_SITE]!)} ` +
        `while holding ${findings.lockClass(way[index]!)}, taken${atSite(words[edge + EDGE_HELD_SITE]!)}`
      );
    });
  }
}

function edgeOf(graph: number, held: LockClass, taken: LockClass): number {
  return graph + EDGES + (held * CLASSES + taken) * EDGE_WORDS;
}

function wayBack(before: readonly number[], from: LockClass, to: LockClass): LockClass[] {
  const way = [to];
  for (let here = to; here !== from; here = before[here]!) way.unshift(before[here]!);
  return way;
}
