/**
 * How fast the engines play schedules, and how soon they find what is wrong. Rates are those of one core: what counts is the time on processors of
 * the whole process, so that others on the machine disturb little; the threads engine is pinned to one core.
 *
 * On the code of the swap core and the driver, four threads with about 50 points each (`slot-turnover`):
 * - `engines.pct-threads`, `engines.pct-stepped`: schedules per second, PCT of depth 3;
 * - `engines.walk-threads`, `engines.walk-stepped`: millions of steps per second, random walk;
 * - `engines.detectors-threads`, `engines.detectors-stepped`: time of a PCT schedule with all detectors over that with none;
 * - `engines.hand-over`: what it costs on threads that another one goes on: a random walk over points without meaning, less the same points with
 *   hardly a switch, by the switches more;
 * - `engines.heap`: bytes by which the heap grows with each schedule, collections done: none;
 * - `engines.weave`: seconds to weave and compile both builds of all packages, in a copy of the repository.
 *
 * Against the records of native testers on the same workloads (`engines-peers.ts`):
 * - `engines.w1-...`, `engines.w2-...`: schedules per second of threads that add with a lock held;
 * - `engines.w2-search-2` to `-4`: schedules until the search is complete for so many preemptions, all lower bounds included; a search that does
 *   not say that it is complete fails;
 * - `engines.find-...`: schedules to the bug, the median of 200 seeds.
 *
 * Against the scheduler of fast-check, where it is installed, in the same run, on the same lost updates. The peer walks randomly:
 * - `engines.promises-stepped`: schedules per second, as random walks as well;
 * - `engines.promises-threads`: on real threads, where a switch costs most, with PCT of depth 3; what a random walk makes is told in a note;
 * - `engines.promises-find-stepped`, `engines.promises-find-threads`: milliseconds to the bug, schedules needed (the median of many seeds, which is
 *   the same in both engines) by schedules per second, with the same strategies.
 */
import { PCT, RANDOM_WALK, SURW, SURW_EVERYTHING, WATCH_ALL, type SearchReport } from '@swaplab/explore';
import { BenchThread } from './bench-thread.js';
import { comparedRow, measuredRow, skippedRow, type BenchPlan, type BenchRow } from './document.js';
import {
  LOOM,
  PEER_BUGS,
  PEER_RATES,
  PEER_SEARCHES,
  SHUTTLE,
  type PeerBug,
  type PeerStrategy,
} from './engines-peers.js';
import { threadsWindows } from './engines-threads.js';
import {
  bestWindow,
  millionStepsPerSecond,
  schedulesPerSecond,
  type EnginesRun,
  type EnginesSpan,
  type EnginesWindow,
} from './engines-window.js';
import type { EnginesHeap, EnginesOrder, EnginesSwitches } from './engines-worker.js';
import type { PromisesAnswer } from './fast-check-peer.js';
import type { BenchGroup, BenchSession } from './session.js';
import { weaveCopy, weaveRefusal } from './weave-copy.js';

const RATE = 'schedules/s';
const FOUND = 'schedules';

function atLeast(name: string, unit: string, value: number): BenchPlan {
  return { name: `engines.${name}`, unit, goal: { op: '>=', value } };
}

function atMost(name: string, unit: string, value: number): BenchPlan {
  return { name: `engines.${name}`, unit, goal: { op: '<=', value } };
}

const PCT_THREADS = atLeast('pct-threads', RATE, 15_000);
const PCT_STEPPED = atLeast('pct-stepped', RATE, 80_000);
const WALK_THREADS = atLeast('walk-threads', 'M steps/s', 0.15);
const WALK_STEPPED = atLeast('walk-stepped', 'M steps/s', 5);
const HAND_OVER = atMost('hand-over', 'us', 6);
const DETECTORS_THREADS = atMost('detectors-threads', 'ratio', 4);
const DETECTORS_STEPPED = atMost('detectors-stepped', 'ratio', 4);
const HEAP = atMost('heap', 'bytes', 1);
const WEAVE = atMost('weave', 's', 15);
const PROMISES_THREADS = atLeast('promises-threads', RATE, 1);
const PROMISES_STEPPED = atLeast('promises-stepped', RATE, 1);
const PROMISES_FIND_THREADS = atMost('promises-find-threads', 'ms', 1);
const PROMISES_FIND_STEPPED = atMost('promises-find-stepped', 'ms', 1);

