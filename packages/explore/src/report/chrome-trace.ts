/**
 * A schedule in the Trace Event Format, for `chrome://tracing`, Perfetto and their like.
 *
 * Only one thread runs at a time and no clock runs at all, so a step stands for a microsecond: step number n begins n microseconds after the start.
 * Each thread has a track with its steps; a wait lasts until the thread goes on. Each time that a lock is held is an async event of its own, with an
 * id that no other one has, from the step at which the thread has it to the one that drops it.
 */
import type { ReportModel } from './model.js';

/** One event of the format. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'b' | 'e' | 'M' | 'i';
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: number;
  readonly s?: 'g';
  readonly args?: Readonly<Record<string, unknown>>;
}

/** What a file of the format holds. */
export interface ChromeTrace {
  readonly displayTimeUnit: 'ns' | 'ms';
  readonly otherData: Readonly<Record<string, string>>;
  readonly traceEvents: readonly TraceEvent[];
}

const PID = 1;

/**
 * Makes the events.
 * @param model - of a report
 */
export function chromeTrace(model: ReportModel): ChromeTrace {
  return {
    displayTimeUnit: 'ns',
    otherData: { scenario: model.scenario, failure: model.sentence, token: model.token },
    traceEvents: [...names(model), ...steps(model), ...holds(model), ...end(model)],
  };
}

/**
 * Writes the events as a file.
 * @param model - of a report
 */
export function chromeTraceText(model: ReportModel): string {
  const { traceEvents, ...rest } = chromeTrace(model);
  const lines = traceEvents.map((event) => JSON.stringify(event)).join(',\n');
  return `${JSON.stringify(rest).slice(0, -1)},"traceEvents":[\n${lines}\n]}\n`;
}

function names(model: ReportModel): TraceEvent[] {
  const ofThread = (tid: number, name: string, args: Record<string, unknown>): TraceEvent => ({
    name,
    ph: 'M',
    pid: PID,
    tid,
    ts: 0,
    args,
  });
  return [
    ofThread(0, 'process_name', { name: model.scenario }),
    ...model.threads.flatMap(({ name }, index) => [
      ofThread(index + 1, 'thread_name', { name }),
      ofThread(index + 1, 'thread_sort_index', { sort_index: index }),
    ]),
  ];
}

function steps(model: ReportModel): TraceEvent[] {
  const { length } = model.steps;
  const waits = new Map<number, number>();
  for (const { kind, from, until } of model.spans)
    if (kind === 'waits') waits.set(from, (until < 0 ? length : until) - from);
  // A wait that looks again and again has further steps inside of it.
  const ends = new Map<number, number>();
  return model.steps.flatMap(({ thread, what, kind, place, note }, index) => {
    if (index < (ends.get(thread) ?? 0)) return [];
    const dur = waits.get(index) ?? 1;
    ends.set(thread, index + dur);
    const at = place === null ? undefined : model.places[place]!;
    const args = {
      step: index + 1,
      ...(at === undefined ? {} : { place: `${at.file}:${at.line}`, function: at.function }),
      ...(note === null ? {} : { note }),
    };
    return [{ name: what, ph: 'X', pid: PID, tid: thread + 1, ts: index, dur, cat: kind, args } as const];
  });
}

function holds(model: ReportModel): TraceEvent[] {
  const { length } = model.steps;
  return model.spans.flatMap(({ kind, thread, object, from, until }, id) => {
    if (kind !== 'holds') return [];
    const name = model.objects[object]!.name;
    const event = { name, pid: PID, tid: thread + 1, cat: 'lock held', id } as const;
    return [
      { ...event, ph: 'b', ts: from, args: { thread: model.threads[thread]!.name } },
      { ...event, ph: 'e', ts: until < 0 ? length : until },
    ] as const;
  });
}

function end(model: ReportModel): TraceEvent[] {
  const { length } = model.steps;
  const tid = model.failed === null ? 0 : model.failed + 1;
  const ts = model.failedAt ?? Math.max(0, length - 1);
  return [{ name: model.sentence, ph: 'i', pid: PID, tid, ts, s: 'g', cat: 'failure' }];
}
