/**
 * Which part of a long run is drawn: the last lap that was done to its end. All laps have the same phases, so one of them shows what happens, and
 * the laps of all policies can be compared; what is said in words is of the whole run.
 */
import type { PolicyResult, RunDocument, Sample } from '../run/document.js';
import { CHECKPOINTS } from '../workload/plan.js';

/**
 * A document whose samples are those of the last whole lap.
 *
 * @param document - of any run; one of a single lap stays as it is
 */
export function withLastLaps(document: RunDocument): RunDocument {
  return { ...document, policies: document.policies.map(withLastLap) };
}

function withLastLap(result: PolicyResult): PolicyResult {
  const exact = result.samples.filter(({ quiescent }) => quiescent).sort((a, b) => a.t - b.t);
  const lap = lastWholeLap(exact);
  if (lap === null) return result;
  const inLap = (sample: Sample): boolean => sample.lap === lap;
  const { anatomy } = result;
  return {
    ...result,
    samples: result.samples.filter(inLap),
    // There is one for each exact sample.
    anatomy:
      anatomy === null
        ? null
        : {
            ...anatomy,
            checkpoints: anatomy.checkpoints.filter((_, index) => exact[index]?.lap === lap),
          },
  };
}

/** The number of the lap; null when there is only one, whole or not. */
function lastWholeLap(exact: readonly Sample[]): number | null {
  const samplesOf = new Map<number, number>();
  for (const { lap = 0 } of exact) samplesOf.set(lap, (samplesOf.get(lap) ?? 0) + 1);
  if (samplesOf.size < 2) return null;
  const whole = [...samplesOf].filter(([, samples]) => samples === CHECKPOINTS).map(([lap]) => lap);
  return whole.length === 0 ? null : Math.max(...whole);
}
