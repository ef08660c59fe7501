/**
 * Philosophers at a round table, each with a mutex to the left and one to the right: each takes the left one first, and all may hold one.
 *
 * No bug of history: the plainest deadlock there is, for showing what a report of one looks like.
 */
import { defineScenario, thread, type ScenarioEnv, type ScenarioThread } from '@swaplab/explore';
import { layoutLocks, Mutex, type LockClass, type Region } from '@swaplab/kernel-mm';

const PHILOSOPHERS = 3;

interface Regions {
  readonly forks: Region;
  readonly forkClass: LockClass;
  readonly meals: Region;
}

function philosopher(place: number): ScenarioThread<Regions> {
  return thread(`philosopher ${place}`, ({ core, regions }: ScenarioEnv<Regions, undefined>): void => {
    const { forks, forkClass, meals } = regions;
    const left = new Mutex(core.locks, forks.base + place * forks.stride, forkClass);
    const right = new Mutex(core.locks, forks.base + ((place + 1) % PHILOSOPHERS) * forks.stride, forkClass);
    left.lock();
    right.lock();
    core.cells.st32(meals.base + 4 * place, 1);
    right.unlock();
    left.unlock();
  });
}

export default defineScenario<Regions>({
  name: 'dining',
  about: 'Three philosophers take the fork to their left, then that to their right.',
  memory: (layout, classes): Regions => ({
    forks: layoutLocks(layout, 'forks', PHILOSOPHERS),
    forkClass: classes.define('fork'),
    meals: layout.bytes('hot', 'meals', 64),
  }),
  threads: [philosopher(0), philosopher(1), philosopher(2)],
});
