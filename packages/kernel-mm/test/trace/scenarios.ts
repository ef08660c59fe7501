/** What the threads of the trace tests do. */
import type { Layout } from '#src/arena/layout.js';
import { layoutTrace, type TraceRegions } from '#src/trace/rings.js';
import { Trace } from '#src/trace/trace.js';
import { attachTestCore, type TestCoreHandle } from '../support/core.js';

/** Input of {@link writeEvents}. */
export interface WriterInput {
  readonly handle: TestCoreHandle;
  readonly events: number;
}

/** Rings that are small enough to run full now and then. */
export function buildTrace(layout: Layout): TraceRegions {
  return layoutTrace(layout, 1024);
}

/** Writes numbered lines of many lengths; returns the id of its task. */
export function writeEvents(input: WriterInput): number {
  const machine = attachTestCore(buildTrace, input.handle, { name: 'writer' });
  const trace = new Trace(machine.core, machine.regions);
  for (let event = 1; event <= input.events; event++) trace.printk(`${event} ${'-'.repeat(event % 200)}`);
  return machine.task;
}

/** Input of {@link nestSpans}. */
export interface SpansInput {
  readonly handle: TestCoreHandle;
  readonly rounds: number;
  readonly seed: number;
}

/** Tells spans that lie in each other in many ways, with moments between them; returns how many events that were. */
export function nestSpans(input: SpansInput): number {
  const machine = attachTestCore(buildTrace, input.handle, { name: 'writer' });
  const trace = new Trace(machine.core, machine.regions);
  const open: number[] = [];
  let state = input.seed | 0;
  let told = 0;
  for (let round = 0; round < input.rounds || open.length > 0; round++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const choice = state >>> 30;
    if (round < input.rounds && open.length < 5 && choice < 2) {
      open.push(trace.beginSwapIn());
      continue;
    }
    const since = choice === 2 ? undefined : open.pop();
    if (since === undefined) trace.slotFree(0, round);
    else trace.swapIn(since, 0, round, 0);
    told++;
  }
  return told;
}
