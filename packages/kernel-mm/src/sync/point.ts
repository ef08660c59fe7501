/**
 * Points: where a schedule may switch threads, and what decides there.
 *
 * Promise: every visible operation (lock, unlock, atomic, wait, load or store of a shared cell) announces a point *before* it happens. In the
 * free way nobody listens, and a point costs one comparison or nothing. Under a chosen schedule a thread has a {@link Control}, which is asked
 * at each point and which stands in for every wait: a modelled lock then never blocks the thread that runs it.
 *
 * The leaves that take a point are tagged `@point`; their last parameter is the {@link Site}, filled in by the weaving build and {@link NOSITE}
 * without it. In the stepped build this file is replaced by `src-stepped/point.ts`: there the caller of a leaf takes its point, and
 * {@link block} and {@link giveWay} suspend the logical thread.
 */

/** Static id of a source location; 0 when the code was not woven. */
export type Site = number;

/** No site is known. */
export const NOSITE: Site = 0;

/** Kinds of visible operations. */
export const POINT_LOAD = 1;
export const POINT_STORE = 2;
export const POINT_ATOMIC = 3;
export const POINT_LOCK = 4;
export const POINT_UNLOCK = 5;
export const POINT_WAIT = 6;
export const POINT_WAKE = 7;
/** A chunk of page bytes or of a long scan that is not announced cell by cell. */
export const POINT_BYTES = 8;
/** A task that waits for somebody else's progress lets others go first. */
export const POINT_YIELD = 9;
/** A lock is taken if it is free: the task never waits for it. */
export const POINT_TRYLOCK = 10;

/** One of the `POINT_` constants. */
export type PointKind = number;

/**
 * Called before each visible operation.
 * @param kind - what is about to happen
 * @param object - byte address of the cell, lock or page
 * @param site - where in the source
 */
export type PointHook = (kind: PointKind, object: number, site: Site) => void;

/** A page frame is not to be had. */
export const FAULT_ALLOCATION = 1;
/** A transfer to or from a device fails. */
export const FAULT_IO = 2;
/** A task that waits is woken though nobody did it. */
export const FAULT_SPURIOUS_WAKE = 3;

/** One of the `FAULT_` constants. */
export type ChosenFault = number;

/**
 * What runs a thread under a chosen schedule. Of the threads that share a machine either all have one or none; only one of them runs at a time.
 */
export interface Control {
  /** Called before each visible operation; in the stepped build only to record it, and null when nobody wants to know. */
  readonly hook: PointHook | null;
  /**
   * The task cannot go on until somebody wakes the object; it looks again then. In the stepped build this only says so.
   * @param object - byte address of what it waits for
   * @param timed - whether the wait has a limit: when nobody else can run, time passes and it ends
   * @param site - where in the source
   */
  block(object: number, timed: boolean, site: Site): void;
  /** All tasks that wait for an object may look again. */
  wake(object: number): void;
  /** The task waits for others by looking again and again: lets them go first. In the stepped build this only says so. */
  giveWay(site: Site): void;
  /** Whether something is to go wrong here. */
  fault(kind: ChosenFault): boolean;
}

/**
 * Waits under control until an object is woken. @seed
 * @param control - of the running thread
 * @param object - byte address of what it waits for
 * @param timed - whether the wait has a limit
 * @param site - where in the source
 */
export function block(control: Control, object: number, timed: boolean, site: Site): void {
  control.block(object, timed, site);
}

/**
 * Lets others go first, under control. @seed
 * @param control - of the running thread
 * @param site - where in the source
 */
export function giveWay(control: Control, site: Site): void {
  control.giveWay(site);
}

/** The state of the points of the stepped build; there is none in the plain one. */
export const S: null = null;

/** Nanoseconds since some fixed moment, the same for all threads; under control, the step counter. */
export type Clock = () => number;
