/**
 * The library's entry: one workload under several policies, on real threads.
 */
import { harvestPages } from '../pages/corpus.js';
import type { InjectedFault } from '../swappers/task.js';
import { RUN_SCHEMA, type PolicyResult, type RunDocument, type RunProgress } from './document.js';
import {
  completeRunOptions,
  repeatCommand,
  type CompleteRunOptions,
  type PartialRunOptions,
  type RunPolicy,
} from './options.js';
import { runPolicy } from './run-policy.js';
import { SwapperThreads } from './swapper-pool.js';

/** What a run may be given besides its options. */
export interface RunContext {
  /** Ends the run; what was finished is kept. */
  readonly signal?: AbortSignal;
  /** Told at each checkpoint. */
  readonly onProgress?: (progress: RunProgress) => void;
  /** A fault put into the last swapper on its way, to see how it is reported. */
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
  const { signal, fault = null } = context;
  const interrupted = (): boolean => signal?.aborted === true;
  const { seed, swappers, profile, timeLimit } = complete.options;
  const started = performance.now();
  const corpus = harvestPages(complete.plan.pagesSpec, seed, complete.plan.corpusPages);
  const policies: PolicyResult[] = [];
  const threads = new SwapperThreads(swappers);
  const run = (
    policy: RunPolicy,
    policyIndex: number,
    what: CompleteRunOptions,
    told: RunContext,
  ): Promise<PolicyResult> =>
    runPolicy({
      policy,
      policyIndex,
      complete: what,
      corpus,
      threads,
      timeLimit: Math.max(0, timeLimit - (performance.now() - started) / 1000),
      fault: told.fault ?? null,
      signal,
      onProgress: told.onProgress,
    });
  try {
    const warmUp = warmUpOf(complete);
    if (warmUp !== null) await run(complete.options.policies[0] ?? 'none', 0, warmUp, {});
    for (const [policyIndex, policy] of complete.options.policies.entries()) {
      if (interrupted()) break;
      policies.push(await run(policy, policyIndex, complete, context));
    }
  } catch (error) {
    // An interrupted policy is left out; what went before it is kept.
    if (!interrupted()) throw error;
  } finally {
    await threads.close();
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
    command: repeatCommand(complete.options) + (fault === null ? '' : ` --inject ${fault}`),
    interrupted: interrupted(),
  };
}

/** Steps of each thread before the first policy, when it is to be compared with others: what the compiler does at first would count for it. */
const WARM_UP_OPS = 2500;

/** The same kind of work on a small machine; null when there is nothing to compare, or too little work for it to matter. */
function warmUpOf(complete: CompleteRunOptions): CompleteRunOptions | null {
  const { policies, swappers, ops, codec, workload, pages, seed, lockStats } = complete.options;
  const warmUpOps = WARM_UP_OPS * swappers;
  if (policies.length < 2 || ops < 4 * warmUpOps) return null;
  return completeRunOptions({ policies, swappers, ops: warmUpOps, codec, workload, pages, seed, lockStats });
}
