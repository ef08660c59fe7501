/**
 * A scenario in words: what it is about, what came of it under each policy, and what was expected and did not come.
 *
 * Shared by the report for a terminal and the page. Pure: every sentence is in the document, or computed from it.
 */
import type { RunDocument } from '../run/document.js';
import { SCENARIOS } from '../scenarios/registry.js';
import { stalePages } from '../scenarios/frames-story.js';
import type { Scenario } from '../scenarios/scenario.js';

/** The scenario of a document; null for none, and for one that this version does not know. */
export function scenarioOfDocument({ options }: RunDocument): Scenario | null {
  const known: readonly Scenario[] = SCENARIOS;
  return known.find(({ name }) => name === options.scenario) ?? null;
}

/** What came of it under one policy. */
export interface PolicyWords {
  readonly policy: string;
  readonly sentences: readonly string[];
}

/**
 * The words of the scenario for each policy that has any.
 *
 * @param document - of a run
 */
export function scenarioWords({ policies }: RunDocument): PolicyWords[] {
  return policies.flatMap(({ policy, scenario }) =>
    scenario === null || scenario.explanation.length === 0
      ? []
      : [{ policy, sentences: scenario.explanation }],
  );
}

/**
 * What was expected of a policy and is not so.
 *
 * @param result - of the policy
 * @returns sentences
 */
export function failedExpectations({
  scenario,
}: Pick<RunDocument['policies'][number], 'scenario'>): string[] {
  const failed = scenario?.expectations.filter(({ holds }) => !holds) ?? [];
  return failed.map(({ sentence }) => `expected of the scenario ${scenario?.name ?? ''}: ${sentence}`);
}

/** The most page frames that a policy had at a checkpoint for slots that nobody needs. */
export function mostStalePages({ samples }: Pick<RunDocument['policies'][number], 'samples'>): number {
  return samples.reduce((most, sample) => (sample.quiescent ? Math.max(most, stalePages(sample)) : most), 0);
}

/** A sentence that begins in lower case, to stand alone. */
export function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
