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
