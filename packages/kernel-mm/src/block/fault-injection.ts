/**
 * Failing requests on purpose, device by device. @kernel block/blk-core.c fail_make_request, 2.6.34
 *
 * Promise: a request that is chosen ends with -EIO before its driver sees it: nothing on the device changes, and nothing is read. Which ones are
 * chosen is decided by the rule of the device (`sync/fault-attr.ts`): parts of a million for reads, for writes and for discards, and the kernel's
 * other knobs. Beside the rule, so many of the next requests can be ordered to fail, whatever they are (`BlockDevices.failRequests`).
 *
 * A page that goes to its slot without a request, by the operations of an address space, is asked for in the same way (`vm/page-io.ts`).
 *
 * `makeItFail` of a device says whether anything may fail there at all; while it is 0, which is the rule, asking costs one comparison. No lock:
 * it is changed with Atomics, and an order that is just coming may miss a request that is just going.
 */
import { MisuseError } from '../errno.js';
import type { Layout } from '../arena/layout.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import { FAULT_IO, type Control } from '../sync/point.js';
import {
  ALWAYS_PPM,
  FaultAttrs,
  layoutFaultAttrs,
  TIMES_UNLIMITED,
  type FaultAttrsPlace,
} from '../sync/fault-attr.js';
import { BLOCK_DEVICE, BLOCK_DEVICES_MAX, FAIL_BY_ORDER, FAIL_BY_RULE, type BlockDevices } from './device.js';

/** Which requests to a device fail; what is left out is never. */
export interface IoFaults {
  /** Of a million reads so many fail; 0 by default. */
  readonly read?: number;
  /** Of a million writes so many fail; 0 by default. */
  readonly write?: number;
  /** Of a million discards so many fail; as many as of the writes by default. */
  readonly discard?: number;
  /** Only each so many-th request is a candidate; 1 by default. @kernel interval */
  readonly interval?: number;
  /** So many fail at most; any number by default. @kernel times */
  readonly times?: number;
  /** So many bytes pass before anything fails; 0 by default. @kernel space */
  readonly space?: number;
}

/** {@link IoFaults} for a device of a machine that is just made. */
export interface IoFaultsOfDevice extends IoFaults {
  /** Name of the device, `'ramzswap0'`. */
  readonly device: string;
}

/**
 * Reserves a rule for each device.
 * @param layout - not yet sealed
 */
export function layoutFailMakeRequest(layout: Layout): FaultAttrsPlace {
  return layoutFaultAttrs(layout, 'fail_make_request', BLOCK_DEVICES_MAX);
}

/**
 * Checks a rule.
 * @param faults - as given
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE`
 */
export function requireIoFaults(faults: IoFaults): void {
  const { read, write, discard, interval, times, space } = faults;
  requireNumber('read', read, 0, ALWAYS_PPM);
  requireNumber('write', write, 0, ALWAYS_PPM);
  requireNumber('discard', discard, 0, ALWAYS_PPM);
  requireNumber('interval', interval, 1, 0x7fff_ffff);
  requireNumber('times', times, 0, 0x7fff_ffff);
  requireNumber('space', space, 0, 0x7fff_ffff);
}

/** Makes requests fail, for one thread. */
export class FailMakeRequest {
  private readonly cells: Cells;
  private readonly devices: BlockDevices;
  private readonly attrs: FaultAttrs;
  private readonly control: Control | null;

  /**
   * @param core - the running thread
   * @param place - from {@link layoutFailMakeRequest}
   * @param devices - the registry
   */
  constructor(core: Core, place: FaultAttrsPlace, devices: BlockDevices) {
    this.cells = core.cells;
    this.devices = devices;
    this.control = core.context.options.control;
    this.attrs = new FaultAttrs(core, place);
  }

  /**
   * Decides the random numbers. Called once in the life of a machine, by its creator.
   * @param seed - of the machine
   */
  boot(seed: number): void {
    this.attrs.boot(seed);
  }

  /**
   * Sets the rule of a device, in place of the one before. Any thread may, at any time.
   * @param bdev - a device
   * @param faults - the rule; null for none
   * @throws {@link MisuseError} `ERR_OUT_OF_RANGE`
   */
  setRule(bdev: number, faults: IoFaults | null): void {
    if (faults === null) {
      this.cells.atomicAnd(bdev + BLOCK_DEVICE.makeItFail, ~FAIL_BY_RULE);
      return;
    }
    requireIoFaults(faults);
    const { read = 0, write = 0, interval = 1, times = TIMES_UNLIMITED, space = 0 } = faults;
    // In the order of the operations of a bio.
    const probability = [read, write, faults.discard ?? write];
    this.attrs.setRule(this.devices.indexOf(bdev), { probability, interval, times, space });
    this.cells.atomicOr(bdev + BLOCK_DEVICE.makeItFail, FAIL_BY_RULE);
  }

  /**
   * Whether a request shall fail; one that shall is counted. Any lock may be held.
   * @param bdev - the device it is for
   * @param operation - `BIO_READ`, `BIO_WRITE` or `BIO_DISCARD`
   * @param bytes - its length
   * @kernel block/blk-core.c should_fail_request, 2.6.34
   */
  shouldFailRequest(bdev: number, operation: number, bytes: number): boolean {
    // A plain look first: hardly any request fails, and an order that is just coming may miss this one.
    const why = this.cells.ld32(bdev + BLOCK_DEVICE.makeItFail);
    if (why !== 0 && this.isChosen(bdev, why, operation, bytes)) return true;
    if (this.control === null || !this.control.fault(FAULT_IO)) return false;
    this.devices.countInjected(bdev);
    return true;
  }

  private isChosen(bdev: number, why: number, operation: number, bytes: number): boolean {
    const index = this.devices.indexOf(bdev);
    const ordered = (why & FAIL_BY_ORDER) !== 0 && this.takeOrdered(bdev);
    if (!ordered && ((why & FAIL_BY_RULE) === 0 || !this.attrs.shouldFail(index, operation, bytes)))
      return false;
    this.devices.countInjected(bdev);
    return true;
  }

  /** Takes one of the failures that were ordered for a device. */
  private takeOrdered(bdev: number): boolean {
    const { cells } = this;
    for (;;) {
      const left = cells.atomicLoad(bdev + BLOCK_DEVICE.failNext);
      if (left === 0) return false;
      if (cells.atomicCompareExchange(bdev + BLOCK_DEVICE.failNext, left, left - 1) === left) return true;
    }
  }
}

function requireNumber(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
  throw new MisuseError(
    'ERR_OUT_OF_RANGE',
    `${name} of the requests that shall fail is ${value}, but must be an integer between ${least} and ${most}.`,
  );
}
