/**
 * The detectors on the kernel and the driver: silent where the code is right, and each loud where a variant is wrong. What is found does not
 * depend on the engine.
 */
import { expect } from 'chai';
import {
  KEEP_HASHES,
  openScenario,
  PORTFOLIO,
  WATCH_ALL,
  type Failure,
  type Job,
  type JobResult,
  type OpenOptions,
} from '@swaplab/explore';

/** Scenarios on the whole machine, and how many schedules of each are played here. */
const SOUND: Readonly<Record<string, number>> = {
  'device-reset': 40,
  'fork-and-exit': 40,
  'last-slot': 200,
  'slot-churn': 100,
  'slot-reads': 200,
  'slot-recycling': 200,
  'slot-writes': 200,
  'swap-storm': 40,
  'swapoff-under-load': 60,
  'two-devices': 40,
};

/** What the detectors find in faults that others wrote down: scenario, variant, kind, and what the sentence names. */
const FOUND: readonly (readonly [scenario: string, variant: string, kind: string, words: RegExp])[] = [
  ['slot-writes', 'd01', 'data race', /^Data race on vmalloc.* nothing orders the two\.$/],
  ['slot-reads', 'd01', 'data race', /^Data race on vmalloc.* nothing orders the two\.$/],
  ['slot-reads', 'd02', 'sleep in atomic', /^Sleeping in atomic context: taking a mutex/],
];

const JOB: Job = {
  seed: 6,
  first: 0,
  schedules: 300,
  milliseconds: 0,
  strategy: PORTFOLIO,
  parameter: 0,
  flags: WATCH_ALL,
};

async function play(scenario: string, options: OpenOptions, job: Job): Promise<JobResult> {
  const module = new URL(`../dist/scenarios/${scenario}.js`, import.meta.url);
  const { engine } = await openScenario(module, options);
  try {
    return await engine.run(job);
  } finally {
    await engine.close();
  }
}

describe('the detectors on the modelled kernel', () => {
  for (const [scenario, schedules] of Object.entries(SOUND)) {
    it(`find nothing in ${scenario}`, async () => {
      const result = await play(scenario, { engine: 'stepped' }, { ...JOB, schedules });
      expect(result.failure?.sentence).to.equal(undefined);
      expect(result.warnings).to.deep.equal([]);
      expect(result.schedules).to.equal(schedules);
    }).timeout(60_000);
  }

  for (const [scenario, variant, kind, words] of FOUND) {
    it(`find ${variant} in ${scenario}: ${kind}`, async () => {
      const { failure } = await play(scenario, { engine: 'stepped', variants: [variant] }, JOB);
      expect(failure?.kind).to.equal(kind);
      expect(failure?.sentence).to.match(words);
    }).timeout(60_000);
  }

  it('find the same at the same step in both engines', async () => {
    const job = { ...JOB, flags: WATCH_ALL | KEEP_HASHES };
    const failures: (Failure | null)[] = [];
    for (const engine of ['stepped', 'threads'] as const) {
      const { failure } = await play('slot-reads', { engine, variants: ['d01'] }, job);
      failures.push(failure);
    }
    const [stepped, threads] = failures;
    expect(stepped?.kind).to.equal('data race');
    for (const field of [
      'kind',
      'sentence',
      'schedule',
      'steps',
      'traceHash',
      'memoryHash',
      'thread',
    ] as const)
      expect(threads?.[field], field).to.equal(stepped?.[field]);
  }).timeout(60_000);
});
