/**
 * The typed events of a machine, and the numbers that stand for their types in the rings.
 *
 * An event is a moment or a span. A span is told once, when it is over, and has the time at which it began: so what one cannot hear, because
 * nobody listened or the ring was full, is always whole spans.
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

/** A slot was taken: its map byte is not 0 any more. @kernel mm/swapfile.c scan_swap_map, 2.6.34 */
export interface SlotAllocEvent {
  readonly type: 'slotAlloc';
  /** Task that took it. */
  readonly task: number;
  /** See {@link SlotFreeEvent.time}. */
  readonly time: number;
  /** Index of the area. */
  readonly swapType: number;
  /** Slot in the area. */
  readonly slot: number;
}

/** A slot got one more user. @kernel mm/swapfile.c swap_duplicate, 2.6.34 */
export interface DuplicateEvent {
  readonly type: 'duplicate';
  readonly task: number;
  /** See {@link SlotFreeEvent.time}. */
  readonly time: number;
  /** Index of the area. */
  readonly swapType: number;
  /** Slot in the area. */
  readonly slot: number;
  /** Users it has now. */
  readonly count: number;
}

/** A process was ended because memory had run out. @kernel mm/oom_kill.c oom_kill_process, 2.6.34 */
export interface ProcessKilledEvent {
  readonly type: 'processKilled';
  /** Task that could not get a page. */
  readonly task: number;
  /** See {@link SlotFreeEvent.time}. */
  readonly time: number;
  /** Id of the address space that was ended. */
  readonly space: number;
}

/**
 * Something that took time: told once, when it is over. Spans of one task lie in each other or apart, but for those of locks, which may overlap in
 * any way.
 */
export interface SpanEvent {
  readonly task: number;
  /** When it began: ns of the machine's clock; without a clock, a number of the same series as those of {@link SlotFreeEvent.time}. */
  readonly since: number;
  /** When it was over. See {@link SlotFreeEvent.time}. */
  readonly time: number;
}

/** The device of an area was told that a slot is free, as the free-slot policy has it; where nobody is told there is no event. */
export interface NotifyEvent extends SpanEvent {
  readonly type: 'notify';
  /** Index of the area. */
  readonly swapType: number;
  /** Slot in the area. */
  readonly slot: number;
}

/** A page was written to its slot. @kernel mm/page_io.c swap_writepage and end_swap_bio_write, 2.6.34 */
export interface SwapOutEvent extends SpanEvent {
  readonly type: 'swapOut';
  /** Index of the area. */
  readonly swapType: number;
  /** Slot in the area. */
  readonly slot: number;
  /** 0 or a negative errno. */
  readonly error: number;
}

/** A page was read from its slot. @kernel mm/page_io.c swap_readpage and end_swap_bio_read, 2.6.34 */
export interface SwapInEvent extends SpanEvent {
  readonly type: 'swapIn';
  /** Index of the area. */
  readonly swapType: number;
  /** Slot in the area. */
  readonly slot: number;
  /** 0 or a negative errno. */
  readonly error: number;
}

/** Who reclaims: a task that needs pages itself, or the daemon. */
export type ReclaimedBy = 'direct' | 'kswapd';

/**
 * Pages were reclaimed. @kernel include/trace/events/vmscan.h mm_vmscan_direct_reclaim_begin, mm_vmscan_direct_reclaim_end,
 * mm_vmscan_kswapd_wake, mm_vmscan_kswapd_sleep, 2.6.36
 */
export interface ReclaimEvent extends SpanEvent {
  readonly type: 'reclaim';
  readonly by: ReclaimedBy;
  /** Pages wanted. */
  readonly target: number;
  /** Pages looked at. */
  readonly scanned: number;
  /** Pages freed. */
  readonly freed: number;
}

/** What a page fault had to do: nothing any more when another task had done it. */
export type PageFaultKind = 'anonymous' | 'minor' | 'major' | 'copyOnWrite' | 'none';

/** A page fault. @kernel mm/memory.c handle_pte_fault, 2.6.34 */
export interface FaultEvent extends SpanEvent {
  readonly type: 'fault';
  /** `'anonymous'` for a first touch, `'minor'` and `'major'` for a swap-in without and with a read, `'copyOnWrite'` for a write to a shared page. */
  readonly kind: PageFaultKind;
  /** Id of the address space. */
  readonly space: number;
  /** Virtual page number. */
  readonly vpn: number;
  /** Whether the access writes. */
  readonly write: boolean;
  /** 0 or a negative errno. */
  readonly error: number;
}

