/**
 * What each kind of event is called in a trace, and what is said about it.
 *
 * The texts are parts of JSON objects: `"cat":...,"name":...,"args":{...}`. They are made for hundreds of thousands of events, so they are put
 * together by hand; whatever is not a number or a word of ours goes through `JSON.stringify`.
 */
import type { KernelEvent, LockContendedEvent, LockHeldEvent } from '@swaplab/kernel-mm';

/** Events of a task itself, drawn on its own track. */
export type TaskEvent = Exclude<KernelEvent, LockContendedEvent | LockHeldEvent>;

/** What names things of the machine. */
export interface MachineNames {
  /** Name of a lock class. */
  lockClassName(lockClass: number): string;
  /** What lies at an address. */
  describeAddress(address: number): string;
}

/**
 * Describes an event of a task.
 *
 * @param event - any
 * @param names - of the machine it comes from
 */
export function textOfTaskEvent(event: TaskEvent, names: MachineNames): string {
  switch (event.type) {
    case 'slotAlloc':
      return `"cat":"swap","name":"slot alloc","args":{${slotText(event)}}`;
    case 'slotFree':
      return `"cat":"swap","name":"slot free","args":{${slotText(event)}}`;
    case 'duplicate':
      return `"cat":"swap","name":"duplicate","args":{${slotText(event)},"count":${event.count}}`;
    case 'notify':
      return `"cat":"notify","name":"notify","args":{${slotText(event)}}`;
    case 'swapOut':
      return `"cat":"io","name":"swap out","args":{${slotText(event)}${errorText(event.error)}}`;
    case 'swapIn':
      return `"cat":"io","name":"swap in","args":{${slotText(event)}${errorText(event.error)}}`;
    case 'reclaim':
      return (
        `"cat":"vm","name":"reclaim, ${event.by}",` +
        `"args":{"target":${event.target},"scanned":${event.scanned},"freed":${event.freed}}`
      );
    case 'fault':
      return (
        `"cat":"vm","name":"fault, ${FAULT_WORDS[event.kind]}",` +
        `"args":{"space":${placeText(event.space, names)},"page":${event.vpn},"write":${String(event.write)}${errorText(event.error)}}`
      );
    case 'notifierCall':
      return (
        `"cat":"notify","name":${placeText(event.chain, names)},` +
        `"args":{"block":${placeText(event.block, names)},"action":${event.action},"result":${event.result}}`
      );
    case 'swapon':
      return (
        `"cat":"swap","name":"swapon","args":{"area":${event.swapType},"device":${JSON.stringify(event.device)},` +
        `"slots":${event.pages},"priority":${event.priority}}`
      );
    case 'swapoff':
      return `"cat":"swap","name":"swapoff","args":{"area":${event.swapType},"device":${JSON.stringify(event.device)}}`;
    case 'printk':
      return `"cat":"log","name":"printk","args":{"level":${event.level},"text":${JSON.stringify(event.text)}}`;
    case 'processKilled':
      return `"cat":"vm","name":"process killed","args":{"space":${placeText(event.space, names)}}`;
  }
}

/**
 * Describes a wait for a lock, or holding one.
 *
 * @param event - either
 * @param name - of the class of the lock
 */
export function textOfLockEvent(event: LockContendedEvent | LockHeldEvent, name: string): string {
  return `"cat":"lock","name":"${name}","args":{"at":"0x${event.address.toString(16)}"}`;
}

/**
 * Whether an event is worth a line through the whole picture of its process.
 *
 * @param event - a moment
 */
export function isForAll(event: TaskEvent): boolean {
  return event.type === 'swapon' || event.type === 'swapoff' || event.type === 'processKilled';
}

const FAULT_WORDS = {
  none: 'nothing to do',
  anonymous: 'first touch',
  minor: 'minor',
  major: 'major',
  copyOnWrite: 'copy on write',
} as const;

function slotText({ swapType, slot }: { readonly swapType: number; readonly slot: number }): string {
  return `"area":${swapType},"slot":${slot}`;
}

function placeText(address: number, names: MachineNames): string {
  return JSON.stringify(names.describeAddress(address));
}

function errorText(error: number): string {
  return error === 0 ? '' : `,"error":${error}`;
}
