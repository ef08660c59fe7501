/**
 * `swaplab replay` without its command line: plays a schedule over and over, on one engine or on both, and says whether it does the same each time.
 *
 * Promise: the first difference is named, be it from the token, from an earlier replay, or between the engines.
 */
import {
  countSwitches,
  describeDifference,
  describeDivergence,
  describeFinding,
  faultNames,
  KEEP_HASHES,
  KEEP_TRACE,
  REPLAY,
  replayCommand,
  replayOnce,
  reportOf,
  signatureOf,
  strategyOf,
  WATCH_ALL,
  type Engine,
  type Failure,
  type JobResult,
  type OpenScenario,
  type ReportContext,
  type StrategyName,
} from '@swaplab/explore';

import { fileOf } from './explore-scenario.js';
import {
  findingDocument,
  type EngineName,
  type FindingDocument,
  type ReplayedOn,
  type ReplayTokenDocument,
} from './document.js';
import { withEngines } from './engines.js';
import type { TokenSource } from './token-source.js';

/** How a token is played. */
export interface ReplayTokenOptions {
  readonly source: TokenSource;
  /** At least one; the first one is the one for the report. */
  readonly engines: readonly EngineName[];
  /** On each engine. */
  readonly times: number;
  /** Whether real threads stay on one core. */
  readonly pin: boolean;
  readonly shrink: boolean;
  /** What goes on behind the schedule, or null. */
  readonly then: ThenOptions | null;
}

/** What goes on behind a schedule. */
export interface ThenOptions {
  readonly strategy: StrategyName;
  readonly schedules: number;
  readonly seed: number;
  /** Decisions that are played before; all when not given. */
  readonly prefix?: number;
}

/** Who is told meanwhile, and who may end it. */
export interface ReplayHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (engine: EngineName, done: number, of: number) => void;
}

/** What a first replay was like. */
interface FirstReplay {
  readonly result: JobResult;
  readonly traceHash: number;
  readonly memoryHash: number;
}

const STEP_LIMIT = 20_000;
const SLICE_MS = 250;

/**
 * Plays a token.
 *
 * @param options - what and how often
 * @param hooks - who is told
 * @throws UsageError for what the scenario does not allow, HangError when a thread hangs
 */
export async function replayToken(
  options: ReplayTokenOptions,
  hooks: ReplayHooks = {},
): Promise<ReplayTokenDocument> {
  const { source } = options;
  const engines: ReplayedOn[] = [];
  let finding: FindingDocument | null = null;
  let schedules = 0;
  let first: FirstReplay | null = null;
  for (const engine of options.engines) {
    if (hooks.signal?.aborted === true) break;
    await withEngines({ ...choiceOf(options), engine }, 1, async ([opened]) => {
      const player = new Player(opened, engine, options, hooks);
      const played = await player.play(first);
      engines.push(played);
      if (first !== null) return;
      first = player.first;
      if (options.then !== null && !isAborted(hooks)) {
        const outcome = await goOnBehind(opened, options, options.then, hooks);
        finding = outcome.finding;
        schedules = outcome.schedules;
      } else {
        finding = await findingOf(opened, player, options, hooks);
      }
    });
  }
  const all = (key: 'reproduced' | 'clean'): boolean =>
    engines.length > 0 && engines.every((one) => one[key] === one.times && one.difference === null);
  return {
    schema: 'swaplab.replay/1',
    scenario: source.scenario.name,
    file: fileOf(source.scenario),
    variants: source.variants,
    faults: faultNames(source.faults),
    detectors: source.detectors,
    stepLimit: source.stepLimit,
    token: source.text,
    decisions: source.token.decisions.length,
    engines,
    reproduced: all('reproduced'),
    clean: all('clean'),
    interrupted: isAborted(hooks),
    finding,
    schedules,
  };
}

function choiceOf({ source, pin }: ReplayTokenOptions): Omit<Parameters<typeof withEngines>[0], 'engine'> {
  const { scenario, variants, faults, stepLimit } = source;
  return { module: scenario.module, variants, faults, stepLimit, pin };
}

