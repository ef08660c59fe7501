/**
 * What is explored: a scenario. It says what the threads stand on, what is done before they start, what each of them does, and what must hold
 * when all have ended.
 *
 * A scenario is the default export of a module of its own, since every thread loads it. The bodies of its threads are plain, synchronous code;
 * wherever they touch shared memory through `cells`, take a lock or wait, another thread may be let run. What they do must follow from the
 * machine and from `shared` alone: no clock, no `Math.random`, no module variables.
 *
 * A body that throws has failed, whatever it throws; so has an end check. To say that something must hold: `env.core.context.assert(...)`.
 *
 * This file is woven together with the scenarios, so it keeps to what the kernel packages keep to.
 */
import type {
  BuildBareMachine,
  Core,
  CreateMachineOptions,
  DriverCode,
  MachineView,
} from '@swaplab/kernel-mm';

/** What a thread of a scenario stands on. */
export interface ScenarioEnv<Regions, Shared> {
  /** Its cells, locks and task. */
  readonly core: Core;
  /** Its system calls. Only on a machine with a kernel: {@link view} throws without one. */
  readonly view: MachineView;
  /** What `memory` laid out; undefined on a machine with a kernel. */
  readonly regions: Regions;
  /** What `setup` returned. */
  readonly shared: Shared;
}

/** A part of what a thread does, which can be left out when a failure is made smaller. */
export interface ScenarioOperation<Regions = undefined, Shared = undefined> {
  /** For reports. */
  readonly name: string;
  /** What it does. It must make sense whether or not the others are done. @steppable */
  run(env: ScenarioEnv<Regions, Shared>): void;
}

/** One thread of a scenario. */
export interface ScenarioThread<Regions = undefined, Shared = undefined> {
  /** For reports, and unique in the scenario; at most 24 characters. */
  readonly name: string;
  /** What it does, one after the other; at most 31. A thread may also be left out as a whole. */
  readonly operations: readonly ScenarioOperation<Regions, Shared>[];
}

/** A scenario. `Shared` is plain data that survives `postMessage`. */
export interface Scenario<Regions = undefined, Shared = undefined> {
  /** Short, unique among the scenarios of a program. */
  readonly name: string;
  /** One sentence for people: what the threads do. It does not say what is wrong with it. */
  readonly about: string;
  /**
   * The machine, for scenarios on the modelled kernel: keep it small, since it is put back after every schedule. A function gets the names of the
   * deliberately wrong variants that are asked for, and says which of them go to which driver.
   */
  readonly machine?: CreateMachineOptions | ((variants: readonly string[]) => CreateMachineOptions);
  /** The code of the drivers of the machine, by name. */
  readonly drivers?: DriverCode['drivers'];
  /** What lies in the memory, for scenarios without a kernel. */
  readonly memory?: BuildBareMachine<Regions>;
  /** Done once, alone, before any thread runs. @quiescent */
  setup?(env: ScenarioEnv<Regions, undefined>): Shared;
  /** 1 to 16, as a rule 2 to 4. */
  readonly threads: readonly ScenarioThread<Regions, Shared>[];
  /**
   * Whether the threads use spinlocks and mutexes in no other way than by taking and dropping them, and wait for nothing else. The search then leaves
   * out attempts that are sure to wait, and has a fraction of the schedules. False by default, which is always right.
   */
  readonly exclusiveLocks?: boolean;
  /** What must hold when all threads have ended; nobody else runs. @quiescent */
  check?(env: ScenarioEnv<Regions, Shared>): void;
}