/** A lock was found taken, and waited for. @kernel include/trace/events/lock.h lock_contended, 2.6.34 */
export interface LockContendedEvent extends SpanEvent {
  readonly type: 'lockContended';
  /** Number of the class; `machine.lockClassName` has its name. */
  readonly lockClass: number;
  /** Byte address of the lock word. */
  readonly address: number;
}

/** A lock was held, from when it was taken until it was dropped. @kernel include/trace/events/lock.h lock_acquired and lock_release, 2.6.34 */
export interface LockHeldEvent extends SpanEvent {
  readonly type: 'lockHeld';
  /** Number of the class; `machine.lockClassName` has its name. */
  readonly lockClass: number;
  /** Byte address of the lock word. */
  readonly address: number;
}

/** A callback of a notifier chain ran. @kernel kernel/notifier.c notifier_call_chain, 2.6.34 */
export interface NotifierCallEvent extends SpanEvent {
  readonly type: 'notifierCall';
  /** Byte address of the head of the chain. */
  readonly chain: number;
  /** Byte address of the block whose callback it was. */
  readonly block: number;
  /** What the callback was told. */
  readonly action: number;
  /** What it answered, a `NOTIFY_` value. */
  readonly result: number;
}

/** Anything a machine tells, told apart by `type`. */
export type KernelEvent =
  | SlotFreeEvent
  | SwaponEvent
  | SwapoffEvent
  | PrintkEvent
  | SlotAllocEvent
  | DuplicateEvent
  | NotifyEvent
  | SwapOutEvent
  | SwapInEvent
  | ReclaimEvent
  | FaultEvent
  | LockContendedEvent
  | LockHeldEvent
  | NotifierCallEvent
  | ProcessKilledEvent;

/** `type` of an event. */
export type KernelEventType = KernelEvent['type'];

/** All types of events, in order of their numbers. */
export const KERNEL_EVENT_TYPES: readonly KernelEventType[] = [
  'slotFree',
  'swapon',
  'swapoff',
  'printk',
  'slotAlloc',
  'duplicate',
  'notify',
  'swapOut',
  'swapIn',
  'reclaim',
  'fault',
  'lockContended',
  'lockHeld',
  'notifierCall',
  'processKilled',
];

/** What a machine records until `machine.record` chooses otherwise. */
export const KERNEL_EVENT_TYPES_DEFAULT: readonly KernelEventType[] = [
  'slotFree',
  'swapon',
  'swapoff',
  'printk',
];

/** Number of `'slotFree'` in a record. */
export const TRACE_SLOT_FREE = 0;
/** Number of `'swapon'` in a record. */
export const TRACE_SWAPON = 1;
/** Number of `'swapoff'` in a record. */
export const TRACE_SWAPOFF = 2;
/** Number of `'printk'` in a record. */
export const TRACE_PRINTK = 3;
/** Number of `'slotAlloc'` in a record. */
export const TRACE_SLOT_ALLOC = 4;
/** Number of `'duplicate'` in a record. */
export const TRACE_DUPLICATE = 5;
/** Number of `'notify'` in a record. */
export const TRACE_NOTIFY = 6;
/** Number of `'swapOut'` in a record. */
export const TRACE_SWAP_OUT = 7;
/** Number of `'swapIn'` in a record. */
export const TRACE_SWAP_IN = 8;
/** Number of `'reclaim'` in a record. */
export const TRACE_RECLAIM = 9;
/** Number of `'fault'` in a record. */
export const TRACE_FAULT = 10;
/** Number of `'lockContended'` in a record. */
export const TRACE_LOCK_CONTENDED = 11;
/** Number of `'lockHeld'` in a record. */
export const TRACE_LOCK_HELD = 12;
/** Number of `'notifierCall'` in a record. */
export const TRACE_NOTIFIER_CALL = 13;
/** Number of `'processKilled'` in a record. */
export const TRACE_PROCESS_KILLED = 14;

/** The kinds of faults, in order of their numbers in a record. */
export const PAGE_FAULT_KINDS: readonly PageFaultKind[] = [
  'none',
  'anonymous',
  'minor',
  'major',
  'copyOnWrite',
];
/** Number of the kind `'none'`. */
export const PAGE_FAULT_NONE = 0;
/** Number of the kind `'anonymous'`. */
export const PAGE_FAULT_ANONYMOUS = 1;
/** Number of the kind `'minor'`. */
export const PAGE_FAULT_MINOR = 2;
/** Number of the kind `'major'`. */
export const PAGE_FAULT_MAJOR = 3;
/** Number of the kind `'copyOnWrite'`. */
export const PAGE_FAULT_COPY_ON_WRITE = 4;

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
