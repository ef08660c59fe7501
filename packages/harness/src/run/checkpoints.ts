/**
 * The checkpoints of a run under one policy: what was seen at them, and telling of them while the run goes on.
 *
 * The leader of the swappers writes the samples into shared memory (`RunControl`); here the main thread reads them, at any time.
 */
import type { RunControl } from '../swappers/control.js';
import { CHECKPOINTS, type Checkpoint, type PhaseName } from '../workload/plan.js';
import type { RunProgress, Sample } from './document.js';
import type { CompleteRunOptions, RunPolicy } from './options.js';

/** A run that tells how far it is. */
export interface ReportedRun {
  readonly policy: RunPolicy;
  readonly policyIndex: number;
  readonly complete: CompleteRunOptions;
  readonly onProgress: ((progress: RunProgress) => void) | undefined;
}

const PROGRESS_EVERY_MS = 50;

/**
 * The phase that a run is in.
 *
 * @param checkpoints - of one lap
 * @param passed - how many of them are behind
 */
export function phaseAt(checkpoints: readonly Checkpoint[], passed: number): PhaseName {
  const last = checkpoints[checkpoints.length - 1];
  const phase = (checkpoints[passed] ?? last)?.phase;
  if (phase === undefined) throw new Error('a workload has no checkpoints');
  return phase;
}

/**
 * Tells of each checkpoint once it was passed, until it is stopped.
 *
 * @param run - what is run, and who wants to know
 * @param control - of the run
 * @param checkpoints - of one lap
 */
export function startReporting(
  run: ReportedRun,
  control: RunControl,
  checkpoints: readonly Checkpoint[],
): { stop(): void } {
  const { onProgress } = run;
  if (onProgress === undefined) return { stop: () => {} };
  const { policies, ops, duration } = run.complete.options;
  const tellOf = (index: number): void => {
    onProgress({
      policy: run.policy,
      policyIndex: run.policyIndex,
      policyCount: policies.length,
      checkpoint: (index % CHECKPOINTS) + 1,
      checkpoints: CHECKPOINTS,
      phase: phaseAt(checkpoints, index % CHECKPOINTS),
      opsDone: control.opsDone(),
      ops,
      lap: control.lap(),
      duration,
      sample: checkpointSample(control, checkpoints, index),
    });
  };
  let told = 0;
  let lastTime = -1;
  const tell = (): void => {
    const count = control.sampleCount();
    if (duration === null) {
      for (; told < count; told++) tellOf(told);
      return;
    }
    // Samples of laps are thinned out, so only the last one is told of. A lap that was not kept leaves an old one there for a moment.
    const time = count === 0 ? -1 : control.sample(count - 1).t;
    if (time <= lastTime) return;
    lastTime = time;
    tellOf(count - 1);
  };
  const timer = setInterval(tell, PROGRESS_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      tell();
    },
  };
}

function checkpointSample(control: RunControl, checkpoints: readonly Checkpoint[], index: number): Sample {
  // Each lap that is kept is whole, but for the last one.
  const phase = phaseAt(checkpoints, index % CHECKPOINTS);
  return { quiescent: true, phase, ...control.sample(index) };
}

/**
 * What was seen at checkpoints, while all stood still.
 *
 * @param control - of the run
 * @param checkpoints - of one lap
 */
export function exactSamples(control: RunControl, checkpoints: readonly Checkpoint[]): Sample[] {
  return Array.from({ length: control.sampleCount() }, (_, index) =>
    checkpointSample(control, checkpoints, index),
  );
}

/**
 * All samples in order of time. Those that were taken on the run through a lap whose exact ones are not kept are left out, too.
 *
 * @param running - taken while all ran
 * @param exact - from {@link exactSamples}
 */
export function samplesOf(running: readonly Sample[], exact: readonly Sample[]): Sample[] {
  const kept = new Set(exact.map(({ lap }) => lap));
  return [...running.filter(({ lap }) => kept.has(lap)), ...exact].sort((a, b) => a.t - b.t);
}
