/** Two threads take two locks, one this way and one the other way round. Not woven: its points name no lines. */
import { layoutLocks, SpinLock, type LockClass, type Region } from '@swaplab/kernel-mm';
import { defineScenario, thread, type ScenarioEnv, type ScenarioThread } from '#src/scenario/index.js';

interface Regions {
  readonly left: Region;
  readonly right: Region;
  readonly leftClass: LockClass;
  readonly rightClass: LockClass;
}

function crosser(name: string, leftFirst: boolean): ScenarioThread<Regions> {
  return thread(name, ({ core, regions }: ScenarioEnv<Regions, undefined>): void => {
    const left = new SpinLock(core.locks, regions.left.base, regions.leftClass);
    const right = new SpinLock(core.locks, regions.right.base, regions.rightClass);
    const [one, other] = leftFirst ? [left, right] : [right, left];
    one.lock();
    other.lock();
    other.unlock();
    one.unlock();
  });
}

export default defineScenario<Regions>({
  name: 'crossing',
  about: 'Two threads take two locks.',
  memory: (layout, classes) => ({
    left: layoutLocks(layout, 'left'),
    right: layoutLocks(layout, 'right'),
    leftClass: classes.define('left'),
    rightClass: classes.define('right'),
  }),
  threads: [crosser('here', true), crosser('there', false)],
});
