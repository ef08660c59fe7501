/**
 * From a record to an event: what the numbers of each type mean.
 *
 * The other half is `trace.ts`, which writes them. Called by whoever drains a ring, for records that are published and not yet given back.
 */
import type { Arena } from '../arena/memory.js';
import {
  PAGE_FAULT_KINDS,
  TRACE_DUPLICATE,
  TRACE_FAULT,
  TRACE_LOCK_CONTENDED,
  TRACE_LOCK_HELD,
  TRACE_NOTIFY,
  TRACE_PRINTK,
  TRACE_PROCESS_KILLED,
  TRACE_RECLAIM,
  TRACE_SLOT_ALLOC,
  TRACE_SLOT_FREE,
  TRACE_SWAP_IN,
  TRACE_SWAP_OUT,
  TRACE_SWAPOFF,
  TRACE_SWAPON,
  type KernelEvent,
} from './events.js';
import { FAULT_WRITES, TRACE_RECORD } from './rings.js';

/**
 * Makes the event of a record.
 * @param arena - the thread's views
 * @param head - address of the first record of the event
 * @param type - its number
 * @param task - who wrote it
 * @param text - its text, put together already
 */
export function decodeEvent(
  arena: Arena,
  head: number,
  type: number,
  task: number,
  text: string,
): KernelEvent {
  const { i32, f64 } = arena;
  const time = f64[(head + TRACE_RECORD.time) >> 3] ?? 0;
  const payload = (head + TRACE_RECORD.payload) >> 2;
  const first = i32[payload] ?? 0;
  const second = i32[payload + 1] ?? 0;
  const third = i32[payload + 2] ?? 0;
  switch (type) {
    case TRACE_SLOT_FREE:
      return { type: 'slotFree', task, time, swapType: first, slot: second };
    case TRACE_SLOT_ALLOC:
      return { type: 'slotAlloc', task, time, swapType: first, slot: second };
    case TRACE_DUPLICATE:
      return { type: 'duplicate', task, time, swapType: first, slot: second, count: third };
    case TRACE_PRINTK:
      return { type: 'printk', task, time, level: first, text };
    case TRACE_SWAPON:
      return { type: 'swapon', task, time, swapType: first, device: text, pages: second, priority: third };
    case TRACE_PROCESS_KILLED:
      return { type: 'processKilled', task, time, space: first };
    case TRACE_SWAPOFF:
      return { type: 'swapoff', task, time, swapType: first, device: text };
    default:
      return decodeSpan(arena, head, type, task);
  }
}

/** Makes the event of a span: where others have their text, it has the time at which it began. */
function decodeSpan(arena: Arena, head: number, type: number, task: number): KernelEvent {
  const { i32, f64 } = arena;
  const time = f64[(head + TRACE_RECORD.time) >> 3] ?? 0;
  const since = f64[(head + TRACE_RECORD.text) >> 3] ?? 0;
  const payload = (head + TRACE_RECORD.payload) >> 2;
  const first = i32[payload] ?? 0;
  const second = i32[payload + 1] ?? 0;
  const third = i32[payload + 2] ?? 0;
  const fourth = i32[payload + 3] ?? 0;
  switch (type) {
    case TRACE_NOTIFY:
      return { type: 'notify', task, since, time, swapType: first, slot: second };
    case TRACE_SWAP_OUT:
      return { type: 'swapOut', task, since, time, swapType: first, slot: second, error: third };
    case TRACE_SWAP_IN:
      return { type: 'swapIn', task, since, time, swapType: first, slot: second, error: third };
    case TRACE_RECLAIM: {
      const by = first === 0 ? 'direct' : 'kswapd';
      return { type: 'reclaim', task, since, time, by, target: second, scanned: third, freed: fourth };
    }
    case TRACE_FAULT: {
      const kind = PAGE_FAULT_KINDS[first & ~FAULT_WRITES] ?? 'none';
      const write = (first & FAULT_WRITES) !== 0;
      return { type: 'fault', task, since, time, kind, space: second, vpn: third, write, error: fourth };
    }
    case TRACE_LOCK_CONTENDED:
      return { type: 'lockContended', task, since, time, lockClass: second, address: first };
    case TRACE_LOCK_HELD:
      return { type: 'lockHeld', task, since, time, lockClass: second, address: first };
    default:
      return {
        type: 'notifierCall',
        task,
        since,
        time,
        chain: first,
        block: second,
        action: third,
        result: fourth,
      };
  }
}
