/**
 * What the strongest testers of schedules reach on the same workloads: Shuttle 0.9.3 and Loom 0.7.2, both native code (rustc 1.95, release), measured
 * on one core of an AMD EPYC (family 26) with their own API and unmodified sources. They are not run here: the figures are a record, and a
 * ratio to them means most on a machine like that one.
 */

/** How a peer is named in rows. */
export const SHUTTLE = 'Shuttle 0.9.3, recorded';
/** How a peer is named in rows. */
export const LOOM = 'Loom 0.7.2, recorded';

/** Strategies that Shuttle has as well. */
export type PeerStrategy = 'walk' | 'pct-2' | 'pct-3' | 'urw';

/** A bug, and the schedules that Shuttle needs until it sees it: the median of 20 seeds. */
export interface PeerBug {
  /** In names of rows. */
  readonly name: string;
  /** Workload of the museum. */
  readonly workload: string;
  readonly shuttle: Readonly<Record<PeerStrategy, number>>;
}

/** W3 and W3+. */
export const PEER_BUGS: readonly PeerBug[] = [
  {
    name: 'lost2',
    workload: 'lost-update-2',
    shuttle: { walk: 3, 'pct-2': 4, 'pct-3': 3, urw: 2 },
  },
  {
    name: 'lost4',
    workload: 'lost-update-4',
    shuttle: { walk: 1, 'pct-2': 5, 'pct-3': 3, urw: 1 },
  },
  {
    name: 'abba',
    workload: 'two-locks',
    shuttle: { walk: 3, 'pct-2': 7.5, 'pct-3': 3, urw: 2 },
  },
  {
    name: 'lost-w1',
    workload: 'sums-with-gap',
    shuttle: { walk: 4.5, 'pct-2': 63, 'pct-3': 49, urw: 3.5 },
  },
  {
    name: 'abba-w1',
    workload: 'sums-with-two-locks',
    shuttle: { walk: 6.5, 'pct-2': 375.5, 'pct-3': 211.5, urw: 6 },
  },
];

/** A workload without a bug, and the schedules per second that Shuttle plays of it: the median of seven runs. */
export interface PeerRate {
  /** In names of rows. */
  readonly name: string;
  readonly workload: string;
  readonly strategy: 'walk' | 'pct-3';
  readonly shuttle: number;
  /** The least ratio that is promised of the stepped engine, and of the threads engine when it is measured. */
  readonly stepped: number;
  readonly threads?: number;
}

/** W1, W1a, W2 and W2a. */
export const PEER_RATES: readonly PeerRate[] = [
  { name: 'w1-pct', workload: 'sums-4x25', strategy: 'pct-3', shuttle: 37_061, stepped: 2, threads: 0.5 },
  { name: 'w1-walk', workload: 'sums-4x25', strategy: 'walk', shuttle: 17_735, stepped: 0.5 },
  { name: 'w1a-pct', workload: 'atomic-sums-4x25', strategy: 'pct-3', shuttle: 20_570, stepped: 2 },
  { name: 'w2-pct', workload: 'sums-2x10', strategy: 'pct-3', shuttle: 132_268, stepped: 1 },
  { name: 'w2-walk', workload: 'sums-2x10', strategy: 'walk', shuttle: 106_271, stepped: 0.5 },
  { name: 'w2a-pct', workload: 'atomic-sums-2x10', strategy: 'pct-3', shuttle: 87_041, stepped: 1 },
];

/** Schedules after which Loom has completed W2 at a bound on preemptions. */
export const PEER_SEARCHES: readonly { readonly bound: number; readonly loom: number }[] = [
  { bound: 2, loom: 272 },
  { bound: 3, loom: 1636 },
  { bound: 4, loom: 8128 },
];
