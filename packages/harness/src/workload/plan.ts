/**
 * How the steps of one swapper are divided into phases, and where its checkpoints are.
 *
 * Promises: the phases of a plan have exactly the asked-for number of ops in sum; the plans of all swappers of a run
 * have the same phases and the same number of checkpoints in each of them, so that checkpoint k means the same for
 * all of them; the end of every phase is a checkpoint, the last one comes after the last op.
 */

/** How many checkpoints a run has under each policy. */
export const CHECKPOINTS = 20;

/** The workloads there are. */
export const WORKLOAD_NAMES = ['phased', 'churn', 'fork', 'hot-cold', 'exit-storm', 'fork-storm'] as const;

/** The name of a workload. */
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

/** The phases of all workloads. */
export type PhaseName =
  | 'fill'
  | 'read'
  | 'rewrite'
  | 'free chunks'
  | 'free singly'
  | 'churn'
  | 'fork'
  | 'work'
  | 'exit storm'
  | 'fork storm'
  | 'read again'
  | 'free half'
  | 'free the rest';

/** A stretch of steps of one kind. */
export interface Phase {
  readonly name: PhaseName;
  /** The number of the first op of the phase, from 0 on. */
  readonly start: number;
  /** How many ops it has. */
  readonly ops: number;
  /** How many checkpoints it has, the one at its end included. */
  readonly checkpoints: number;
}

/** A place where all swappers stand still. */
export interface Checkpoint {
  /** How many ops of this swapper are done when it gets there. */
  readonly op: number;
  /** The phase it lies in or ends. */
  readonly phase: PhaseName;
  /** Whether the phase ends here. */
  readonly endsPhase: boolean;
}

/** The division of the steps of one swapper. */
export interface WorkloadPlan {
  readonly workload: WorkloadName;
  /** How many virtual pages each process of the swapper maps at most. */
  readonly pages: number;
  /** How many processes the swapper has at most at one time. */
  readonly processes: number;
  /** How many of them there are from the start. */
  readonly startsWith: number;
  /** How many ops the swapper has in all. */
  readonly ops: number;
  readonly phases: readonly Phase[];
  /** `CHECKPOINTS` of them, in order. */
  readonly checkpoints: readonly Checkpoint[];
}

/** Pages of a chunk that is freed in one call. */
export const CHUNK_PAGES = 64;

interface PhaseShape {
  readonly name: PhaseName;
  readonly checkpoints: number;
  /** How many ops the phase takes by itself, for a process of so many pages; null: it takes what is left over. */
  readonly natural: ((pages: number) => number) | null;
  /** Its part of what is left over, against the other phases that take from it. */
  readonly weight: number;
}

// The checkpoints of a workload add up to CHECKPOINTS. They do not depend on the number of ops: two swappers whose
// numbers of ops differ by one must still meet at the same ones.
const SHAPES: Readonly<Record<WorkloadName, readonly PhaseShape[]>> = {
  phased: [
    { name: 'fill', checkpoints: 2, natural: (pages) => pages, weight: 0 },
    { name: 'read', checkpoints: 3, natural: null, weight: 25 },
    { name: 'rewrite', checkpoints: 3, natural: null, weight: 20 },
    {
      name: 'free chunks',
      checkpoints: 1,
      natural: (pages) => Math.ceil(pages / 4 / CHUNK_PAGES),
      weight: 0,
    },
    { name: 'free singly', checkpoints: 2, natural: (pages) => pages / 4, weight: 0 },
    { name: 'churn', checkpoints: 3, natural: null, weight: 35 },
    { name: 'read again', checkpoints: 2, natural: null, weight: 20 },
    { name: 'free half', checkpoints: 2, natural: (pages) => pages / 4, weight: 0 },
    { name: 'free the rest', checkpoints: 2, natural: (pages) => pages / 4, weight: 0 },
  ],
  churn: [
    { name: 'fill', checkpoints: 3, natural: (pages) => pages, weight: 0 },
    { name: 'churn', checkpoints: 17, natural: null, weight: 1 },
  ],
  fork: [
    { name: 'fill', checkpoints: 3, natural: (pages) => pages, weight: 0 },
    { name: 'fork', checkpoints: 17, natural: null, weight: 1 },
  ],
  'hot-cold': [
    { name: 'fill', checkpoints: 3, natural: (pages) => pages, weight: 0 },
    { name: 'work', checkpoints: 11, natural: null, weight: 75 },
    { name: 'read again', checkpoints: 2, natural: null, weight: 25 },
    { name: 'free half', checkpoints: 2, natural: (pages) => pages / 2, weight: 0 },
    { name: 'free the rest', checkpoints: 2, natural: (pages) => pages / 2, weight: 0 },
  ],
  'exit-storm': [{ name: 'exit storm', checkpoints: 20, natural: null, weight: 1 }],
  'fork-storm': [{ name: 'fork storm', checkpoints: 20, natural: null, weight: 1 }],
};

