/**
 * Failing requests for page frames on purpose. @kernel mm/page_alloc.c fail_page_alloc, 2.6.34
 *
 * Promise: a request that is chosen gets nothing, before anything else is looked at; nobody reclaims for it. Either so many of the next requests
 * are, or some of all by a rule (`sync/fault-attr.ts`): parts of a million for requests that may wait, and for those that may not. The original
 * spares those that may wait unless it is told otherwise; a driver and the swap core must get along without either.
 *
 * One cell says what is chosen; while it is 0 asking costs a comparison. No lock: Atomics.
 */
import type { Layout } from '../arena/layout.js';
import { MisuseError } from '../errno.js';
import type { Cells } from '../sync/cells.js';
import type { Core } from '../sync/core.js';
import {
  ALWAYS_PPM,
  FaultAttrs,
  layoutFaultAttrs,
  TIMES_UNLIMITED,
  type FaultAttrsPlace,
} from '../sync/fault-attr.js';
import * as page from './page.js';

// A constant of this module is part of the code that uses it; an imported one is loaded and checked at each use.
const { GFP_BIT_WAIT } = page;
const BY_RULE = -1;
const ATOMIC = 0;
const WAITING = 1;
/** A frame counts as one byte against the rule's space: the rule knows pages only. */
const ONE_PAGE = 1;

/** Which requests for page frames fail; what is left out is never. */
export interface PageAllocFaults {
  /** Of a million requests that may not wait so many fail; 0 by default. */
  readonly atomic?: number;
  /** Of a million requests that may wait so many fail; 0 by default. @kernel ignore-gfp-wait */
  readonly waiting?: number;
  /** Only each so many-th request is a candidate; 1 by default. */
  readonly interval?: number;
  /** So many fail at most; any number by default. */
  readonly times?: number;
}

/**
 * Reserves the rule.
 * @param layout - not yet sealed
 */
export function layoutFailPageAlloc(layout: Layout): FaultAttrsPlace {
  return layoutFaultAttrs(layout, 'fail_page_alloc', 1);
}

/** Makes requests fail, for one thread. */
export class FailPageAlloc {
  private readonly cells: Cells;
  private readonly attrs: FaultAttrs;
  /** Byte address of a cell: how many of the next requests fail, or {@link BY_RULE}. */
  private readonly cell: number;

  /**
   * @param core - the running thread
   * @param place - from {@link layoutFailPageAlloc}
   * @param cell - byte address of a cell of the zone
   */
  constructor(core: Core, place: FaultAttrsPlace, cell: number) {
    this.cells = core.cells;
    this.attrs = new FaultAttrs(core, place);
    this.cell = cell;
  }

  /**
   * Decides the random numbers. Called once in the life of a machine, by its creator.
   * @param seed - of the machine
   */
  boot(seed: number): void {
    this.attrs.boot(seed);
  }

  /**
   * Lets the next requests fail, in place of what was asked for before.
   * @param requests - how many; 0 for none
   */
  failNext(requests: number): void {
    this.cells.atomicStore(this.cell, requests);
  }

  /**
   * Lets requests fail by a rule, in place of what was asked for before.
   * @param faults - the rule; null for none
   * @throws {@link MisuseError} `ERR_OUT_OF_RANGE`
   */
  setRule(faults: PageAllocFaults | null): void {
    if (faults === null) {
      this.cells.atomicStore(this.cell, 0);
      return;
    }
    const { atomic = 0, waiting = 0, interval = 1, times = TIMES_UNLIMITED } = faults;
    for (const rate of [atomic, waiting]) {
      if (Number.isInteger(rate) && rate >= 0 && rate <= ALWAYS_PPM) continue;
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `Of a million requests for pages ${rate} shall fail, but it must be 0 to ${ALWAYS_PPM}.`,
      );
    }
    this.attrs.setRule(0, { probability: [atomic, waiting], interval, times, space: 0 });
    this.cells.atomicStore(this.cell, BY_RULE);
  }

  /**
   * Whether a request shall fail. Any lock may be held.
   * @param gfp - `GFP_...`
   * @kernel mm/page_alloc.c should_fail_alloc_page, 2.6.34
   */
  shouldFailAllocPage(gfp: number): boolean {
    const { cells, cell } = this;
    for (;;) {
      const left = cells.atomicLoad(cell);
      if (left === BY_RULE)
        return this.attrs.shouldFail(0, (gfp & GFP_BIT_WAIT) === 0 ? ATOMIC : WAITING, ONE_PAGE);
      if (left <= 0) return false;
      if (cells.atomicCompareExchange(cell, left, left - 1) === left) return true;
    }
  }
}
