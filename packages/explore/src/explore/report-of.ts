/**
 * The report of a failure that an open engine has found or played: with the places of its points and the lines of the source, as far as they are
 * there.
 */
import { buildReport, type ReportedSchedule } from '../report/build.js';
import type { ReportModel } from '../report/model.js';
import type { OpenScenario } from './explore.js';

/** What a report says besides. */
export interface ReportContext {
  /** Of the exploration; null when a token was played. */
  readonly seed: number | null;
  /** What a user types to play it again. */
  readonly command: string;
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
  { seed, command }: ReportContext,
): Promise<ReportModel> {
  const { engine, scenario, module } = opened;
  const { Sources } = await import('../engines/threads/sources.js');
  const sources = new Sources(module);
  return buildReport({
    finding,
    scenario,
    engine: engine.name,
    seed,
    command,
    describe: (address) => engine.describe(address),
    sites: sources.sites,
    readLine: (file, line) => sources.readLine(file, line),
  });
}
