/**
 * What controls one thread of the threads engine: it counts points, asks the schedule core when the count is through, and hands the baton over
 * when another thread is chosen.
 *
 * Promise: at a point where nobody else is chosen nothing happens but a subtraction and a comparison. From the moment a schedule has failed, points
 * and wake-ups of a thread that is unwound do nothing, and each wait throws {@link ScheduleAbandoned}; so `finally` blocks run, and change
 * nothing that was not described before.
 */
import type { Control, PointHook } from '@swaplab/kernel-mm';
import { NOBODY, STOPPED } from '../../core/schedule.js';
import { PHASE_UNWIND } from '../group.js';
import { KEEP_PLACES } from '../job.js';
import type { Session } from '../session.js';
import type { Baton } from './baton.js';
import type { Places } from './places.js';

/** Thrown through the code of a thread whose schedule is over. */
export class ScheduleAbandoned extends Error {
  override readonly name = 'ScheduleAbandoned';

  constructor() {
    super('This schedule is over.');
  }
}

/** The group was stopped: the thread is to end. */
export class GroupStopped extends Error {
  override readonly name = 'GroupStopped';

  constructor() {
    super('The group of threads was stopped.');
  }
}

/** Kind of the point that says that a task waits. */
const POINT_WAIT = 6;
const POINT_YIELD = 9;

/** Controls one thread. */
export class ThreadControl implements Control {
  readonly hook: PointHook;
  private readonly thread: number;
  private readonly baton: Baton;
  private session: Session | null = null;
  /** For points without a site, in schedules that are to be reported. */
  private readonly places: Places;
  private keepsPlaces = false;
  /** Points until the next decision. */
  private left = 0;
  /** Whether this thread is under control: not between schedules, nor while it is unwound. */
  private active = false;

  /**
   * @param thread - its number
   * @param baton - of the group
   * @param places - of this thread
   */
  constructor(thread: number, baton: Baton, places: Places) {
    this.thread = thread;
    this.baton = baton;
    this.places = places;
    this.hook = (kind, object, site) => this.point(kind, object, site);
  }

  /** Says with which session the thread works: it needs the view that this control was given to. */
  use(session: Session): void {
    this.session = session;
  }

  /** The body of the thread begins: from here on it is under control. */
  start(): void {
    const session = this.live();
    this.left = session.core.countdown;
    this.keepsPlaces = (session.flags() & KEEP_PLACES) !== 0;
    this.active = true;
  }

  /**
   * The body has ended well.
   * @returns who goes on, as `ScheduleCore.exit` says
   */
  exit(): number {
    const session = this.live();
    this.active = false;
    if (session.watch.isOn) session.watch.exit(this.thread);
    return session.core.exit(this.thread, this.left);
  }

  /** The body has failed, or was unwound: nothing is under control any more. */
  stop(): void {
    this.active = false;
  }

  /** What is left of the count, for reports. */
  remaining(): number {
    return this.left;
  }

  block(object: number, timed: boolean, site: number): void {
    if (!this.active) throw new ScheduleAbandoned();
    const session = this.live();
    const { watch, core } = session;
    if (watch.isOn) watch.step(this.thread, POINT_WAIT, object, this.placeOf(site));
    this.goOn(core.block(this.thread, object, timed, site, this.left));
    if (watch.isOn) watch.resume(this.thread, object);
  }

  wake(object: number): void {
    if (!this.active) return;
    const { core } = this.live();
    this.left = core.wake(object, this.left);
  }

  giveWay(site: number): void {
    if (!this.active) throw new ScheduleAbandoned();
    const { watch, core } = this.live();
    this.goOn(core.giveWay(this.thread, site, this.left));
    if (watch.isOn) watch.step(this.thread, POINT_YIELD, 0, this.placeOf(site));
  }

  fault(kind: number): boolean {
    if (!this.active) return false;
    const { core } = this.live();
    const happens = core.fault(kind, this.left);
    this.left = core.countdown;
    return happens;
  }

  private point(kind: number, object: number, site: number): void {
    if (!this.active) return;
    if (--this.left === 0) this.goOn(this.live().core.decide(this.thread, kind, object, site));
    const { watch } = this.live();
    if (watch.isOn) watch.step(this.thread, kind, object, this.placeOf(site));
  }

  /**
   * Goes on if this thread was chosen, else once it is.
   * @param next - what the core answered
   */
  private goOn(next: number): void {
    const session = this.live();
    if (next === this.thread) {
      this.left = session.core.countdown;
      return;
    }
    if (next === NOBODY || next === STOPPED) {
      session.nobodyRuns(next);
      this.abandon();
    }
    this.baton.hand(next);
    if (!this.baton.take()) {
      this.active = false;
      throw new GroupStopped();
    }
    if (session.phase() === PHASE_UNWIND) this.abandon();
    this.left = session.core.countdown;
  }

  /** The core goes by the sites alone, so that the same list of decisions fits. */
  private placeOf(site: number): number {
    return site === 0 && this.keepsPlaces ? this.places.here() : site;
  }

  private abandon(): never {
    this.active = false;
    throw new ScheduleAbandoned();
  }

  private live(): Session {
    return this.session!;
  }
}
