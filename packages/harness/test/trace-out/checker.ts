/**
 * A strict reader of traces: what a viewer may take amiss is an error here.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** An event of a trace. */
export interface TraceEvent {
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly s?: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A trace. */
export interface Trace {
  readonly displayTimeUnit: string;
  readonly traceEvents: readonly TraceEvent[];
  readonly otherData: Readonly<Record<string, unknown>> & {
    readonly machines: readonly {
      readonly name: string;
      readonly events: number;
      readonly dropped: number;
      readonly leftOut: number;
    }[];
  };
}

/** The events of one process. */
export interface TracedProcess {
  readonly name: string;
  /** Names of tracks, by number. */
  readonly tracks: ReadonlyMap<number, string>;
  /** Spans and moments, each with the name of its track. */
  readonly events: readonly (TraceEvent & { readonly track: string })[];
  readonly counters: ReadonlyMap<string, readonly { readonly ts: number; readonly value: number }[]>;
}

/** Reads a file. */
export function readTrace(path: string): Trace {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return JSON.parse(text) as Trace;
}

/** What is wrong with a trace, in words; nothing when all is well. */
export function complaintsAbout({ displayTimeUnit, traceEvents, otherData }: Trace): string[] {
  const complaints: string[] = [];
  if (displayTimeUnit !== 'ns') complaints.push(`the unit is ${displayTimeUnit}`);
  const named = new Set<string>();
  const last = new Map<string, number>();
  const stacks = new Map<string, number[]>();
  let events = 0;
  for (const [index, event] of traceEvents.entries()) {
    const { ph, pid, tid, name, ts, dur, s } = event;
    const complain = (what: string): void => {
      if (complaints.length < 20)
        complaints.push(`event ${String(index)}: ${what}: ${JSON.stringify(event)}`);
    };
    if (!Number.isInteger(pid) || pid < 1 || !Number.isInteger(tid) || tid < 0) complain('no place');
    if (typeof name !== 'string' || name === '' || typeof event.args !== 'object') complain('no name');
    if (ph === 'M') {
      if (name === 'thread_name') {
        if (named.has(`${String(pid)}.${String(tid)}`)) complain('named twice');
        named.add(`${String(pid)}.${String(tid)}`);
      }
      if (name === 'process_name') named.add(String(pid));
      continue;
    }
    if (!named.has(String(pid))) complain('no name of its process before it');
    if (typeof ts !== 'number' || !(ts >= 0)) complain('no time');
    const track = ph === 'C' ? `${String(pid)}.C.${name}` : `${String(pid)}.${String(tid)}`;
    // Whole nanoseconds, so that nothing hangs on the last bit of a fraction.
    const begin = Math.round((ts ?? 0) * 1000);
    if (begin < (last.get(track) ?? 0)) complain('earlier than the one before it on its track');
    last.set(track, begin);
    if (ph === 'C') {
      if (typeof event.args['value'] !== 'number') complain('no value');
      continue;
    }
    events++;
    if (!named.has(track)) complain('no name of its track before it');
    if (ph === 'i') {
      if (s !== 't' && s !== 'p') complain('no scope');
      continue;
    }
    if (ph !== 'X') complain('unknown kind');
    if (typeof dur !== 'number' || !(dur >= 0)) complain('no duration');
    const end = Math.round(((ts ?? 0) + (dur ?? 0)) * 1000);
    const stack = stacks.get(track) ?? [];
    while (stack.length > 0 && (stack.at(-1) ?? 0) <= begin) stack.pop();
    if (stack.length > 0 && (stack.at(-1) ?? 0) < end)
      complain('neither inside of the one around it nor behind it');
    stack.push(end);
    stacks.set(track, stack);
  }
  const said = otherData.machines.reduce((sum, machine) => sum + machine.events, 0);
  if (said !== events) complaints.push(`${String(events)} events, but it says ${String(said)}`);
  return complaints;
}

/** Takes a trace apart, by process. */
export function processesOf({ traceEvents }: Trace): TracedProcess[] {
  const pids = [...new Set(traceEvents.map(({ pid }) => pid))];
  return pids.map((pid) => {
    const own = traceEvents.filter((event) => event.pid === pid);
    const nameIn = (kind: string): readonly TraceEvent[] =>
      own.filter(({ ph, name }) => ph === 'M' && name === kind);
    const tracks = new Map(nameIn('thread_name').map(({ tid, args }) => [tid, String(args['name'])]));
    const counters = new Map<string, { ts: number; value: number }[]>();
    for (const { ph, name, ts = 0, args } of own) {
      if (ph !== 'C') continue;
      const curve = counters.get(name) ?? [];
      curve.push({ ts, value: Number(args['value']) });
      counters.set(name, curve);
    }
    return {
      name: String(nameIn('process_name')[0]?.args['name']),
      tracks,
      events: own
        .filter(({ ph }) => ph === 'X' || ph === 'i')
        .map((event) => ({ ...event, track: tracks.get(event.tid) ?? '' })),
      counters,
    };
  });
}

/** How many of the events have each name. */
export function countsByName(events: readonly TraceEvent[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { name } of events) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
