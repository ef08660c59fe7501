/**
 * The typed events of a machine, and the numbers that stand for their types in the rings.
 */

/** A slot became free: its map byte became 0. @kernel mm/swapfile.c swap_entry_free */
export interface SlotFreeEvent {
  readonly type: 'slotFree';
  /** Task that freed it. */
  readonly task: number;
  /** ns of the machine's clock; without a clock, the number of the event among those of its task. */
  readonly time: number;
  /** Index of the area, 0 to MAX_SWAPFILES - 1. */
  readonly swapType: number;
  /** Slot in the area. */
  readonly slot: number;
}

/** An area was switched on. @kernel mm/swapfile.c sys_swapon */
export interface SwaponEvent {
  readonly type: 'swapon';
  readonly task: number;
  /** See {@link SlotFreeEvent.time}. */
  readonly time: number;
  /** Index of the area. */
  readonly swapType: number;
  /** Path of its device, `'/dev/ramzswap0'`. */
  readonly device: string;
  /** Usable slots. */
  readonly pages: number;
  /** Priority, negative when the kernel chose it. */
  readonly priority: number;
}

/** An area was switched off. @kernel mm/swapfile.c sys_swapoff */
export interface SwapoffEvent {
  readonly type: 'swapoff';
  readonly task: number;
  /** See {@link SlotFreeEvent.time}. */
  readonly time: number;
  /** Index of the area. */
  readonly swapType: number;
  /** Path of its device. */
  readonly device: string;
}

/** A line for the kernel log. @kernel kernel/printk.c printk */
export interface PrintkEvent {
  readonly type: 'printk';
  readonly task: number;
  /** See {@link SlotFreeEvent.time}. */
  readonly time: number;
  /** One of the `KERN_` levels. */
  readonly level: number;
  readonly text: string;
}

/** Anything a machine tells, told apart by `type`. */
export type KernelEvent = SlotFreeEvent | SwaponEvent | SwapoffEvent | PrintkEvent;

/** `type` of an event. */
export type KernelEventType = KernelEvent['type'];

/** All types of events, in order of their numbers. */
export const KERNEL_EVENT_TYPES: readonly KernelEventType[] = ['slotFree', 'swapon', 'swapoff', 'printk'];

/** Number of `'slotFree'` in a record. */
export const TRACE_SLOT_FREE = 0;
/** Number of `'swapon'` in a record. */
export const TRACE_SWAPON = 1;
/** Number of `'swapoff'` in a record. */
export const TRACE_SWAPOFF = 2;
/** Number of `'printk'` in a record. */
export const TRACE_PRINTK = 3;

/** Log level: somebody must act at once. @kernel KERN_ALERT, 2.6.34 */
export const KERN_ALERT = 1;
/** Log level: an error. @kernel KERN_ERR, 2.6.34 */
export const KERN_ERR = 3;
/** Log level: a warning; the level of a text that names none. @kernel KERN_WARNING and DEFAULT_MESSAGE_LOGLEVEL, 2.6.34 */
export const KERN_WARNING = 4;
/** Log level: normal but significant. @kernel KERN_NOTICE, 2.6.34 */
export const KERN_NOTICE = 5;
/** Log level: information. @kernel KERN_INFO, 2.6.34 */
export const KERN_INFO = 6;
/** Log level: for developers. @kernel KERN_DEBUG, 2.6.34 */
export const KERN_DEBUG = 7;

/**
 * The bits of a set of event types.
 * @param types - any types
 * @returns bit `1 << number` for each of them
 */
export function eventMask(types: readonly KernelEventType[]): number {
  let mask = 0;
  for (const type of types) mask |= 1 << KERNEL_EVENT_TYPES.indexOf(type);
  return mask;
}
