/**
 * What a device driver is to a machine.
 *
 * Promise: a driver is a name, options that survive `postMessage`, and two functions. `layout` is called in every thread, in the same order,
 * before the layout is sealed; `attach` in every thread when all lower floors stand. It defines the driver's functions there, in the same
 * order in every thread. Only the view of the creating thread is booted.
 */
import type { Kernel, LaidOutPart } from './kernel.js';

/** One driver with its options; made by the driver's package. */
export interface Driver extends LaidOutPart {
  /** Unique in a machine: `'ramzswap'`. */
  readonly name: string;
  /** Plain data that survives `postMessage`; an attaching thread makes the driver from them again. */
  readonly options: unknown;
  /** Room its tables and the swap maps of its disks need, in bytes. */
  readonly tableBytes: number;
  /** Builds the view of one thread. */
  attach(kernel: Kernel): DriverView;
}

/** A driver as one thread sees it. */
export interface DriverView {
  /** Registers devices and notifiers. Called once in the life of a machine, in the creating thread. @kernel module_init */
  boot(): void;

  /** Does what needs the files on the disks, which are there after the last {@link boot}. Called once, in the creating thread. */
  filesMounted?(): void;
}

/**
 * Makes a driver from the options another thread used.
 * @param options - as in {@link Driver.options}
 */
export type DriverFactory = (options: never) => Driver;
