/**
 * Events of a machine as an asynchronous iterable, over the rings that every thread fills.
 *
 * Promise: events come in order, each once; the iteration ends when its signal is aborted or the caller leaves the loop. One reader at a time:
 * what one loop has taken out of the rings no other sees.
 */
import type { KernelEvent, KernelEventType } from '../trace/events.js';
import type { TraceReader } from '../trace/reader.js';

/** The part of `AbortSignal` that is used, so that no host library is needed. */
export interface StopSignal {
  readonly aborted: boolean;
}

const POLL_MS = 10;

/**
 * Iterates over events as they come.
 * @param reader - the machine's rings
 * @param types - types wanted; all when empty
 * @param signal - ends the iteration
 */
export async function* iterateEvents(
  reader: TraceReader,
  types: readonly KernelEventType[],
  signal: StopSignal | undefined,
): AsyncGenerator<KernelEvent, void, undefined> {
  while (signal?.aborted !== true) {
    const events = types.length === 0 ? reader.drain() : reader.drain(types);
    for (const event of events) yield event;
    if (events.length === 0) await pause(POLL_MS);
  }
}

function pause(milliseconds: number): Promise<void> {
  // Browsers and Node both have timers, but the language has not.
  const host = globalThis as unknown as { setTimeout(callback: () => void, milliseconds: number): unknown };
  return new Promise((resolve) => {
    host.setTimeout(resolve, milliseconds);
  });
}
