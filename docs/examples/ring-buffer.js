// Somebody's own lock and ring buffer. All they need of swaplab are its cells: loads and stores that a schedule can stand between.
import { defineScenario, thread } from '@swaplab/explore';

class Lock {
  constructor({ cells, context }, address) {
    Object.assign(this, { cells, context, address });
  }
  lock() {
    for (let round = 0; this.cells.atomicExchange(this.address, 1) !== 0; round++) this.context.relax(round);
  }
  unlock() {
    this.cells.atomicStore(this.address, 0);
  }
}

/** A ring of two numbers. Its cells: the lock, how many were put, how many were taken, the two numbers. */
class Ring {
  constructor(core, base) {
    Object.assign(this, { cells: core.cells, base, lock: new Lock(core, base) });
  }
  put(number) {
    if (this.cells.ld32(this.base + 4) - this.cells.ld32(this.base + 8) === 2) return; // Is it full?
    this.lock.lock();
    const count = this.cells.ld32(this.base + 4);
    this.cells.st32(this.base + 12 + 4 * (count % 2), number);
    this.cells.st32(this.base + 4, count + 1);
    this.lock.unlock();
  }
}

const put = ({ core, regions }) => new Ring(core, regions.ring.base).put(7);

export default defineScenario({
  name: 'ring-buffer',
  about: 'Two threads put a number each into a ring that has one in it, and room for two.',
  memory: (layout) => ({ ring: layout.bytes('hot', 'ring', 64) }),
  setup: put,
  threads: [thread('first', put), thread('second', put)],
  check({ core, regions }) {
    core.context.assert(core.cells.ld32(regions.ring.base + 4) <= 2, 'there is more in the ring than room');
  },
});
