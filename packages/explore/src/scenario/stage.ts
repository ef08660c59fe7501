/**
 * The stage of a scenario: its machine or bare memory, and the threads' views of it.
 *
 * Promise: a stage that is opened with a handle in another thread, or in another build of the same code, is laid out alike, and its tasks have the
 * same numbers when they are attached in the same order. What is called here runs outside of any schedule: nobody else runs meanwhile.
 */
import {
  createBareMachine,
  createMachine,
  openMachine,
  BareMachine,
  MisuseError,
  PAGE,
  PAGE_SIZE,
  PG_FREE,
  type BareMachineHandle,
  type Control,
  type Core,
  type CreateMachineOptions,
  type Machine,
  type MachineHandle,
  type MachineView,
} from '@swaplab/kernel-mm';
import type { Scenario, ScenarioEnv } from './scenario.js';

/** What another thread needs to stand on the same stage; it survives `postMessage`. */
export interface StageHandle {
  readonly machine: MachineHandle | null;
  readonly bare: BareMachineHandle | null;
}

/** How a stage is made. */
export interface StageOptions {
  /** Deliberately wrong variants of the kernel, besides those that the scenario has. */
  readonly variants?: readonly string[];
  /** Whether other threads will stand on it; true when not given. */
  readonly shared?: boolean;
}

/** FNV-1a over words. */
const HASH_START = 0x811c_9dc5;
const HASH_FACTOR = 0x0100_0193;

/** A stage as one thread sees it. */
export class Stage<Regions, Shared> {
  /** For other threads. */
  readonly handle: StageHandle;
  private readonly scenario: Scenario<Regions, Shared>;
  private readonly machine: Machine | null;
  private readonly bare: BareMachine<Regions> | null;

  private constructor(
    scenario: Scenario<Regions, Shared>,
    machine: Machine | null,
    bare: BareMachine<Regions> | null,
  ) {
    this.scenario = scenario;
    this.machine = machine;
    this.bare = bare;
    this.handle = { machine: machine?.handle ?? null, bare: bare?.handle ?? null };
  }

  /**
   * Makes a stage. @quiescent
   * @param scenario - what is to be played
   * @param options - how
   * @throws MisuseError `ERR_INVALID_ARGUMENT` for a scenario that is none, and what making a machine can throw
   */
  static create<Regions, Shared>(
    scenario: Scenario<Regions, Shared>,
    options: StageOptions = {},
  ): Stage<Regions, Shared> {
    const shared = options.shared ?? true;
    requireScenario(scenario);
    if (scenario.memory !== undefined)
      return new Stage(scenario, null, createBareMachine(scenario.memory, shared));
    return new Stage(
      scenario,
      createMachine({ ...machineOptions(scenario, options.variants ?? []), shared }),
      null,
    );
  }

  /**
   * Opens a stage that another thread made. @quiescent
   * @param scenario - the same
   * @param handle - from the other thread
   */
  static open<Regions, Shared>(
    scenario: Scenario<Regions, Shared>,
    handle: StageHandle,
  ): Stage<Regions, Shared> {
    if (handle.bare !== null && scenario.memory !== undefined)
      return new Stage(scenario, null, new BareMachine(handle.bare, scenario.memory));
    if (handle.machine === null)
      throw new MisuseError('ERR_BAD_HANDLE', 'This is no handle of a stage of this scenario.');
    return new Stage(scenario, openMachine(handle.machine, { drivers: scenario.drivers ?? {} }), null);
  }

  /**
   * Attaches a thread. @quiescent
   * @param name - of the task
   * @param control - what runs it, null for one that runs alone
   * @param shared - what the set-up returned
   */
  attach(name: string, control: Control | null, shared: Shared): ScenarioEnv<Regions, Shared> {
    if (this.bare !== null) {
      const core = this.bare.attach({ name, control });
      return new BareEnv(core, this.bare.regions, shared);
    }
    if (this.machine === null) throw new MisuseError('ERR_BAD_HANDLE', 'This stage has no machine.');
    const view = this.machine.attach({ name, control, mayWait: control !== null });
    return new MachineEnv(view, shared);
  }

