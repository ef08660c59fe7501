/**
 * Engines for a scenario: opened together, closed whatever happens, with the errors that users can do something about in words of the command.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

import { hasSteppedBuild, openScenario, type OpenOptions, type OpenScenario } from '@swaplab/explore';

import { EXIT_FAILED, HarnessError, UsageError } from '../errors.js';
import { codeOf } from '../files.js';
import type { EngineName } from './document.js';

/** Which engine, for what. */
export interface EngineChoice {
  /** Address of the module of the scenario, in its plain build. */
  readonly module: string;
  readonly engine: EngineName;
  readonly variants: readonly string[];
  /** Kinds of faults, as bits. */
  readonly faults: number;
  readonly stepLimit: number;
  /** Whether each group of real threads stays on one core; true when not given. */
  readonly pin?: boolean;
  /** Number of the first group, for spreading groups over cores; 0 when not given. */
  readonly firstGroup?: number;
  /** Milliseconds without any progress after which a job is ended; 10,000 when not given. */
  readonly hangLimitMs?: number;
}

/** A body loops or waits where no point is, a thread died, or what it does depends on chance: what no schedule can do anything about. */
export class HangError extends HarnessError {
  override readonly name = 'HangError';

  /**
   * @param message - what every thread was about to do
   * @param code - `ERR_THREAD_HANGS`, `ERR_THREAD_DIED` or `ERR_DIVERGED`
   */
  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, code, EXIT_FAILED, options);
  }
}

/**
 * Opens engines, lets them work, and closes them.
 *
 * @param choice - which ones
 * @param groups - how many
 * @param work - gets them; the first one is the one for reports
 * @param signal - ends the present job of each engine when it is aborted
 * @throws UsageError for what the scenario or a variant of it does not allow, HangError when a thread hangs, and what `work` throws
 */
export async function withEngines<T>(
  choice: EngineChoice,
  groups: number,
  work: (opened: readonly [OpenScenario, ...OpenScenario[]]) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const opened: OpenScenario[] = [];
  const interrupt = (): void => {
    for (const { engine } of opened) engine.interrupt?.();
  };
  signal?.addEventListener('abort', interrupt);
  try {
    // One after the other: a group of real threads finds its own by looking which ones are new.
    for (let group = 0; group < groups; group++) opened.push(await open(choice, group));
    const [first, ...others] = opened;
    if (first === undefined) throw new RangeError('At least one engine is needed.');
    return await work([first, ...others]);
  } catch (error) {
    throw inWords(error);
  } finally {
    signal?.removeEventListener('abort', interrupt);
    await Promise.all(opened.map(({ engine }) => engine.close()));
  }
}

/**
 * How many groups search side by side when nobody says it: one for a short search, which would only be over sooner by the time it takes to start
 * the others.
 *
 * @param schedules - that are asked for; undefined when only time is
 */
export function usualGroups(schedules: number | undefined): number {
  return (schedules ?? Infinity) > SHORT_SEARCH ? availableParallelism() : 1;
}

const SHORT_SEARCH = 4000;

async function open(choice: EngineChoice, group: number): Promise<OpenScenario> {
  const { module, engine, variants, faults, stepLimit, firstGroup = 0, pin = true, hangLimitMs } = choice;
  const options: OpenOptions = {
    engine,
    variants,
    faults,
    stepLimit,
    pin,
    group: firstGroup + group,
    ownThread: true,
    ...(hangLimitMs === undefined ? {} : { hangLimitMs }),
  };
  if (engine === 'stepped' && !(await hasSteppedBuild(module)))
    throw new UsageError(`${pathOf(module)} is not woven: only the engine threads can play it`);
  try {
    return await openScenario(module, options);
  } catch (error) {
    // Making the machine and the set-up of the scenario are a matter of what was asked for.
    if (error instanceof Error && /^ERR_(?!KERNEL_BUG)/.test(codeOf(error)))
      throw new UsageError(lowerFirst(error.message), { cause: error });
    throw error;
  }
}

function pathOf(module: string): string {
  return module.startsWith('file://') ? fileURLToPath(module) : module;
}

function inWords(error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof HarnessError || !(error instanceof Error)) return error;
  if (code === 'ERR_DIVERGED') {
    return new HangError(
      `the failure does not repeat itself: ${error.message} What a body does must follow from its machine alone: no clock, no Math.random, no variables of its module`,
      code,
      { cause: error },
    );
  }
  if (code === 'ERR_THREAD_HANGS' || code === 'ERR_THREAD_DIED')
    return new HangError(lowerFirst(error.message), code, { cause: error });
  return error;
}

function lowerFirst(sentence: string): string {
  return (
    /^[A-Z][a-z]* /.test(sentence) ? sentence.charAt(0).toLowerCase() + sentence.slice(1) : sentence
  ).replace(/\.$/, '');
}
