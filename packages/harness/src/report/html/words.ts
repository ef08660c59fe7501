/**
 * What the names in a report mean, in one line each. A name that is not here is shown without an explanation.
 */
import { POLICY_FACTS, type PolicyFacts } from '../../run/policies.js';

// A document may come from another version: a policy need not be one of those that are known.
const POLICIES: Readonly<Record<string, PolicyFacts>> = POLICY_FACTS;

const PHASES: Readonly<Record<string, string>> = {
  fill: 'write every page once',
  read: 'read pages at random',
  rewrite: 'write pages at random: a page that comes in and changes gives its slot back',
  'free chunks': 'give back a quarter of the memory, 64 pages at a time',
  'free singly': 'give back a quarter, page by page',
  churn: 'drop pages and fill them again',
  work: 'read and write the third of the pages that was written last; the others stay untouched',
  'read again': 'read what is left, at random',
  'free half': 'give back half of what is left',
  'free the rest': 'give back everything',
  'exit storm': 'at each checkpoint all processes exit at once; then new ones fill up',
  'fork storm': 'processes fork until there are 72 of each family, share, write, and end',
  fork: 'processes split and share their pages until one of them writes',
};

const LOCKS: Readonly<Record<string, string>> = {
  swap_lock: 'One spinlock over all swap areas: every slot is given out and freed under it.',
  rzs_lock: 'The mutex of each compressed-RAM disk: pages are compressed under it, one at a time.',
};

/** The policies that are known here, in the order in which they have colours. */
export const POLICY_NAMES: readonly string[] = Object.keys(POLICIES);

/** What a policy is, as a sentence; empty when it is not known here. */
export function policyMeaning(policy: string): string {
  const meaning = POLICIES[policy]?.meaning ?? '';
  return meaning === '' ? '' : `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`;
}

/** What the processes do in a phase; empty when it is not known here. */
export function phaseMeaning(phase: string): string {
  return PHASES[phase] ?? '';
}

/** What a lock is for; empty when it is not known here. */
export function lockMeaning(lockClass: string): string {
  return LOCKS[lockClass] ?? '';
}

/** The class that gives a policy its colour, dashes and mark. */
export function policyClass(policy: string): string {
  const index = POLICY_NAMES.indexOf(policy);
  return `policy-${index < 0 ? 'other' : String(index)}`;
}
