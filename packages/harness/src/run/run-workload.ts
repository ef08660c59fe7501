/**
 * The library's entry: one workload under several policies, on real threads.
 */
import { harvestPages } from '../pages/corpus.js';
import type { InjectedFault } from '../swappers/task.js';
import { RUN_SCHEMA, type PolicyResult, type RunDocument, type RunProgress } from './document.js';
import { completeRunOptions, repeatCommand, type PartialRunOptions } from './options.js';
import { runPolicy } from './run-policy.js';

/** What a run may be given besides its options. */
export interface RunContext {
  /** Ends the run; what was finished is kept. */
  readonly signal?: AbortSignal;
  /** Told at each checkpoint. */
  readonly onProgress?: (progress: RunProgress) => void;
  /** A fault put into the last swapper half way, to see how it is reported. */
  readonly fault?: InjectedFault | null;
}

/**
 * Runs one workload under each of the policies asked for, one after the other, with the same pages and the same steps.
 *
 * @param options - all may be left out; see `RunOptions` for the defaults
 * @param context - signal and progress
 * @returns the run document; with `interrupted` set and only the finished policies when the signal was aborted
 * @throws UsageError for impossible options, EnvironmentError when pages cannot be read, TimeLimitError when the time limit is reached or
 * nothing goes on any more, RunFailedError when a thread died or an invariant stopped the machine
 */
export async function runWorkload(
  options: PartialRunOptions = {},
  context: RunContext = {},
): Promise<RunDocument> {
  const complete = completeRunOptions(options);
  const { signal } = context;
  const interrupted = (): boolean => signal?.aborted === true;
  const { seed, swappers, profile, timeLimit } = complete.options;
  const started = performance.now();
  const corpus = harvestPages(complete.plan.pagesSpec, seed, complete.plan.corpusPages);
  const policies: PolicyResult[] = [];
  for (const [policyIndex, policy] of complete.options.policies.entries()) {
    if (interrupted()) break;
    try {
      policies.push(
        await runPolicy({
          policy,
          policyIndex,
          complete,
          corpus,
          timeLimit: Math.max(0, timeLimit - (performance.now() - started) / 1000),
          fault: context.fault ?? null,
          signal,
          onProgress: context.onProgress,
        }),
      );
    } catch (error) {
      // An interrupted policy is left out; what went before it is kept.
      if (!interrupted()) throw error;
    }
  }
  return {
    schema: RUN_SCHEMA,
    seed,
    swappers,
    profile,
    pagesHash: corpus.hash,
    policies,
    pagesDescription: corpus.description,
    options: complete.options,
    command: repeatCommand(complete.options),
    interrupted: interrupted(),
  };
}
