/**
 * The report of a failure that an open engine has found or played: with the places of its points and the lines of the source, as far as they are
 * there.
 */
import { buildReport, type ReportedSchedule } from '../report/build.js';
import type { ReportModel } from '../report/model.js';
import type { OpenScenario } from './open-scenario.js';
import {
  KEEP_HASHES,
  KEEP_PLACES,
  KEEP_TRACE,
  WATCH_RACES,
  type Engine,
  type Place,
} from '../engines/job.js';
import { replayOnce } from './schedule.js';

/** What a report says besides. */
export interface ReportContext {
  /** Of the exploration; null when a token was played. */
  readonly seed: number | null;
  /** What a user types to play it again. */
  readonly command: string;
  /** `WATCH_` bits, as it was found. */
  readonly flags: number;
}

/**
 * Makes the report of a failure.
 * @param opened - the engine that has found it, or another one for the same scenario; not closed
 * @param finding - the failure
 * @param context - what is to be said besides
 */
export async function reportOf(
  opened: Pick<OpenScenario, 'engine' | 'scenario' | 'module'>,
  finding: ReportedSchedule,
  { seed, command, flags }: ReportContext,
): Promise<ReportModel> {
  const { engine, scenario, module } = opened;
  const { Sources } = await import('../engines/threads/sources.js');
  const sources = new Sources(module);
  const placed = await withPlaces(engine, finding, flags);
  if (placed !== null) sources.addPlaces(placed.places);
  return buildReport({
    finding: placed === null ? finding : { ...finding, ...placed.replayed },
    scenario,
    engine: engine.name,
    seed,
    command,
    describe: (address) => engine.describe(address),
    sites: sources.sites,
    readLine: (file, line) => sources.readLine(file, line),
  });
}

/** A schedule with the places of its points, where they have no sites. */
interface Placed {
  readonly replayed: Pick<ReportedSchedule, 'failure' | 'trace'>;
  readonly places: readonly Place[];
}

/** Plays a schedule of code that was not woven once more, looking at the stack of each point. */
async function withPlaces(engine: Engine, finding: ReportedSchedule, flags: number): Promise<Placed | null> {
  const { failure: found, trace: steps, dropped } = finding;
  if (engine.places === undefined || steps.every(({ site }) => site !== 0)) return null;
  const keep = KEEP_HASHES | KEEP_TRACE | KEEP_PLACES;
  // A race that was not looked for, since nothing without a site is, is none here either.
  for (const watched of [flags, flags & ~WATCH_RACES]) {
    const spec = { decisions: found.decisions, dropped };
    const { failure, trace } = await replayOnce(engine, spec, watched | keep);
    if (failure === null || failure.kind !== found.kind || trace.length !== steps.length) continue;
    return { replayed: { failure, trace }, places: await engine.places() };
  }
  return null;
}
