/**
 * Whole operations in the plain build change nothing but the time: the stepped engine plays the same schedules with them and without, traces,
 * memory, failures and faults alike. (That both are what real threads do is in `equality.test.ts`.)
 */
import { FAULT_ALLOCATION, FAULT_IO, FAULT_SPURIOUS_WAKE } from '@swaplab/kernel-mm';
import {
  KEEP_HASHES,
  PCT,
  PORTFOLIO,
  SteppedEngine,
  type DefinedScenario,
  type Failure,
  type SteppedOptions,
} from '@swaplab/explore';
import { expect } from 'chai';
import { schedules } from './support/scenarios.js';

const SCHEDULES = 60;
const SEED = 21;
const ANY_SEED = Math.floor(Math.random() * 2 ** 32);
const LIMIT_MS = 60_000;
const ALL_FAULTS = (1 << FAULT_ALLOCATION) | (1 << FAULT_IO) | (1 << FAULT_SPURIOUS_WAKE);

interface Choice {
  readonly module: string;
  readonly variants?: readonly string[];
  readonly faults?: number;
  /** Whether some of its schedules fail. */
  readonly fails?: true;
}

const CHOICES: readonly Choice[] = [
  { module: 'workloads/slot-turnover' },
  { module: 'workloads/sums-4x25' },
  { module: 'workloads/sums-with-two-locks', fails: true },
  { module: 'scenarios/swap-storm' },
  { module: 'scenarios/swap-storm', faults: ALL_FAULTS, fails: true },
  { module: 'scenarios/fork-and-exit' },
  { module: 'scenarios/swapoff-under-load' },
  { module: 'scenarios/device-reset' },
  { module: 'scenarios/slot-writes', variants: ['d17'], fails: true },
];

type Scenario = DefinedScenario<unknown, unknown>;

async function load(module: string, build: 'sited' | 'stepped'): Promise<Scenario> {
  const address = new URL(
    `./dist-${build}/${module}.js`,
    import.meta.resolve('@swaplab/museum/package.json'),
  );
  return ((await import(address.href)) as { readonly default: Scenario }).default;
}

/** What is seen of some schedules. */
interface Seen {
  readonly hashes: readonly number[];
  readonly failures: readonly Partial<Failure>[];
}

describe('whole operations in the plain build', function () {
  this.timeout(LIMIT_MS);

  for (const { module, variants = [], faults = 0, fails = false } of CHOICES) {
    const how = [...variants, ...(faults === 0 ? [] : ['faults'])].join(', ');
    it(`change no schedule of ${module}${how === '' ? '' : ` (${how})`}, seeds ${SEED} and ${ANY_SEED}`, async () => {
      const twin = await load(module, 'stepped');
      const plain = await load(module, 'sited');
      let failures = 0;
      for (const seed of [SEED, ANY_SEED]) {
        for (const [strategy, parameter] of [
          [PCT, 3],
          [PCT, 1],
          [PORTFOLIO, 0],
        ] as const) {
          const alone = seenOf(twin, { variants, faults }, { strategy, parameter, seed });
          const whole = seenOf(twin, { variants, faults, plain }, { strategy, parameter, seed });
          expect(alone.hashes.length).to.equal(2 * SCHEDULES);
          expect(whole).to.deep.equal(alone);
          failures += alone.failures.length;
        }
      }
      expect(failures > 0).to.equal(fails);
    });
  }

  it('are what most of a schedule with few switches is made of', async () => {
    const twin = await load('workloads/slot-turnover', 'stepped');
    const engine = new SteppedEngine(twin, { plain: await load('workloads/slot-turnover', 'sited') });
    engine.runNow(schedules({ strategy: PCT, parameter: 3, seed: SEED, schedules: SCHEDULES }));
    // Four threads with three operations each; each of two changes falls into one of them, and others wait for it.
    expect(engine.wholeOperations()).to.be.greaterThan(4 * SCHEDULES);
  });

  it('are none without the plain build', async () => {
    const engine = new SteppedEngine(await load('workloads/slot-turnover', 'stepped'));
    engine.runNow(schedules({ strategy: PCT, parameter: 3, seed: SEED, schedules: SCHEDULES }));
    expect(engine.wholeOperations()).to.equal(0);
  });
});

/** Plays all schedules; a job ends at each that fails, and the next one goes on behind it. */
function seenOf(
  scenario: Scenario,
  options: SteppedOptions,
  job: { readonly strategy: number; readonly parameter: number; readonly seed: number },
): Seen {
  const engine = new SteppedEngine(scenario, options);
  const hashes: number[] = [];
  const failures: Partial<Failure>[] = [];
  for (let first = 0; first < SCHEDULES;) {
    const count = SCHEDULES - first;
    const result = engine.runNow({ ...schedules({ ...job, schedules: count }), first, flags: KEEP_HASHES });
    hashes.push(...result.hashes);
    first += result.schedules;
    if (result.failure === null) continue;
    // The report has the stack, whose files are those of the build.
    const { report: _report, ...failure } = result.failure;
    failures.push(failure);
  }
  return { hashes, failures };
}
