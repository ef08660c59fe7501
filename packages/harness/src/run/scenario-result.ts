/**
 * What came of a scenario under a policy: its expectations and its words, from the result of the policy.
 */
import { scenarioOf } from '../scenarios/registry.js';
import type { ScenarioSight } from '../scenarios/scenario.js';
import type { ScenarioCounts, SwapperResult } from '../swappers/task.js';
import type { PolicyResult, ScenarioResult } from './document.js';
import type { CompleteRunOptions } from './options.js';

/** What the threads of a run have counted for its scenario. */
export interface ScenarioFindings {
  /** Of its own thread; null without one. */
  readonly thread: ScenarioCounts | null;
  /** Of all swappers. */
  readonly swappers: readonly Pick<SwapperResult, 'facts'>[];
}

/** The result of a policy, but for what is made here. */
export type ResultBefore = Omit<PolicyResult, 'scenario'>;

/**
 * Puts the result of a policy into the words of its scenario.
 *
 * @param complete - options of the run
 * @param before - the result, without its scenario
 * @param findings - of the threads
 * @returns null when there is no scenario
 */
export function scenarioResultOf(
  { options, plan }: CompleteRunOptions,
  before: ResultBefore,
  { thread, swappers }: ScenarioFindings,
): ScenarioResult | null {
  const scenario = scenarioOf(options.scenario);
  if (options.scenario === null || scenario === null) return null;
  const facts = sumOfFacts([thread?.facts ?? {}, ...swappers.map((swapper) => swapper.facts)]);
  const done = {
    swapons: thread?.swapons ?? 0,
    swapoffs: thread?.swapoffs ?? 0,
    swapoffErrors: thread?.swapoffErrors ?? {},
  };
  const sight: ScenarioSight = {
    ...before,
    ...done,
    options,
    ownShape: plan.ownShape,
    faultsInjected: options.ioErrors !== null,
    facts,
  };
  return {
    name: options.scenario,
    explanation: scenario.explain(sight),
    expectations: scenario.expects?.(sight) ?? [],
    facts,
    ...done,
  };
}

function sumOfFacts(all: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const facts of all) {
    for (const [name, value] of Object.entries(facts)) sums[name] = (sums[name] ?? 0) + value;
  }
  return sums;
}
