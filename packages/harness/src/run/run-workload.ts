/**
 * The library's entry: one workload under several policies, on real threads.
 */
import { TimeLimitError } from '../errors.js';
import { harvestPagesInTurns, keepPages, type PageCorpus } from '../pages/corpus.js';
import { pagesSpecOfPath } from '../pages/spec.js';
import { scenarioOf } from '../scenarios/registry.js';
import { kernelThreadsUnder } from '../swappers/kernel-thread.js';
import type { InjectedFault } from '../swappers/task.js';
import type { ChromeTrace } from '../trace-out/chrome-trace.js';
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
  /** Told when a policy is done: from here on its result is kept, whatever happens. */
  readonly onPolicyEnd?: (result: PolicyResult) => void;
  /** A fault put into the last swapper on its way, to see how it is reported. */
  readonly fault?: InjectedFault | null;
  /** A file in which the pages of the run are kept, so that `--pages` with it gives the same pages again. */
  readonly pagesOut?: string | null;
  /** A trace that the events of each policy go into, from `writeChromeTrace`; whoever began it ends it. */
  readonly trace?: ChromeTrace | null;
}

/**
 * Runs one workload under each of the policies asked for, one after the other, with the same pages and the same steps.
 *
 * @param options - all may be left out; see `RunOptions` for the defaults
 * @param context - signal and progress
 * @returns the run document; with `interrupted` set and only the finished policies when the signal was aborted
 * @throws UsageError for impossible options, EnvironmentError when pages cannot be read or kept, TimeLimitError when the time limit is reached or
 * nothing goes on any more, RunFailedError when a thread died or an invariant stopped the machine
 */
export async function runWorkload(
  options: PartialRunOptions = {},
  context: RunContext = {},
): Promise<RunDocument> {
  const complete = completeRunOptions(options);
  const { signal, pagesOut = null } = context;
  const interrupted = (): boolean => signal?.aborted === true;
  const { seed, swappers, profile, timeLimit } = complete.options;
  const started = performance.now();
  const corpus = await harvestWithin(complete, signal);
  const policies: PolicyResult[] = [];
  const document = (): RunDocument => ({
    schema: RUN_SCHEMA,
    seed,
    swappers,
    profile,
    pagesHash: corpus?.hash ?? '',
    policies,
    pagesDescription: corpus?.description ?? 'none: the run was interrupted before they were there',
    options: complete.options,
    command: commandOf(complete, corpus === null ? { ...context, pagesOut: null } : context),
    interrupted: interrupted(),
  });
  if (corpus === null) return document();
  if (pagesOut !== null) keepPages(corpus, pagesOut);
  const others =
    Math.max(...complete.options.policies.map((policy) => kernelThreadsUnder(policy).length)) +
    (scenarioOf(complete.options.scenario)?.hasThread === true ? 1 : 0);
  let threads = new SwapperThreads(swappers, others);
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
      trace: told.trace ?? null,
    });
  try {
    const warmUp = warmUpOf(complete);
    if (warmUp !== null) await run(complete.options.policies[0] ?? 'none', 0, warmUp, {});
    for (const [policyIndex, policy] of complete.options.policies.entries()) {
      if (interrupted()) break;
      const result = await run(policy, policyIndex, complete, context);
      policies.push(result);
      context.onPolicyEnd?.(result);
      if (result.stopped === null) continue;
      // Threads of a machine that stopped may still be anywhere in it.
      await threads.close();
      threads = new SwapperThreads(swappers, others);
    }
  } catch (error) {
    // An interrupted policy is left out; what went before it is kept.
    if (!interrupted()) throw error;
  } finally {
    await threads.close();
  }
  return document();
}

/** The pages of the run; null when it was interrupted before they were there. */
async function harvestWithin(
  { options, plan }: CompleteRunOptions,
  signal: AbortSignal | undefined,
): Promise<PageCorpus | null> {
  const limit = AbortSignal.timeout(Math.ceil(options.timeLimit * 1000));
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  try {
    return await harvestPagesInTurns(plan.pagesSpec, options.seed, plan.corpusPages, either);
  } catch (error) {
    if (signal?.aborted === true) return null;
    if (!limit.aborted) throw error;
    throw new TimeLimitError(
      `the time limit of ${String(options.timeLimit)} s was reached while pages were read`,
    );
  }
}

/** The command that repeats the run, from the pages that were kept, if they were. */
function commandOf({ options }: CompleteRunOptions, { fault = null, pagesOut = null }: RunContext): string {
  const pages = pagesOut === null ? options.pages : pagesSpecOfPath(pagesOut);
  return repeatCommand({ ...options, pages }) + (fault === null ? '' : ` --inject ${fault}`);
}

/** Steps of each thread before the first policy, when it is to be compared with others: what the compiler does at first would count for it. */
const WARM_UP_OPS = 2500;

/** The same kind of work on a small machine; null when there is nothing to compare, or too little work for it to matter. */
function warmUpOf(complete: CompleteRunOptions): CompleteRunOptions | null {
  const { policies, swappers, ops, codec, dictionary, workload, pages, seed, lockStats, spinlock } =
    complete.options;
  const warmUpOps = WARM_UP_OPS * swappers;
  if (policies.length < 2 || ops < 4 * warmUpOps) return null;
  return completeRunOptions({
    policies,
    swappers,
    ops: warmUpOps,
    codec,
    dictionary,
    workload,
    pages,
    seed,
    lockStats,
    spinlock,
  });
}