const RATES = PEER_RATES.flatMap((peer) => [
  { peer, engine: 'stepped' as const, plan: atLeast(`${peer.name}-stepped`, RATE, peer.stepped) },
  ...(peer.threads === undefined
    ? []
    : [{ peer, engine: 'threads' as const, plan: atLeast(`${peer.name}-threads`, RATE, peer.threads) }]),
]);
const SEARCHES = PEER_SEARCHES.map((peer) => ({
  ...peer,
  plan: atMost(`w2-search-${String(peer.bound)}`, FOUND, 1),
}));
const BUGS = PEER_BUGS.flatMap((bug) =>
  (Object.keys(bug.shuttle) as PeerStrategy[]).map((strategy) => ({
    bug,
    strategy,
    plan: atMost(`find-${bug.name}-${strategy}`, FOUND, 1.5),
  })),
);

/** The group. Its measurement fails when a schedule does that should not, or a bug is not found. */
export const ENGINES_GROUP: BenchGroup = {
  plans: [
    PCT_THREADS,
    PCT_STEPPED,
    WALK_THREADS,
    WALK_STEPPED,
    HAND_OVER,
    DETECTORS_THREADS,
    DETECTORS_STEPPED,
    HEAP,
    ...RATES.map(({ plan }) => plan),
    ...SEARCHES.map(({ plan }) => plan),
    ...BUGS.map(({ plan }) => plan),
    PROMISES_THREADS,
    PROMISES_STEPPED,
    PROMISES_FIND_THREADS,
    PROMISES_FIND_STEPPED,
    WEAVE,
  ],
  measure: measureEngines,
};

const TURNOVER = 'slot-turnover';
const OWN_WORDS = 'own-words-4x50';
const UPDATES = 'updates-4x25';
const LOST_UPDATES = 'lost-updates-4x25';
const SEARCHED = 'sums-2x10';

/** Many short windows, of which the best is hardly disturbed. */
const SPAN: EnginesSpan = { warmUpMs: 2200, windows: 25, windowMs: 40 };
/** Each thread compiles for itself. */
const THREADS_SPAN: EnginesSpan = { ...SPAN, warmUpMs: 3500 };
const SEEDS = 200;
/** Far more schedules than any of the bugs needs. */
const FIND_LIMIT = 50_000;
const SEARCH_LIMIT = 1_000_000;
const SWITCH_SCHEDULES = 200;
const HEAP_WARM_UP = 20_000;
const HEAP_SCHEDULES = 100_000;
/** Of the peer, which is slow. */
const PROMISES_WINDOWS = 10;
const PROMISES_SCHEDULES = 100;
const PROMISES_SEEDS = 50;

const STRATEGIES: Readonly<Record<PeerStrategy, EnginesRun>> = {
  walk: { strategy: RANDOM_WALK, parameter: 0, flags: 0 },
  'pct-2': { strategy: PCT, parameter: 2, flags: 0 },
  'pct-3': { strategy: PCT, parameter: 3, flags: 0 },
  urw: { strategy: SURW, parameter: SURW_EVERYTHING, flags: 0 },
};
/** Random priorities without a change: each thread runs as long as it can. */
const HARDLY_A_SWITCH: EnginesRun = { strategy: PCT, parameter: 1, flags: 0 };
const WALK = STRATEGIES.walk;
const PCT_3 = STRATEGIES['pct-3'];
const WATCHED: EnginesRun = { ...PCT_3, flags: WATCH_ALL };

/**
 * Address of a workload; the engines go from there to the build they need.
 * @param name - of the scenario and its module
 */
export function workload(name: string): string {
  return new URL(`../dist/workloads/${name}.js`, import.meta.resolve('@swaplab/museum')).href;
}

async function measureEngines(session: BenchSession): Promise<void> {
  await measureRates(session);
  await measureAgainstShuttle(session);
  await measureSearches(session);
  await measureFinding(session);
  await measureAgainstPromises(session);
  await measureWeaving(session);
}

