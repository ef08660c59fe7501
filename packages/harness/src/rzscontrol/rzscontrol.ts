/**
 * rzscontrol: the driver's own tool, on a machine of ours.
 *
 * Promise: it does what the tool of the device's own version did, and through the ioctl interface only: opens the device, then backing swap, memory
 * limit, disk size, init, reset, statistics, whatever the order in which they were asked for. The first that fails ends it, and what was done before
 * stays done.
 *
 * On a machine of 2.6.35, whose interface has other numbers and no backing swap, it is the tool of 2.6.35: asking for a backing swap or a
 * memory limit is then an ioctl that does not exist.
 *
 * A device is opened for reading only, which claims nothing: so a device that is swapped to, or not initialised, can be asked like any other.
 */
import { errnoName, MisuseError, type MachineView } from '@swaplab/kernel-mm';
import {
  ioctlNumbers,
  kilobytesArgument,
  nameArgument,
  parseStats,
  ramzswapOf,
  STATS_BYTES_2_6_34,
  STATS_BYTES_2_6_35,
  type IoctlInterface,
  type IoctlStats,
  type RamzswapDevice,
} from '@swaplab/ramzswap';

import type { RzscontrolRequest } from './arguments.js';

/** What was done, and what was not. */
export interface RzscontrolOutcome {
  /** The statistics, when they were asked for and could be had. */
  readonly stats: IoctlStats | null;
  /** What failed; null when nothing did. */
  readonly failure: RzscontrolFailure | null;
  /** Whether the device was asked for anything that may have changed it. */
  readonly changed: boolean;
}

/** A step that failed. */
export interface RzscontrolFailure {
  /** The path of the device, or the name of the step: `backing_swap`, `memlimit_kb`, `disksize_kb`, `init`, `reset`, `stats`. */
  readonly what: string;
  /** Name of the error: `'EBUSY'`. */
  readonly errno: string;
}

/**
 * Which interface the devices of a machine have.
 *
 * @param view - of the machine
 */
export function interfaceOf(view: MachineView): IoctlInterface {
  return view.kernel.config.profile === '2.6.35' ? '2.6.35' : '2.6.34';
}

/**
 * Asks a device for its statistics, as a program does.
 *
 * @param device - initialised or not
 * @param version - its interface
 * @returns the statistics, or a negative errno
 */
export function ioctlStats(device: RamzswapDevice, version: IoctlInterface): IoctlStats | number {
  const bytes = new Uint8Array(version === '2.6.35' ? STATS_BYTES_2_6_35 : STATS_BYTES_2_6_34);
  const result = device.ioctl(ioctlNumbers(version).RZSIO_GET_STATS, bytes);
  return result < 0 ? result : parseStats(bytes, version);
}

/**
 * Does what is asked.
 *
 * @param view - of a machine that has ramzswap; it may wait
 * @param request - from `parseRzscontrol`
 * @param say - told each step that is done, when the request is verbose
 */
export function rzscontrol(
  view: MachineView,
  request: RzscontrolRequest,
  say: (line: string) => void,
): RzscontrolOutcome {
  const device = openDevice(view, request.device);
  if (device === null)
    return { stats: null, failure: { what: request.device, errno: 'ENOENT' }, changed: false };
  const version = interfaceOf(view);
  const numbers = ioctlNumbers(version);
  const { backingSwap, memlimitKb, disksizeKb } = request;
  const steps: { readonly what: string; readonly text: string; readonly run: () => number }[] = [];
  const add = (what: string, text: string, number: number, bytes?: Uint8Array): void => {
    steps.push({ what, text, run: () => device.ioctl(number, bytes) });
  };
  if (backingSwap !== null)
    add('backing_swap', backingSwap, numbers.RZSIO_SET_BACKING_SWAP, nameArgument(backingSwap));
  if (memlimitKb !== null)
    add('memlimit_kb', String(memlimitKb), numbers.RZSIO_SET_MEMLIMIT_KB, kilobytesArgument(memlimitKb));
  if (disksizeKb !== null)
    add('disksize_kb', String(disksizeKb), numbers.RZSIO_SET_DISKSIZE_KB, kilobytesArgument(disksizeKb));
  if (request.init) add('init', '', numbers.RZSIO_INIT);
  if (request.reset) add('reset', '', numbers.RZSIO_RESET);
  const changed = steps.length > 0;
  for (const { what, text, run } of steps) {
    if (request.verbose) say(`${request.device}: ${`${what} ${text}`.trimEnd()}`);
    const result = run();
    if (result < 0) return { stats: null, failure: { what, errno: errnoName(result) }, changed };
  }
  if (!request.stats) return { stats: null, failure: null, changed };
  if (request.verbose) say(`${request.device}: stats`);
  const stats = ioctlStats(device, version);
  if (typeof stats === 'number')
    return { stats: null, failure: { what: 'stats', errno: errnoName(stats) }, changed };
  return { stats, failure: null, changed };
}

/** The device of a path, null when there is none. */
function openDevice(view: MachineView, path: string): RamzswapDevice | null {
  try {
    return ramzswapOf(view).device(path);
  } catch (error) {
    if (error instanceof MisuseError) return null;
    throw error;
  }
}
