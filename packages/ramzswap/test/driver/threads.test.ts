import { randomInt } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { statDrift, walkTable } from '#src/driver/walk.js';
import { createTestMachine } from '../support/machine.js';
import { fill, type HammerOrder, type HammerReport } from './scenarios.js';

const SEEDS = [20100505, randomInt(2 ** 31)];
const THREADS = 2;
const ROUNDS = 12_000;
const LIMIT_MS = 15_000;

describe('ramzswap under several threads', () => {
  const workers: Worker[] = [];

  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
  });

  for (const seed of SEEDS) {
    it(`keeps contents, statistics and pool right (seed ${seed})`, async () => {
      const machine = createTestMachine({ diskPages: 200, ramBytes: 8 << 20 });
      const before = machine.frames.info().free;
      const gate = new Int32Array(new SharedArrayBuffer(4));
      const reports = await Promise.all(
        [0, 1].map((thread) =>
          run(
            {
              handle: machine.machine.handle,
              thread,
              threads: THREADS,
              rounds: ROUNDS,
              sharedSlots: 20,
              gate,
              seed,
            },
            workers,
          ),
        ),
      );
      const { device } = machine;
      const walk = walkTable(device);
      expect(walk.problems).to.deep.equal([]);
      expect(statDrift(device, walk)).to.deep.equal([]);
      expect(device.getStats()).to.deep.equal(device.readStats());
      const sum = (field: 'writes' | 'reads' | 'frees') =>
        reports.reduce((total, report) => total + report[field], 0);
      expect(device.readStats()).to.include({
        numWrites: sum('writes'),
        numReads: sum('reads'),
        notifyFree: sum('frees'),
        failedReads: 0,
        failedWrites: 0,
        invalidIo: 0,
      });
      const page = machine.takePage();
      const wanted = new Uint8Array(page.bytes.length);
      for (const [slot, pageSeed, noise] of reports.flatMap(({ owned }) => owned)) {
        expect(machine.transfer('read', slot, page)).to.equal(0);
        fill(wanted, pageSeed, noise);
        expect(Buffer.compare(wanted, page.bytes), `slot ${slot}`).to.equal(0);
      }
      machine.frames.freePage(page.page);
      for (let slot = 1; slot < device.slots(); slot++) device.slotFreeNotify(slot);
      expect(machine.frames.info().free).to.equal(before);
    });
  }

  it('survives RESET and INIT while others read and write', async () => {
    const machine = createTestMachine({ diskPages: 40, ramBytes: 8 << 20 });
    const before = machine.frames.info().free;
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const jobs = [0, 1].map((thread) =>
      runScenario<number>(
        'disturb',
        { handle: machine.machine.handle, thread, threads: 2, rounds: 1500, sharedSlots: 0, gate, seed: 5 },
        workers,
      ),
    );
    const [served, resets] = await Promise.all(jobs);
    expect(served).to.be.greaterThan(0);
    expect(resets).to.be.greaterThan(0);
    expect(walkTable(machine.device).problems).to.deep.equal([]);
    expect(statDrift(machine.device)).to.deep.equal([]);
    machine.device.reset();
    expect(machine.frames.info().free).to.equal(before + 1);
  });
});

function run(order: HammerOrder, workers: Worker[]): Promise<HammerReport> {
  return runScenario<HammerReport>('hammer', order, workers);
}

/** Runs a scenario in a thread; the thread ends with the test at the latest. */
function runScenario<T>(scenario: string, order: HammerOrder, workers: Worker[]): Promise<T> {
  const fromSource = import.meta.url.endsWith('.ts');
  const module = new URL(`./scenarios.${fromSource ? 'ts' : 'js'}`, import.meta.url).href;
  // Node 20 registers a loader in the main thread only, so a thread that runs from source registers its own.
  const loader = fromSource ? `(await import('tsx/esm/api')).register();` : '';
  const code = `(async () => {
    ${loader}
    const scenarios = await import(${JSON.stringify(module)});
    const { parentPort, workerData } = require('node:worker_threads');
    parentPort.postMessage(scenarios[${JSON.stringify(scenario)}](workerData));
  })();`;
  const worker = new Worker(code, { eval: true, workerData: order });
  workers.push(worker);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`a thread has not ended after ${LIMIT_MS} ms`)),
      LIMIT_MS,
    );
    worker.once('message', (report: T) => {
      clearTimeout(timer);
      resolve(report);
    });
    worker.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
