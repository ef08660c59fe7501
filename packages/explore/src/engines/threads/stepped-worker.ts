/**
 * The thread in which a stepped engine runs when it has one of its own: see `stepped-thread.ts`, which starts it and gives it jobs.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { DefinedScenario } from '../../scenario/define.js';
import type { GroupWords } from '../group.js';
import type { Job, JobResult } from '../job.js';
import { SteppedEngine } from '../stepped/engine.js';
import { plainBuildOf } from './builds.js';

/** What the thread is started with. */
export interface SteppedStart {
  /** Address of the module of the scenario, in its stepped build. */
  readonly module: string;
  readonly variants: readonly string[];
  readonly stepLimit: number;
  readonly faults: number;
  readonly group: GroupWords;
}

/** What it tells. */
export type SteppedMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly result: JobResult }
  | { readonly type: 'error'; readonly error: PlainError };

/** An error whose class does not survive the way between threads. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code: string;
}

const port = parentPort!;
const { module, variants, stepLimit, faults, group } = workerData as SteppedStart;

try {
  const { default: scenario } = (await import(module)) as {
    readonly default: DefinedScenario<unknown, unknown>;
  };
  const now = (): number => performance.now();
  const whole = await plainBuildOf(module);
  const engine = new SteppedEngine(scenario, { variants, stepLimit, faults, now, group, ...whole });
  port.on('message', (job: Job) => {
    try {
      // The steps lie in shared words; as objects they would cost more on their way than to play.
      tell({ type: 'done', result: { ...engine.runNow(job), trace: [] } });
    } catch (thrown) {
      tell({ type: 'error', error: plainErrorOf(thrown) });
    }
  });
  tell({ type: 'ready' });
} catch (thrown) {
  tell({ type: 'error', error: plainErrorOf(thrown) });
}

function tell(message: SteppedMessage): void {
  port.postMessage(message);
}

function plainErrorOf(thrown: unknown): PlainError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), stack: '', code: '' };
  const code = 'code' in thrown ? String(thrown.code) : '';
  return { name: thrown.name, message: thrown.message, stack: thrown.stack ?? '', code };
}
