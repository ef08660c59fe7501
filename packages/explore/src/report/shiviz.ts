/**
 * A schedule as a log for ShiViz, which draws what happened before what.
 *
 * Each step is two lines: what it does, then the thread and its vector clock, so that ShiViz reads it with the expression it offers by itself,
 * `(?<event>.*)\n(?<host>\S*) (?<clock>{.*})`. A step happens before the later ones of its thread, before what takes the lock that it drops, and
 * before what it wakes. Nothing else is said to be ordered: two writes that meet without a lock are side by side, and that is the picture of a race.
 */
import type { ReportEdge, ReportModel } from './model.js';

/** The expression that reads the log. */
export const SHIVIZ_EXPRESSION = String.raw`(?<event>.*)\n(?<host>\S*) (?<clock>{.*})`;

/**
 * Writes the log.
 * @param model - of a report
 * @returns lines, each ended by a newline
 */
export function shivizLog(model: ReportModel): string {
  const hosts = hostNames(model.threads.map(({ name }) => name));
  const clocks = vectorClocks(
    model.steps.map(({ thread }) => thread),
    model.edges,
  );
  const lines = model.steps.map(({ thread, what, place, note }, index) => {
    const where = place === null ? '' : ` at ${model.places[place]!.file}:${model.places[place]!.line}`;
    const more = note === null ? '' : ` (${note})`;
    const clock = Object.fromEntries([...clocks[index]!].map(([task, time]) => [hosts[task]!, time]));
    return `${oneLine(`${what}${more}${where}`)}\n${hosts[thread]!} ${JSON.stringify(clock)}\n`;
  });
  return lines.join('');
}

/**
 * The vector clock of each step: of each thread how many of its steps have happened before it, itself included.
 * @param threads - the thread of each step
 * @param edges - which step must come before which, besides those of one thread
 */
export function vectorClocks(
  threads: readonly number[],
  edges: readonly Pick<ReportEdge, 'from' | 'to'>[],
): ReadonlyMap<number, number>[] {
  const before = new Map<number, number[]>();
  for (const { from, to } of edges) {
    const list = before.get(to);
    if (list === undefined) before.set(to, [from]);
    else list.push(from);
  }
  const clocks: Map<number, number>[] = [];
  const latest = new Map<number, Map<number, number>>();
  for (const [index, thread] of threads.entries()) {
    const clock = new Map(latest.get(thread) ?? []);
    for (const from of before.get(index) ?? [])
      for (const [task, time] of clocks[from]!) clock.set(task, Math.max(time, clock.get(task) ?? 0));
    clock.set(thread, (clock.get(thread) ?? 0) + 1);
    clocks.push(clock);
    latest.set(thread, clock);
  }
  return clocks;
}

/** Names without blanks, each one once. */
function hostNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const plain = name.replace(/\s+/g, '_').replace(/[{}]/g, '') || 'thread';
    let host = plain;
    for (let number = 2; taken.has(host); number++) host = `${plain}_${number}`;
    taken.add(host);
    return host;
  });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