/**
 * The first virtual page of those that a process of the workload `hot-cold` works with once it is filled: the last third, which was written last.
 *
 * @param pages - virtual pages of the process
 */
export function firstHotPage(pages: number): number {
  return pages - Math.ceil(pages / 3);
}

/** Processes of a swapper that forks; together they never need more slots than there are: two for each page the swapper may map. */
const FORK_PROCESSES = 4;
/** More than a map byte can count: where all of them share a swapped page, its count goes on in a page of its own. */
const FORK_STORM_PROCESSES = 72;
/** Processes of a swapper that fill up and exit, one right after the other. */
const EXIT_STORM_PROCESSES = 8;

/**
 * How many processes a swapper has at most at one time.
 *
 * @param workload - what it does
 */
export function processesOfSwapper(workload: WorkloadName): number {
  if (workload === 'fork') return FORK_PROCESSES;
  if (workload === 'fork-storm') return FORK_STORM_PROCESSES;
  return workload === 'exit-storm' ? EXIT_STORM_PROCESSES : 1;
}

/** How many virtual pages each process of a swapper maps at most; those that fork share most of theirs. */
function pagesOfProcess(workload: WorkloadName, pages: number): number {
  const processes = processesOfSwapper(workload);
  if (processes === 1) return pages;
  return Math.max(1, Math.floor((workload === 'exit-storm' ? pages : 2 * pages) / processes));
}

/**
 * How many of the ops of a run one swapper gets. The sum over all swappers is exactly `ops`.
 *
 * @param ops - the ops of the whole run
 * @param swappers - how many swappers there are
 * @param swapper - which one, from 0 on
 */
export function opsOfSwapper(ops: number, swappers: number, swapper: number): number {
  return Math.floor(ops / swappers) + (swapper < ops % swappers ? 1 : 0);
}

/**
 * Divides the steps of one swapper.
 *
 * Phases that free or fill take as many ops as they have pages to free or fill; the phases that read, rewrite and
 * churn share the rest. Where the ops are too few for that, the former get half of them, each in proportion.
 *
 * @param workload - which workload
 * @param pages - how many virtual pages the swapper may map, at least 1; a process of a swapper that has several has a part of them
 * @param ops - how many ops this swapper has; 0 is allowed and gives `CHECKPOINTS` checkpoints at op 0
 */
export function planWorkload(workload: WorkloadName, pages: number, ops: number): WorkloadPlan {
  const shapes = SHAPES[workload];
  const processes = processesOfSwapper(workload);
  const startsWith = workload === 'exit-storm' ? processes : 1;
  const ownPages = pagesOfProcess(workload, pages);
  const wanted = shapes.map((shape) =>
    shape.natural === null ? 0 : Math.max(1, Math.floor(shape.natural(ownPages))),
  );
  const fixed = sum(wanted);
  const room = Math.ceil(ops / 2);
  const counts = fixed <= room ? wanted : apportion(room, wanted);
  const shared = apportion(
    ops - sum(counts),
    shapes.map((shape) => shape.weight),
  );
  const phases: Phase[] = [];
  const checkpoints: Checkpoint[] = [];
  let start = 0;
  for (const [index, shape] of shapes.entries()) {
    const phaseOps = (counts[index] ?? 0) + (shared[index] ?? 0);
    phases.push({ name: shape.name, start, ops: phaseOps, checkpoints: shape.checkpoints });
    for (let number = 1; number <= shape.checkpoints; number++) {
      checkpoints.push({
        op: start + Math.floor((phaseOps * number) / shape.checkpoints),
        phase: shape.name,
        endsPhase: number === shape.checkpoints,
      });
    }
    start += phaseOps;
  }
  return { workload, pages: ownPages, processes, startsWith, ops, phases, checkpoints };
}

/** Divides a whole number in proportion to weights, without a rest: what rounding leaves goes to the last parts. */
function apportion(total: number, weights: readonly number[]): number[] {
  const all = sum(weights);
  let weightSoFar = 0;
  let given = 0;
  return weights.map((weight) => {
    weightSoFar += weight;
    const until = all === 0 ? 0 : Math.floor((total * weightSoFar) / all);
    const part = until - given;
    given = until;
    return part;
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