  /**
   * Does the set-up of the scenario, in a task of its own that has ended afterwards. @quiescent
   * @returns what the threads are given
   */
  setUp(): Shared {
    const { scenario } = this;
    if (scenario.setup === undefined) return undefined as Shared;
    const env = this.attach('setup', null, undefined as Shared) as ScenarioEnv<Regions, undefined>;
    const shared = scenario.setup(env);
    const { tasks, current } = env.core.context;
    tasks.release(current);
    return shared;
  }

  /**
   * The check at the end of a schedule. @quiescent
   * @param env - of any thread that has ended
   */
  check(env: ScenarioEnv<Regions, Shared>): void {
    if (this.scenario.check !== undefined) this.scenario.check(env);
  }

  /** Why the machine stopped, or null. */
  stopReport(): string | null {
    return this.machine === null ? null : this.machine.stopReport();
  }

  /**
   * A hash of the state: the hot and the cold section, and the page frames in use.
   * @param env - of any thread on this stage
   * @returns an unsigned 32-bit number
   */
  memoryHash(env: ScenarioEnv<Regions, Shared>): number {
    const { cells, context } = env.core;
    const { i32 } = cells.arena;
    const hot = context.layout.extent('hot');
    const cold = context.layout.extent('cold');
    let hash = hashWords(i32, 0, hot.bytes >> 2, HASH_START);
    hash = hashWords(i32, cold.base >> 2, (cold.base + cold.bytes) >> 2, hash);
    if (this.machine === null) return hash >>> 0;
    const { frames } = env.view.kernel;
    for (let index = 0; index < frames.frameCount; index++) {
      const page = frames.pageAt(index);
      if ((i32[(page + PAGE.flags) >> 2]! & PG_FREE) !== 0) continue;
      const first = frames.addressOf(page) >> 2;
      hash = hashWords(i32, first, first + (PAGE_SIZE >> 2), hash);
    }
    return hash >>> 0;
  }

  /** Name of what lies at an address. */
  nameOf(address: number): string {
    return this.machine === null
      ? this.requireBare().layout.describe(address)
      : this.machine.describeAddress(address);
  }

  private requireBare(): BareMachine<Regions> {
    if (this.bare === null) throw new MisuseError('ERR_BAD_HANDLE', 'This stage has no memory.');
    return this.bare;
  }
}

class MachineEnv<Regions, Shared> implements ScenarioEnv<Regions, Shared> {
  readonly core: Core;
  readonly view: MachineView;
  readonly regions: Regions = undefined as Regions;
  readonly shared: Shared;

  constructor(view: MachineView, shared: Shared) {
    this.core = view.kernel.core;
    this.view = view;
    this.shared = shared;
  }
}

class BareEnv<Regions, Shared> implements ScenarioEnv<Regions, Shared> {
  readonly core: Core;
  readonly regions: Regions;
  readonly shared: Shared;

  constructor(core: Core, regions: Regions, shared: Shared) {
    this.core = core;
    this.regions = regions;
    this.shared = shared;
  }

  get view(): MachineView {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      'This scenario has a memory of its own and no kernel: there are no system calls.',
    );
  }
}

function machineOptions(
  { machine = {} }: Pick<Scenario<never, never>, 'machine'>,
  variants: readonly string[],
): CreateMachineOptions {
  if (typeof machine === 'function') return machine(variants);
  return { ...machine, variants: [...(machine.variants ?? []), ...variants] };
}

const THREADS_MIN = 1;
const THREADS_MAX = 16;

/** What came from a module may be anything. */
function requireScenario(scenario: Scenario<never, never> | Scenario<unknown, unknown> | object): void {
  const { name, threads, machine, memory } = scenario as Partial<Scenario<unknown, unknown>>;
  if (typeof name !== 'string' || !Array.isArray(threads)) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      'This is no scenario: a module exports one as its default, made by defineScenario({ name, about, threads, ... }).',
    );
  }
  if (threads.length < THREADS_MIN || threads.length > THREADS_MAX) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `The scenario '${name}' has ${threads.length} threads; allowed are ${THREADS_MIN} to ${THREADS_MAX}.`,
    );
  }
  if ((machine === undefined) === (memory === undefined)) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `The scenario '${name}' must have either a machine or a memory of its own.`,
    );
  }
}

function hashWords(words: Int32Array, from: number, to: number, start: number): number {
  let hash = start;
  for (let index = from; index < to; index++) hash = Math.imul(hash ^ words[index]!, HASH_FACTOR);
  return hash;
}
