/**
 * What the tests of a run share: a run in one thread that can be stopped anywhere and looked into, and the command as a child process.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { attachMachine, createMachine, type Frames, type Kernel, type MachineView } from '@swaplab/kernel-mm';
import { ramzswap, ramzswapOf, type RamzswapDevice } from '@swaplab/ramzswap';

import { harvestPages } from '#src/pages/corpus.js';
import type { PolicyResult, Sample } from '#src/run/document.js';
import { completeRunOptions, type PartialRunOptions } from '#src/run/options.js';
import { RunControl } from '#src/swappers/control.js';
import { SAMPLES_KEPT } from '#src/swappers/laps.js';
import { Leader } from '#src/swappers/leader.js';
import { Swapper } from '#src/swappers/swapper.js';
import type { LeaderResult, SwapperTask } from '#src/swappers/task.js';

/** Enough pages to choose from, and soon made. */
const CORPUS_PAGES = 64;

/** A seed that no other run of the tests has; print it in the title of the test. */
export const randomSeed = Math.floor(Math.random() * 2 ** 32);

/** One swapper, who leads, in the calling thread: the parts of a run, to be driven by hand. */
export class SoloRun {
  readonly view: MachineView;
  readonly kernel: Kernel;
  readonly frames: Frames;
  /** The first disk. */
  readonly device: RamzswapDevice;
  /** Byte address of the counters of some of its slots: those under its first table lock. */
  readonly statsAddress: number;
  readonly control = new RunControl(1, SAMPLES_KEPT);
  readonly leader: Leader;
  readonly swapper: Swapper;
  #passed = 0;

  constructor(asked: PartialRunOptions = {}) {
    const { options, plan } = completeRunOptions({
      ops: 1500,
      seed: 1,
      pages: 'synthetic',
      ...asked,
      swappers: 1,
    });
    const { ram, limit, disks, disksize, codec, profile, seed, workload } = options;
    const machine = createMachine({
      ramBytes: ram,
      limitBytes: limit,
      profile,
      policy: options.policies[0] ?? 'none',
      ramDisks: [],
      seed,
      pageCluster: options.pageCluster,
      drivers: [ramzswap({ disks, diskBytes: disksize, codec })],
    });
    const task: SwapperTask = {
      swapper: 0,
      swappers: 1,
      machine: machine.handle,
      control: this.control.buffer,
      samplesMax: SAMPLES_KEPT,
      corpus: harvestPages(plan.pagesSpec, seed, CORPUS_PAGES).bytes,
      workload,
      pagesPerSwapper: plan.pagesPerSwapper,
      ops: options.ops,
      duration: options.duration,
      seed,
      lockStats: false,
      waitLimitMs: 5000,
      swapDevices: Array.from({ length: disks }, (_, disk) => `/dev/ramzswap${String(disk)}`),
      diskPriority: plan.diskPriority,
      ramDisks: plan.ramDisks,
      backing: null,
      ioErrors: options.ioErrors,
      spareDevices: [],
      scenarioName: null,
      fault: null,
    };
    this.view = attachMachine(machine.handle, { drivers: { ramzswap }, name: 'swapper 0' });
    this.kernel = this.view.kernel;
    this.frames = this.kernel.frames;
    const driver = ramzswapOf(this.view);
    this.statsAddress = driver.places.tableLocks.base;
    const [device] = driver.devices;
    if (device === undefined) throw new Error('the machine has no disk');
    this.device = device;
    this.leader = new Leader(this.view, this.control, task);
    this.swapper = new Swapper(this.view, this.control, task);
    this.leader.start();
  }

  /** Does the steps up to the end of a checkpoint, from 1 on, checks included. */
  runToCheckpoint(number: number): void {
    for (; this.#passed < number; this.#passed++) {
      this.swapper.runUntil(this.swapper.checkpoints()[this.#passed]?.op ?? 0);
      this.leader.checkpoint();
    }
  }

  /** Does all steps that are left, without a checkpoint, so that what was broken between is found by reading alone. */
  runToEnd(): void {
    this.swapper.runUntil(this.swapper.checkpoints().at(-1)?.op ?? 0);
  }

  /** Ends the process and takes the end apart. */
  finish(): LeaderResult {
    this.swapper.exit();
    return this.leader.finish();
  }

  /** Addresses of the table entries whose slots hold an object or a raw page. */
  storedEntries(): number[] {
    const entries: number[] = [];
    for (let slot = 1; slot < this.device.slots(); slot++) {
      const entry = this.device.entryOf(slot);
      if (this.kernel.core.cells.ldu32(entry) !== 0) entries.push(entry);
    }
    return entries;
  }
}

/** The exact samples. */
export function quiescentSamples(result: PolicyResult): Sample[] {
  return result.samples.filter((sample) => sample.quiescent);
}

/** What a command left behind. */
export interface CommandOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
  readonly seconds: number;
}

/** Longest life of a child, in milliseconds: tests must end even when what they test hangs. */
const CHILD_LIMIT_MS = 40_000;

const PROGRAM = fileURLToPath(
  new URL('bin/swaplab.js', import.meta.resolve('@swaplab/harness/package.json')),
);

/**
 * Runs the real command to its end.
 *
 * @param words - the command line without the program
 * @param whileRunning - called once, when the child has started, to do something to it
 */
export async function swaplab(
  words: readonly string[],
  whileRunning: (child: ChildProcessByStdio<null, Readable, Readable>) => void = () => {},
): Promise<CommandOutcome> {
  const started = performance.now();
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
    // A group of its own, by which everything that it starts can be found.
    detached: true,
    timeout: CHILD_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  whileRunning(child);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, out, err, seconds: (performance.now() - started) / 1000 });
    });
  });
}
