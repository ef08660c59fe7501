/**
 * `swaplab museum` without its command line: finds the bug of each room, and shows that the mended code is clean.
 *
 * Promise: each room has the time of its own, and of the search only; rooms are searched side by side, one on each core, which changes when
 * something is found and not what. A room is found only by a failure of a kind that it expects.
 */
import { availableParallelism } from 'node:os';

import {
  exploreWith,
  faultNames,
  replayCommand,
  reportOf,
  WATCH_ALL,
  type Exploration,
  type ReportModel,
} from '@swaplab/explore';
import type { Room } from '@swaplab/museum';

import { museumScenario } from '../explore/catalogue.js';
import type { EngineName, ThreadsConfirmation } from '../explore/document.js';
import { withEngines, type EngineChoice } from '../explore/engines.js';
import { confirmOnThreads } from '../explore/explore-scenario.js';
import type { MuseumDocument, RoomDocument } from './document.js';

/** Which rooms, and how much. */
export interface MuseumOptions {
  readonly rooms: readonly Room[];
  readonly engine: EngineName;
  /** Of each search. */
  readonly seconds: number;
  /** Schedules of the mended code of each room. */
  readonly fixed: number;
  /** An unsigned 32-bit number. */
  readonly seed: number;
  /** Whether reports are wanted. */
  readonly reports: boolean;
  /** Rooms that are searched side by side; one for each core when not given. */
  readonly lanes?: number;
}

/** What a room is busy with. */
export interface MuseumProgress {
  readonly room: Room;
  readonly phase: 'search' | 'shrink' | 'fixed';
  readonly schedules: number;
  /** Rooms that are done, and all. */
  readonly done: number;
  readonly rooms: number;
}

/** Who is told meanwhile, and who may end it. */
export interface MuseumHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MuseumProgress) => void;
  readonly onRoom?: (room: RoomDocument) => void;
}

/** The room that is no bug of history. */
export const CANARY = 'canary';

const STEP_LIMIT = 20_000;
const CONFIRMATIONS_ON_THREADS = 10;

/**
 * Finds bugs.
 *
 * @param options - which and how long
 * @param hooks - who is told
 * @throws HangError when a thread hangs or a failure does not repeat itself
 */