/** Plays a token on one engine. */
class Player {
  first: FirstReplay | null = null;
  private readonly engine: Engine;
  private readonly name: EngineName;
  private readonly options: ReplayTokenOptions;
  private readonly hooks: ReplayHooks;
  private difference: string | null = null;
  private played = 0;
  private reproduced = 0;
  private clean = 0;
  private seconds = 0;

  constructor(opened: OpenScenario, name: EngineName, options: ReplayTokenOptions, hooks: ReplayHooks) {
    this.engine = opened.engine;
    this.name = name;
    this.options = options;
    this.hooks = hooks;
  }

  /** @param elsewhere - the first replay on another engine, or null */
  async play(elsewhere: FirstReplay | null): Promise<ReplayedOn> {
    const { times } = this.options;
    while (this.played < times && this.difference === null && !isAborted(this.hooks)) {
      const result = await this.once();
      this.played++;
      this.seconds += result.seconds;
      const replay = { result, ...hashesOf(result) };
      this.difference = this.compare(replay, elsewhere);
      if (result.failure === null) this.clean++;
      else if (this.difference === null) this.reproduced++;
      this.first ??= replay;
      this.hooks.onProgress?.(this.name, this.played, times);
    }
    const failure = this.first?.result.failure ?? null;
    return {
      engine: this.name,
      pinned: this.engine.pinned,
      times,
      reproduced: this.reproduced,
      clean: this.clean,
      kind: failure?.kind ?? null,
      sentence: failure?.sentence ?? null,
      steps: this.first === null ? 0 : (failure?.steps ?? this.first.result.steps),
      traceHash: hex(this.first?.traceHash ?? 0),
      memoryHash: hex(this.first?.memoryHash ?? 0),
      difference: this.difference,
      seconds: this.seconds,
    };
  }

  private once(): Promise<JobResult> {
    const { token, detectors } = this.options.source;
    const spec = { decisions: token.decisions, dropped: token.dropped ?? [] };
    return replayOnce(this.engine, spec, (detectors ? WATCH_ALL : 0) | KEEP_HASHES | KEEP_TRACE);
  }

  /** What is different from what was expected, in words. */
  private compare(replay: FirstReplay, elsewhere: FirstReplay | null): string | null {
    const { result, traceHash, memoryHash } = replay;
    const { token } = this.options.source;
    const { first, engine } = this;
    if (first !== null) {
      const isSame =
        traceHash === first.traceHash &&
        memoryHash === first.memoryHash &&
        alike(result.failure, first.result.failure);
      return isSame ? null : describeDifference(engine, first.result.trace, result.trace, this.played);
    }
    if (result.divergence !== null) return describeDivergence(engine, result.divergence);
    const unplayed = engine.core.unplayed();
    if (unplayed > 0)
      return `The schedule ended after ${result.steps} steps, before ${unplayed} of its decisions were due.`;
    if (result.failure !== null && traceHash !== token.traceHash >>> 0) {
      return (
        'The schedule does other steps than when its token was made: the code has changed, or its build or its detectors are others. ' +
        `It fails: ${result.failure.sentence}`
      );
    }
    if (elsewhere === null) return null;
    if (traceHash !== elsewhere.traceHash)
      return describeDifference(engine, elsewhere.result.trace, result.trace, this.played);
    if (memoryHash !== elsewhere.memoryHash)
      return 'The schedule does the same steps as on the other engine, but leaves another state of the memory.';
    return null;
  }
}

