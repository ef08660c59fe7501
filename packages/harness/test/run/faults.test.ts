/**
 * Runs that go wrong on purpose: each must end soon, say what was wrong in a sentence, and leave no thread behind.
 */
import { expect } from 'chai';

import {
  RunFailedError,
  runWorkload,
  TimeLimitError,
  type InjectedFault,
  type PartialRunOptions,
} from '@swaplab/harness';

import { Watchdog } from '#src/run/watchdog.js';

const SMALL: PartialRunOptions = {
  policies: ['none'],
  swappers: 3,
  ops: 1500,
  codec: 'none',
  pages: 'synthetic',
  seed: 2,
};

/** Runs until it fails. */
async function failureOf(
  options: PartialRunOptions,
  fault: InjectedFault,
): Promise<{ error: unknown; seconds: number }> {
  const started = performance.now();
  try {
    await runWorkload({ ...SMALL, ...options }, { fault });
  } catch (error) {
    return { error, seconds: (performance.now() - started) / 1000 };
  }
  throw new Error(`a run with the fault ${fault} did not fail`);
}

function expectNoThreadLeft(): void {
  const left = process.getActiveResourcesInfo();
  expect(left).to.not.include('MessagePort');
  expect(left).to.not.include('Worker');
}

describe('a swapper that dies with a lock held', () => {
  for (let attempt = 1; attempt <= 5; attempt++) {
    it(`is named in the report, with the lock and with those who wait for it (${String(attempt)} of 5)`, async () => {
      const { error, seconds } = await failureOf({ seed: attempt }, 'die-holding-lock');
      if (!(error instanceof RunFailedError)) throw error;
      expect(error.exitCode).to.equal(1);
      const [sentence, ...tasks] = error.message.split('\n');
      expect(sentence).to.match(/^swapper 2 ended while holding swap_lock \(/);
      expect(tasks.find((line) => line.includes('swapper 2 '))).to.match(/holds swap_lock\b/);
      expect(tasks.filter((line) => /swapper [01] /.test(line))).to.have.length(2);
      // Far below any limit: the others were told, they did not run into it.
      expect(seconds).to.be.lessThan(15);
      expectNoThreadLeft();
    }).timeout(30_000);
  }
});

describe('a swapper that never gives a lock back', () => {
  it('ends the run at the time limit, with lock, holder and waiters in the report', async () => {
    // A busy machine may need longer to come to the fault: then it gets longer.
    let report: { limit: number; error: unknown; seconds: number; tasks: readonly string[] } | null = null;
    for (const limit of [5, 15, 40]) {
      // Steps enough between two checkpoints that the others have pages to swap before they come to the next barrier.
      const failure = await failureOf({ timeLimit: limit, ops: 8000 }, 'never-unlock');
      const tasks = failure.error instanceof TimeLimitError ? failure.error.message.split('\n').slice(1) : [];
      report = { limit, ...failure, tasks };
      if (tasks.some((line) => line.includes('waits for swap_lock'))) break;
    }
    if (report === null) throw new Error('nothing was run');
    const { limit, error, seconds, tasks } = report;
    if (!(error instanceof TimeLimitError)) throw error;
    expect(error.exitCode).to.equal(124);
    expect(seconds).to.be.within(limit, limit + 10);
    expect(error.message.split('\n')[0]).to.equal(`the time limit of ${String(limit)} s was reached.`);
    const lineOf = (swapper: number): string =>
      tasks.find((line) => line.includes(`swapper ${String(swapper)} `)) ?? '';
    expect(lineOf(2)).to.match(/holds swap_lock for [\d.]+ m?s/);
    // The lock was taken while the others stood still, so they all went into it; one may wait for what another one holds, its page table say.
    const waits = /waits for swap_lock for [\d.]+ m?s/;
    expect(tasks.filter((line) => /swapper [01] /.test(line) && waits.test(line))).to.not.be.empty;
    expectNoThreadLeft();
  }).timeout(100_000);
});

describe('pages that change behind the back of their process', () => {
  it('are counted and described, and do not keep the run from its end', async () => {
    const document = await runWorkload({ ...SMALL, policies: ['notify'] }, { fault: 'damage-pages' });
    const [result] = document.policies;
    expect(result?.ops).to.equal(1500);
    expect(result?.integrityErrors).to.be.greaterThan(0);
    expect(result?.invariantErrors).to.equal(0);
    expect(result?.statDrift).to.equal(0);
    expect(document.command).to.match(/ --inject damage-pages$/);
    expect(result?.reports[0]).to.match(
      /^swapper 2: page \d+ of process \d+, version \d+: found (its own stamp, but 1 of 4096 bytes|\d+ of 4096 bytes)/,
    );
  }).timeout(20_000);
});

describe('an interrupted run', () => {
  it('keeps the policies that were finished and drops the one under way', async () => {
    const interrupt = new AbortController();
    const document = await runWorkload(
      { ...SMALL, policies: ['notify', 'none'], ops: 3000 },
      {
        signal: interrupt.signal,
        onProgress: ({ policyIndex, checkpoint }) => {
          if (policyIndex === 1 && checkpoint === 2) interrupt.abort(new Error('enough'));
        },
      },
    );
    expect(document.interrupted).to.equal(true);
    expect(document.policies.map(({ policy }) => policy)).to.deep.equal(['notify']);
    expect(document.policies[0]?.ops).to.equal(3000);
    expectNoThreadLeft();
  }).timeout(20_000);

  it('ends at once, and does not wait for steps that would take minutes', async () => {
    const interrupt = new AbortController();
    const document = await runWorkload(
      { ...SMALL, ops: 20_000_000, mapped: 1 << 20 },
      {
        signal: interrupt.signal,
        onProgress: () => {
          interrupt.abort();
        },
      },
    );
    expect(document.interrupted).to.equal(true);
    expect(document.policies).to.deep.equal([]);
    expectNoThreadLeft();
  }).timeout(20_000);

  it('does not start when it is interrupted before', async () => {
    const document = await runWorkload(SMALL, { signal: AbortSignal.abort() });
    expect(document.interrupted).to.equal(true);
    expect(document.policies).to.deep.equal([]);
  });

  it('does not listen to the signal any more when it is over', async () => {
    const interrupt = new AbortController();
    const document = await runWorkload({ ...SMALL, swappers: 1, ops: 200 }, { signal: interrupt.signal });
    interrupt.abort();
    expect(document.interrupted).to.equal(false);
    expect(document.policies).to.have.length(1);
  }).timeout(20_000);
});

describe('the watchdog', () => {
  const patience = { timeLimit: 3600, statedTimeLimit: 3600, stallLimit: 3600 };

  async function reasonOf(progress: () => number, limits: Partial<typeof patience>): Promise<string> {
    return new Promise((resolve) => {
      new Watchdog({ progress, expire: resolve }, { ...patience, ...limits });
    });
  }

  it('says that the time limit was reached, though there is progress', async () => {
    let steps = 0;
    const limits = { timeLimit: 0.25, statedTimeLimit: 7 };
    expect(await reasonOf(() => steps++, limits)).to.equal('the time limit of 7 s was reached');
  });

  it('says that nothing goes on any more', async () => {
    expect(await reasonOf(() => 5, { stallLimit: 0.25 })).to.equal('no swapper made any progress for 0.3 s');
  });

  it('is silent while there is progress, and after it was stopped', async () => {
    let steps = 0;
    const said: string[] = [];
    const expire = (reason: string): void => void said.push(reason);
    const busy = new Watchdog({ progress: () => steps++, expire }, { ...patience, stallLimit: 0.3 });
    const stopped = new Watchdog({ progress: () => 0, expire }, { ...patience, stallLimit: 0.1 });
    stopped.stop();
    await new Promise((resolve) => setTimeout(resolve, 800));
    busy.stop();
    expect(said).to.deep.equal([]);
    expect(steps).to.be.greaterThan(2);
  });
});
