/**
 * A made-up run of the scenario `memory-squeeze`: under `none` stale data takes all frames half way and processes are killed from then on; under
 * `notify` nobody is.
 */
import type { PolicyResult, RunDocument, Sample, ScenarioResult } from '#src/run/document.js';
import { completeRunOptions, repeatCommand, type RunPolicy } from '#src/run/options.js';
import type { KillMoment } from '#src/scenarios/scenario.js';

import { sampleDocument, sampleResult } from '../cli/sample-document.js';

const PAGE = 4096;
const { options } = completeRunOptions({ scenario: 'memory-squeeze', seed: 42 });
/** Page frames of the machine. */
export const SQUEEZE_FRAMES = options.ram / PAGE;
const RESERVE = 120;
/** Checkpoint after which there are kills. */
export const FIRST_KILL_AFTER = 9;

const FIRST_KILL: KillMoment = {
  t: 0.95,
  live: 2800,
  stored: 7000,
  stale: 4200,
  comprBytes: 13_500_000,
  poolPages: SQUEEZE_FRAMES - RESERVE,
  freeFrames: RESERVE,
  residentPages: 0,
};

function squeezed(sample: Sample, index: number): Sample {
  const isDead = index > FIRST_KILL_AFTER;
  const poolPages = isDead ? SQUEEZE_FRAMES - RESERVE : Math.min(2400, 300 * index);
  const residentPages = isDead ? 0 : 960;
  return {
    ...sample,
    poolPages,
    residentPages,
    freeFrames: SQUEEZE_FRAMES - poolPages - residentPages,
    kills: isDead ? 900 * (index - FIRST_KILL_AFTER) : 0,
  };
}

function eased(sample: Sample): Sample {
  const poolPages = Math.round(sample.stored / 2);
  const residentPages = 960;
  return {
    ...sample,
    poolPages,
    residentPages,
    freeFrames: SQUEEZE_FRAMES - poolPages - residentPages,
    kills: 0,
  };
}

function scenarioOf(explanation: readonly string[], sentence: string, holds = true): ScenarioResult {
  return {
    name: 'memory-squeeze',
    explanation,
    expectations: [{ sentence, holds }],
    facts: {},
    swapons: 0,
    swapoffs: 0,
    swapoffErrors: {},
  };
}

function killed(): PolicyResult {
  const plain = sampleResult('none');
  return {
    ...plain,
    samples: plain.samples.map(squeezed),
    firstKill: FIRST_KILL,
    vm: { ...plain.vm, kills: 9000, scanned: 44_000, reclaimed: 33_000 },
    scenario: scenarioOf(
      ['9,000 processes were killed because no page frame could be had, <all> of them for stale slots.'],
      'processes are killed under none: 9,000 were',
    ),
  };
}

function spared(policy: RunPolicy, holds: boolean): PolicyResult {
  const plain = sampleResult(policy);
  return {
    ...plain,
    samples: plain.samples.map(eased),
    scenario: scenarioOf(
      ['no process was killed. When memory was shortest, 900 frames were free.'],
      `no process is killed under ${policy}: ${holds ? '0 were' : '1 was'}`,
      holds,
    ),
  };
}

/**
 * The document.
 *
 * @param told - policies besides `none`
 * @param holds - whether what is expected of them is so
 */
export function squeezeDocument(told: readonly RunPolicy[] = ['notify'], holds = true): RunDocument {
  return {
    ...sampleDocument([killed(), ...told.map((policy) => spared(policy, holds))]),
    options,
    command: repeatCommand(options),
  };
}