async function measureRates(session: BenchSession): Promise<void> {
  const { report, note } = session;
  const threads = await threadsBest(TURNOVER, PCT_3, session);
  report(measuredRow(PCT_THREADS, schedulesPerSecond(threads)));
  const stepped = await steppedBest(TURNOVER, PCT_3, session);
  report(measuredRow(PCT_STEPPED, schedulesPerSecond(stepped)));
  const walking = await threadsBest(TURNOVER, WALK, session);
  report(measuredRow(WALK_THREADS, millionStepsPerSecond(walking)));
  report(measuredRow(WALK_STEPPED, millionStepsPerSecond(await steppedBest(TURNOVER, WALK, session))));
  report(measuredRow(HAND_OVER, await handOver(session)));
  const watchedThreads = await threadsBest(TURNOVER, WATCHED, session);
  report(measuredRow(DETECTORS_THREADS, schedulesPerSecond(threads) / schedulesPerSecond(watchedThreads)));
  const watchedStepped = await steppedBest(TURNOVER, WATCHED, session);
  report(measuredRow(DETECTORS_STEPPED, schedulesPerSecond(stepped) / schedulesPerSecond(watchedStepped)));
  report(measuredRow(HEAP, await heapGrowth(session)));
  const wall = ({ schedules, wallUs }: EnginesWindow): string => ((schedules * 1e6) / wallUs).toFixed(0);
  note(
    `rates count the time on processors; by the clock the threads played ${wall(threads)} PCT schedules and ` +
      `${wall(walking)} random walks a second in their best windows, the stepped engine ${wall(stepped)} PCT schedules`,
  );
}

async function handOver(session: BenchSession): Promise<number> {
  const often = await threadsBest(OWN_WORDS, WALK, session);
  const rarely = await threadsBest(OWN_WORDS, HARDLY_A_SWITCH, session);
  const switches = (run: EnginesRun): Promise<number> =>
    withSteppedThread(OWN_WORDS, session, async (ask, module) => {
      const order = { kind: 'switches', module, run, schedules: SWITCH_SCHEDULES } as const;
      return ((await ask(order)) as EnginesSwitches).switches;
    });
  const time = ({ cpuUs, schedules }: EnginesWindow): number => cpuUs / schedules;
  return (time(often) - time(rarely)) / ((await switches(WALK)) - (await switches(HARDLY_A_SWITCH)));
}

function heapGrowth(session: BenchSession): Promise<number> {
  return withSteppedThread(TURNOVER, session, async (ask, module) => {
    const amounts = { before: HEAP_WARM_UP, schedules: HEAP_SCHEDULES };
    const answer = (await ask({ kind: 'heap', module, run: PCT_3, ...amounts })) as EnginesHeap;
    return answer.bytes / answer.schedules;
  });
}

async function measureAgainstShuttle(session: BenchSession): Promise<void> {
  for (const { peer, engine, plan } of RATES) {
    const run = STRATEGIES[peer.strategy];
    const best = await (engine === 'stepped' ? steppedBest : threadsBest)(peer.workload, run, session);
    session.report(comparedRow(plan, schedulesPerSecond(best), SHUTTLE, peer.shuttle));
  }
}

async function measureSearches(session: BenchSession): Promise<void> {
  for (const { bound, loom, plan } of SEARCHES) {
    const found = await withSteppedThread(SEARCHED, session, async (ask, module) => {
      const answer = await ask({ kind: 'search', module, bound, limit: SEARCH_LIMIT });
      return answer as SearchReport;
    });
    if (found.completed !== bound) {
      throw new Error(
        `The search of ${SEARCHED} says that it is complete for ${String(found.completed)} preemptions, not for ${String(bound)}.`,
      );
    }
    session.report(comparedRow(plan, found.schedulesInAll, LOOM, loom));
  }
}

async function measureFinding(session: BenchSession): Promise<void> {
  for (const bug of PEER_BUGS) {
    await withSteppedThread(bug.workload, session, async (ask, module) => {
      for (const { strategy, plan } of BUGS.filter((row) => row.bug === bug))
        session.report(await findingRow(plan, bug, strategy, ask, module));
    });
  }
}

async function findingRow(
  plan: BenchPlan,
  bug: PeerBug,
  strategy: PeerStrategy,
  ask: Ask,
  module: string,
): Promise<BenchRow> {
  const order = { kind: 'find', module, run: STRATEGIES[strategy], seeds: SEEDS, limit: FIND_LIMIT } as const;
  const found = (await ask(order)) as (number | null)[];
  return comparedRow(plan, median(found, bug.workload), SHUTTLE, bug.shuttle[strategy]);
}

