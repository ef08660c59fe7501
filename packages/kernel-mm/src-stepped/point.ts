/**
 * The points of the stepped build: stands for `sync/point.ts` in the twin that `tools/weave` makes of this package.
 *
 * In the twin every function that can reach a point is a generator, and the logical threads of a schedule are such generators in one JavaScript
 * thread. The caller of a leaf takes its point, in the last argument of the call:
 *
 *     cells.ld32(($S.o = address), (--$S.n === 0 && $S.next(KIND, SITE) && void (yield SITE as never), SITE))
 *
 * So a point costs a subtraction. Only where the countdown has come to its end is the engine asked, and only when it has chosen another thread
 * does the thread give way: whoever resumes it does the operation, as in the plain code.
 *
 * Callers keep: never end a half-run generator by `return()` or `throw()`, and put none into a loop or a spread: both would run its `finally`
 * blocks, which drop locks. To give a schedule up, forget its generators and put the memory back.
 */
import { MisuseError } from '#src/errno.js';
import type { Control, PointKind, Site } from '#src/sync/point.js';

export * from '#src/sync/point.js';

declare const yielded: unique symbol;

/** What a generator of the twin yields: the site it stands before. */
export type Yielded = Site & { readonly [yielded]: true };

/** A function that reaches a point, running: what functions of the twin return instead of `T`. */
export type Stepped<T> = Generator<Yielded, T, void>;

/** A countdown that never ends: what runs outside of schedules. The largest number that all engines keep as a small one, less a little. */
export const COUNTDOWN_OFF = 0x3fff_0000;

/** What decides at the points of the twin. One for all machines of a JavaScript thread, since only one of their threads runs at a time. */
export interface SteppedEngine {
  /**
   * The countdown of {@link SteppedState.n} has come to 0 at a point of the running thread, before its operation. The engine sets it anew.
   * @param kind - of the operation
   * @param object - byte address of its object
   * @param site - where in the source
   * @returns true when another thread was chosen: the running one is suspended there
   */
  decide(kind: PointKind, object: number, site: Site): boolean;
}

/** What the points of the twin share with the engine. */
export class SteppedState {
  /** Points until the engine is asked, counted down by each. */
  n: number = COUNTDOWN_OFF;
  /** Object of the operation that the last point stood before. */
  o = 0;
  /** What a fast path has returned; used within one expression. */
  g: Stepped<void> | undefined = undefined;
  private engine: SteppedEngine | null = null;

  /**
   * Says who decides from now on.
   * @param engine - null for nobody: every thread then runs on to its next wait
   */
  install(engine: SteppedEngine | null): void {
    this.engine = engine;
    this.n = COUNTDOWN_OFF;
  }

  /**
   * The countdown has come to 0.
   * @param kind - of the operation
   * @param site - where in the source
   * @returns true when the running thread gives way
   */
  next(kind: PointKind, site: Site): boolean {
    if (this.engine !== null) return this.engine.decide(kind, this.o, site);
    this.n = COUNTDOWN_OFF;
    return false;
  }
}

/** The state of this JavaScript thread. */
export const S: SteppedState = new SteppedState();

/**
 * Waits until an object is woken: says so, and suspends the thread. The engine resumes it when it was woken and chosen.
 * @param control - of the running thread
 * @param object - byte address of what it waits for
 * @param timed - whether the wait has a limit
 * @param site - where in the source
 */
export function* block(control: Control, object: number, timed: boolean, site: Site): Stepped<void> {
  control.block(object, timed, site);
  yield site as Yielded;
}

/**
 * Lets others go first: says so, and suspends the thread until it is chosen again.
 * @param control - of the running thread
 * @param site - where in the source
 */
export function* giveWay(control: Control, site: Site): Stepped<void> {
  control.giveWay(site);
  yield site as Yielded;
}

/**
 * Runs a function of the twin to its end, outside of schedules: nobody is asked at its points.
 * @param stepped - what the function returned; undefined for a fast path that had nothing to wait for
 * @returns what the plain function would have returned
 * @throws {@link MisuseError} `ERR_WOULD_BLOCK` when it had to wait for another thread
 */
export function drain<T>(stepped: Stepped<T> | undefined): T;
export function drain<T>(stepped: Stepped<T> | undefined): T | undefined {
  if (stepped === undefined) return undefined;
  const countdown = S.n;
  S.n = COUNTDOWN_OFF;
  try {
    const step = stepped.next();
    if (step.done === true) return step.value;
  } finally {
    S.n = countdown;
  }
  throw new MisuseError(
    'ERR_WOULD_BLOCK',
    'What runs outside of a schedule had to wait for another thread, and there is none.',
  );
}
