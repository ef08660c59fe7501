/**
 * A thread of the threads engine. It loads the scenario, attaches to its stage, and from then on waits for the baton; with it, it begins a
 * schedule, runs the body of its thread, or leaves a schedule that has failed, as the phase of the group says. No message is needed between two
 * schedules: whoever ends last begins the next one.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { NOBODY, STOPPED } from '../../core/schedule.js';
import { lowestTask } from '../../core/tasks.js';
import { PHASE_BEGIN, PHASE_RUN, PHASE_UNWIND, type GroupWords } from '../group.js';
import type { Failure, Place } from '../job.js';
import { takeBase, type ResetBase } from '../reset.js';
import { Session } from '../session.js';
import type { StageHandle } from '../../scenario/stage.js';
import type { DefinedScenario } from '../../scenario/define.js';
import { Baton } from './baton.js';
import { Places } from './places.js';
import { GroupStopped, ScheduleAbandoned, ThreadControl } from './control.js';

/** What a thread is started with. */
export interface WorkerStart {
  /** Address of the module of the scenario. */
  readonly module: string;
  readonly thread: number;
  readonly stage: StageHandle;
  readonly shared: unknown;
  readonly group: GroupWords;
  readonly baton: Int32Array;
}

/** What the main thread sends once all threads are attached. */
export interface WorkerGo {
  /** The first state of the stage. */
  readonly base: ResetBase;
}

/** What a thread tells the main thread. */
export type WorkerMessage =
  | { readonly type: 'attached'; readonly base: ResetBase | null }
  | { readonly type: 'failure'; readonly failure: Failure }
  | { readonly type: 'place'; readonly place: Place }
  | { readonly type: 'done'; readonly warnings: readonly string[] };

/** Module of a scenario, in the build of the code it was loaded from. */
interface ScenarioModule {
  readonly default: DefinedScenario<unknown, unknown>;
}

const port = parentPort!;
const start = workerData as WorkerStart;

const { default: scenario } = (await import(start.module)) as ScenarioModule;
const baton = new Baton(start.baton, 0, start.thread);
const places = new Places((place) => tell({ type: 'place', place }));
const control = new ThreadControl(start.thread, baton, places);
const stage = scenario.Stage.open(scenario, start.stage);
const names = scenario.threads.map(({ name }) => name);
const env = stage.attach(names[start.thread] ?? 'thread', control, start.shared);
const { operations } = scenario.threads[start.thread]!;

port.once('message', (go: WorkerGo) => {
  const session = new Session({
    stage,
    env,
    group: start.group,
    threads: names,
    base: go.base,
    now: () => performance.timeOrigin + performance.now(),
  });
  control.use(session);
  try {
    while (baton.take()) serve(session);
  } catch (thrown) {
    if (!(thrown instanceof GroupStopped)) throw thrown;
  }
  port.close();
});
// The last one to attach has seen all tasks, so the state is the one in which schedules begin.
tell({ type: 'attached', base: start.thread === names.length - 1 ? takeBase(env.core, true) : null });

/** Does what is to be done with the baton, until another thread has it. */
function serve(session: Session): void {
  for (;;) {
    if (session.phase() === PHASE_BEGIN) {
      const first = session.begin();
      if (first !== start.thread) {
        baton.hand(first);
        return;
      }
    }
    if (session.phase() !== PHASE_RUN) throw new Error(`thread ${start.thread} has the baton for no reason`);
    const next = play(session);
    if (next === start.thread) continue;
    if (next === NOBODY) return;
    baton.hand(next);
    return;
  }
}

/**
 * Runs the body of this thread in the present schedule.
 * @returns who gets the baton: this thread to begin the next schedule, or `NOBODY` when the job has ended
 */
function play(session: Session): number {
  session.enter(start.thread);
  control.start();
  try {
    const dropped = session.dropped(start.thread);
    for (const [index, operation] of operations.entries())
      if (((dropped >>> index) & 1) === 0) operation.run(env);
    const next = control.exit();
    if (next !== NOBODY && next !== STOPPED) {
      session.leave(start.thread);
      return next;
    }
    session.nobodyRuns(next);
  } catch (thrown) {
    if (thrown instanceof GroupStopped) throw thrown;
    if (!(thrown instanceof ScheduleAbandoned)) session.fail(start.thread, thrown, control.remaining());
    control.stop();
  }
  session.leave(start.thread);
  tellFailure(session);
  if (session.phase() === PHASE_UNWIND && session.waiting() !== 0) return lowestTask(session.waiting());
  if (session.finish()) return start.thread;
  tellFailure(session);
  tell({ type: 'done', warnings: session.watch.warnings() });
  return NOBODY;
}

/** Each failure is told once, by the thread that saw it. */
function tellFailure(session: Session): void {
  if (session.failure !== null) tell({ type: 'failure', failure: session.failure });
  session.failure = null;
}

function tell(message: WorkerMessage): void {
  port.postMessage(message);
}
