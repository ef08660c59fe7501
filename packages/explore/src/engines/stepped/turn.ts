/**
 * What the parts of the stepped engine share while it plays: the points of the twin, and who runs.
 */
import type { Session } from '../session.js';

/** The state of the points of the twin, as the engine sees it; see `src-stepped/point.ts` of kernel-mm. */
export interface SteppedPoints {
  /** Points until the next decision. */
  n: number;
  install(engine: { decide(kind: number, object: number, site: number): boolean } | null): void;
}

/** Who runs, and who runs next. */
export interface Turn {
  /** Null between jobs. */
  points: SteppedPoints | null;
  session: Session | null;
  task: number;
  /** What the core answered last. */
  next: number;
}