async function measureAgainstPromises(session: BenchSession): Promise<void> {
  const { report, note } = session;
  const plans = [PROMISES_THREADS, PROMISES_STEPPED, PROMISES_FIND_THREADS, PROMISES_FIND_STEPPED];
  const peer = await withThread(session, async (ask) => {
    const amounts = { schedules: PROMISES_SCHEDULES, seeds: PROMISES_SEEDS, limit: FIND_LIMIT };
    return (await ask({ kind: 'promises', windows: PROMISES_WINDOWS, ...amounts })) as PromisesAnswer | null;
  });
  if (peer === null) {
    for (const plan of plans) report(skippedRow(plan, 'fast-check is not installed'));
    return;
  }
  const theirs = schedulesPerSecond(bestWindow(peer.windows));
  const theirNeed = median(peer.found, peer.name);
  const threads = schedulesPerSecond(await threadsBest(UPDATES, PCT_3, session));
  const walking = schedulesPerSecond(await threadsBest(UPDATES, WALK, session));
  const stepped = schedulesPerSecond(await steppedBest(UPDATES, WALK, session));
  report(comparedRow(PROMISES_THREADS, threads, peer.name, theirs));
  report(comparedRow(PROMISES_STEPPED, stepped, peer.name, theirs));
  const needs = await withSteppedThread(LOST_UPDATES, session, async (ask, module) => {
    const find = async (run: EnginesRun): Promise<number> => {
      const order = { kind: 'find', module, run, seeds: PROMISES_SEEDS, limit: FIND_LIMIT } as const;
      return median((await ask(order)) as (number | null)[], LOST_UPDATES);
    };
    return { pct: await find(PCT_3), walk: await find(WALK) };
  });
  const milliseconds = (need: number, rate: number): number => (1000 * need) / rate;
  const their = milliseconds(theirNeed, theirs);
  report(comparedRow(PROMISES_FIND_THREADS, milliseconds(needs.pct, threads), peer.name, their));
  report(comparedRow(PROMISES_FIND_STEPPED, milliseconds(needs.walk, stepped), peer.name, their));
  note(
    `lost updates, schedules a second and to the bug: ${peer.name} ${theirs.toFixed(0)} and ${String(theirNeed)}, ` +
      `random walks on threads ${walking.toFixed(0)} and ${String(needs.walk)}, PCT on threads ${threads.toFixed(0)} and ${String(needs.pct)}`,
  );
}

async function measureWeaving({ report, note, signal }: BenchSession): Promise<void> {
  const refusal = weaveRefusal();
  if (refusal !== null) {
    report(skippedRow(WEAVE, refusal));
    return;
  }
  const { wall, cpu } = await weaveCopy(signal);
  report(measuredRow(WEAVE, Math.min(wall, cpu ?? Infinity)));
  if (cpu !== null)
    note(
      `weaving took ${wall.toFixed(1)} s by the clock and ${cpu.toFixed(1)} s on processors; the less of the two counts`,
    );
}

async function threadsBest(name: string, run: EnginesRun, { signal }: BenchSession): Promise<EnginesWindow> {
  signal?.throwIfAborted();
  return bestWindow(await threadsWindows(workload(name), run, THREADS_SPAN));
}

function steppedBest(name: string, run: EnginesRun, session: BenchSession): Promise<EnginesWindow> {
  return withSteppedThread(name, session, async (ask, module) => {
    return bestWindow((await ask({ kind: 'windows', module, run, span: SPAN })) as EnginesWindow[]);
  });
}

type Ask = (order: EnginesOrder) => Promise<unknown>;

/** A thread of its own for each workload, in which the compiler has seen nothing else. */
function withSteppedThread<T>(
  name: string,
  session: BenchSession,
  body: (ask: Ask, module: string) => Promise<T>,
): Promise<T> {
  return withThread(session, (ask) => body(ask, workload(name)));
}

async function withThread<T>({ signal }: BenchSession, body: (ask: Ask) => Promise<T>): Promise<T> {
  const thread = new BenchThread<EnginesOrder>('engines-worker');
  try {
    return await body((order) => thread.ask(order, signal));
  } finally {
    await thread.end();
  }
}

/** The median; that a seed finds nothing means that something is broken. */
function median(found: readonly (number | null)[], what: string): number {
  const sorted = found.map((schedule) => {
    if (schedule === null) throw new Error(`${what}: the bug was not found in ${FIND_LIMIT} schedules.`);
    return schedule;
  });
  sorted.sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
