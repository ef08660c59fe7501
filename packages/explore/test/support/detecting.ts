/** Playing scenarios of `test/scenarios` with the detectors on. */
import {
  openScenario,
  RANDOM_WALK,
  REPLAY,
  WATCH_ALL,
  type Failure,
  type Job,
  type JobResult,
} from '#src/index.js';

const SEED = 4;
const SCHEDULES = 60;

/**
 * Opens a form of a scenario, plays jobs, and closes it.
 * @param name - of the module
 * @param form - which form of it
 * @param jobs - one after the other
 */
export async function playForm(name: string, form: string, jobs: readonly Job[]): Promise<JobResult[]> {
  const module = new URL(`../scenarios/${name}.js?form=${encodeURIComponent(form)}`, import.meta.url);
  // The kernel intends some races, and its plain build does not say which.
  const races = name === 'pages' ? 'sited' : 'all';
  const { engine } = await openScenario(module, { races, pin: false });
  try {
    const results: JobResult[] = [];
    for (const job of jobs) results.push(await engine.run(job));
    return results;
  } finally {
    await engine.close();
  }
}

/** The threads one after the other, without any switch. */
export const IN_TURN: Job = {
  seed: SEED,
  first: 0,
  schedules: 1,
  milliseconds: 0,
  strategy: REPLAY,
  parameter: 0,
  flags: WATCH_ALL,
  decisions: [],
};

/** Some schedules by chance. */
export const BY_CHANCE: Job = {
  seed: SEED,
  first: 0,
  schedules: SCHEDULES,
  milliseconds: 0,
  strategy: RANDOM_WALK,
  parameter: 0,
  flags: WATCH_ALL,
};

/** What the detectors find in the schedule without switches, and else in some by chance. */
export async function findIn(name: string, form: string): Promise<Failure | null> {
  const [inTurn, byChance] = await playForm(name, form, [IN_TURN, BY_CHANCE]);
  return inTurn!.failure ?? byChance!.failure;
}