export async function runMuseum(options: MuseumOptions, hooks: MuseumHooks = {}): Promise<MuseumDocument> {
  const began = performance.now();
  const { rooms, engine, seed, seconds } = options;
  const results = new Map<string, RoomDocument>();
  const waiting = [...rooms];
  const lanes = Math.min(rooms.length, options.lanes ?? availableParallelism());
  const lane = async (number: number): Promise<void> => {
    for (let room = waiting.shift(); room !== undefined; room = waiting.shift()) {
      if (hooks.signal?.aborted === true) return;
      const tell = (phase: MuseumProgress['phase'], schedules: number, of: Room): void =>
        hooks.onProgress?.({ room: of, phase, schedules, done: results.size, rooms: rooms.length });
      const result = await new Visit(room, number, options, hooks, tell).run();
      results.set(room.id, result);
      hooks.onRoom?.(result);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
  const inOrder = rooms.map(({ id }) => results.get(id)).filter((result) => result !== undefined);
  return {
    schema: 'swaplab.museum/1',
    engine,
    seed,
    secondsPerRoom: seconds,
    seconds: (performance.now() - began) / 1000,
    interrupted: hooks.signal?.aborted === true,
    ok: inOrder.length === rooms.length && inOrder.every(isWell),
    bugs: inOrder.filter(({ id }) => id !== CANARY),
    canary: results.get(CANARY) ?? null,
  };
}

/**
 * Whether a room is as it should be: its bug was found, and the mended code is clean.
 *
 * @param room - that was visited
 */
export function isWell({ found, fixedClean, onThreads }: RoomDocument): boolean {
  return found && fixedClean !== false && (onThreads === null || onThreads.difference === null);
}

/** What the search in a room came to. */
interface Found {
  readonly exploration: Exploration;
  readonly report: ReportModel | null;
  readonly onThreads: ThreadsConfirmation | null;
}

/** What the mended code came to. */
type Fixed = Pick<RoomDocument, 'fixedClean' | 'fixedSchedules' | 'fixedSeconds' | 'fixedFinding'>;

const NOT_PLAYED: Fixed = { fixedClean: null, fixedSchedules: 0, fixedSeconds: 0, fixedFinding: null };

/** One room. */
class Visit {
  private readonly room: Room;
  private readonly lane: number;
  private readonly options: MuseumOptions;
  private readonly hooks: MuseumHooks;
  private readonly tell: (phase: MuseumProgress['phase'], schedules: number, room: Room) => void;

  constructor(
    room: Room,
    lane: number,
    options: MuseumOptions,
    hooks: MuseumHooks,
    tell: (phase: MuseumProgress['phase'], schedules: number, room: Room) => void,
  ) {
    this.room = room;
    this.lane = lane;
    this.options = options;
    this.hooks = hooks;
    this.tell = tell;
  }

  async run(): Promise<RoomDocument> {
    const { room, options } = this;
    const { module } = await museumScenario(room.scenario);
    const found = await this.search(module);
    const wantsFixed = room.hasFixedForm && options.fixed > 0 && !this.isAborted();
    const fixed = wantsFixed ? await this.playFixed(module) : NOT_PLAYED;
    return { ...this.describe(found), ...fixed };
  }

  private search(module: string): Promise<Found> {
    const { room, options } = this;
    const choice = this.choice(module, room.variants);
    return this.explore(choice, async (opened, watched) => {
      const exploration = await exploreWith(opened.engine, opened.scenario, opened.hash, {
        ...watched,
        seconds: options.seconds,
        onProgress: ({ schedules }) => this.tell('search', schedules, room),
        onFailure: ({ schedule }) => this.tell('shrink', schedule + 1, room),
      });
      const { finding } = exploration;
      if (finding === null) return { exploration, report: null, onThreads: null };
      const report = await reportOf(opened, finding, {
        seed: options.seed,
        command: this.command(finding.token),
        flags: WATCH_ALL,
      });
      const onThreads =
        options.engine === 'threads' || this.isAborted()
          ? null
          : await confirmOnThreads(choice, finding, WATCH_ALL, CONFIRMATIONS_ON_THREADS);
      return { exploration, report, onThreads };
    });
  }

  private playFixed(module: string): Promise<Fixed> {
    const { room, options } = this;
    return this.explore(this.choice(module, []), async (opened, watched) => {
      const { finding, schedules, seconds } = await exploreWith(opened.engine, opened.scenario, opened.hash, {
        ...watched,
        schedules: options.fixed,
        onProgress: (progress) => this.tell('fixed', progress.schedules, room),
      });
      const isThrough = schedules >= options.fixed;
      return {
        // What was ended early says nothing.
        fixedClean: finding !== null ? false : isThrough ? true : null,
        fixedSchedules: schedules,
        fixedSeconds: seconds,
        fixedFinding:
          finding === null ? null : { sentence: finding.sentence, command: this.command(finding.token) },
      };
    });
  }

  private explore<T>(
    choice: EngineChoice,
    work: (
      opened: Parameters<Parameters<typeof withEngines>[2]>[0][0],
      options: { readonly seed: number; readonly signal?: AbortSignal },
    ) => Promise<T>,
  ): Promise<T> {
    const { signal } = this.hooks;
    const { seed } = this.options;
    const watched = { seed, ...(signal === undefined ? {} : { signal }) };
    return withEngines(choice, 1, ([opened]) => work(opened, watched), signal);
  }

  private choice(module: string, variants: readonly string[]): EngineChoice {
    const { engine } = this.options;
    return {
      module,
      engine,
      variants,
      faults: this.room.faults,
      stepLimit: STEP_LIMIT,
      firstGroup: this.lane,
    };
  }

  private command(token: string): string {
    const { room } = this;
    const faults = faultNames(room.faults);
    return replayCommand({ token, module: null, variants: room.variants, faults, detectors: true });
  }

  private describe({ exploration, report, onThreads }: Found): Omit<RoomDocument, keyof Fixed> {
    const { room, options } = this;
    const { finding, schedules, seconds } = exploration;
    const isExpected = finding !== null && room.expects.some((kind) => kind === finding.kind);
    const told = isExpected ? finding : null;
    const sentence = report?.sentence ?? null;
    return {
      id: room.id,
      title: room.title,
      scenario: room.scenario,
      variants: room.variants,
      found: isExpected,
      schedules,
      seconds,
      strategy: told?.strategy ?? null,
      token: told?.token ?? null,
      switches: told?.switches ?? null,
      preemptions: told?.preemptions ?? null,
      threads: told?.threads ?? null,
      minimal: told?.minimal ?? null,
      minimality: told?.minimality ?? null,
      kind: told?.kind ?? null,
      sentence: isExpected ? sentence : null,
      confirmed: told?.confirmed ?? null,
      onThreads,
      command: finding === null ? null : this.command(finding.token),
      unexpected: finding === null || isExpected ? null : `${finding.kind}: ${String(sentence)}`,
      ...(options.reports && report !== null ? { report } : {}),
    };
  }

  private isAborted(): boolean {
    return this.hooks.signal?.aborted === true;
  }
}