/** The failure as it is, or made smaller; null when it does not fail any more. */
async function findingOf(
  opened: OpenScenario,
  { first }: Player,
  options: ReplayTokenOptions,
  { signal }: ReplayHooks,
): Promise<FindingDocument | null> {
  const failure = first?.result.failure ?? null;
  if (first === null || failure === null) return null;
  const { source, times } = options;
  if (options.shrink && first.result.divergence === null) {
    const found = {
      failure,
      seed: source.token.seed,
      dropped: source.token.dropped ?? [],
      flags: source.detectors ? WATCH_ALL : 0,
      hash: opened.hash,
      group: 0,
    };
    const stops = signal === undefined ? {} : { signal };
    const finding = await describeFinding(opened.engine, opened.scenario, found, {
      shrink: true,
      confirmations: times,
      ...stops,
    });
    const report = await reportOf(opened, finding, contextOf(source, finding.token, null));
    return { ...findingDocument(finding, report, null), schedule: null, strategy: null };
  }
  const { trace } = first.result;
  const finding = { failure, trace, dropped: source.token.dropped ?? [], token: source.text };
  const report = await reportOf(opened, finding, contextOf(source, source.text, null));
  return {
    kind: failure.kind,
    sentence: report.sentence,
    token: source.text,
    switches: countSwitches(trace),
    preemptions: failure.preemptions,
    threads: new Set(trace.map(({ task }) => task)).size,
    minimal: false,
    minimality: 'as it was found',
    schedule: null,
    group: 0,
    strategy: null,
    confirmed: times,
    onThreads: null,
    command: report.command,
    report,
  };
}

/** Plays the schedule as the beginning of others, until one of them fails. */
async function goOnBehind(
  opened: OpenScenario,
  { source }: ReplayTokenOptions,
  { strategy, schedules, seed, prefix }: ThenOptions,
  hooks: ReplayHooks,
): Promise<{ readonly finding: FindingDocument | null; readonly schedules: number }> {
  const { engine } = opened;
  const { token, detectors } = source;
  const flags = detectors ? WATCH_ALL : 0;
  const [then, thenParameter] = strategyOf(strategy, undefined);
  const dropped = token.dropped ?? [];
  engine.core.forget();
  let done = 0;
  let failure: Failure | null = null;
  while (done < schedules && failure === null && !isAborted(hooks)) {
    const result = await engine.run({
      seed,
      first: done,
      schedules: schedules - done,
      milliseconds: SLICE_MS,
      strategy: REPLAY,
      parameter: 0,
      flags,
      decisions: token.decisions.slice(0, prefix ?? token.decisions.length),
      dropped,
      then,
      thenParameter,
    });
    done += result.schedules;
    failure = result.failure;
    hooks.onProgress?.(engine.name as EngineName, done, schedules);
  }
  if (failure === null) return { finding: null, schedules: done };
  const found = { failure, seed, dropped, flags, hash: opened.hash, group: 0 };
  const stops = hooks.signal === undefined ? {} : { signal: hooks.signal };
  const finding = await describeFinding(engine, opened.scenario, found, stops);
  const report = await reportOf(opened, finding, contextOf(source, finding.token, seed));
  return { finding: findingDocument(finding, report, null), schedules: done };
}

function contextOf(source: TokenSource, token: string, seed: number | null): ReportContext {
  return { seed, command: commandOf(source, token), flags: source.detectors ? WATCH_ALL : 0 };
}

function commandOf(source: TokenSource, token: string): string {
  const { scenario, variants, faults, detectors, stepLimit } = source;
  return replayCommand({
    token,
    module: fileOf(scenario),
    variants,
    faults: faultNames(faults),
    detectors,
    stepLimit: stepLimit === STEP_LIMIT ? undefined : stepLimit,
  });
}

function hashesOf({ hashes }: JobResult): { readonly traceHash: number; readonly memoryHash: number } {
  return { traceHash: (hashes[0] ?? 0) >>> 0, memoryHash: (hashes[1] ?? 0) >>> 0 };
}

function alike(one: Failure | null, other: Failure | null): boolean {
  if (one === null || other === null) return one === other;
  return signatureOf(one) === signatureOf(other);
}

function isAborted({ signal }: ReplayHooks): boolean {
  return signal?.aborted === true;
}

function hex(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, '0');
}
