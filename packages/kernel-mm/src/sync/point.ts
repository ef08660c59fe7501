/**
 * Points: where a schedule may switch threads.
 *
 * Promise: every visible operation (lock, unlock, atomic, wait, load or store of a shared cell) announces a point *before* it happens,
 * through the hook a thread was attached with. In the free way the hook is null and a point costs one comparison. The leaves that take a
 * point are tagged `@point`; their last parameter is the {@link Site}, filled in by the weaving build, {@link NOSITE} until then.
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

/** One of the `POINT_` constants. */
export type PointKind = number;

/**
 * Called before each visible operation.
 * @param kind - what is about to happen
 * @param object - byte address of the cell, lock or page
 * @param site - where in the source
 */
export type PointHook = (kind: PointKind, object: number, site: Site) => void;

/** Nanoseconds since some fixed moment, the same for all threads; under control, the step counter. */
export type Clock = () => number;
