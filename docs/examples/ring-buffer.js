// Somebody's own lock and ring buffer. All they need of swaplab are its cells: loads and stores that a schedule can stand between.
import { defineScenario } from '@swaplab/explore';

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

/** A ring of two numbers: cell 0 is the lock, 1 counts what was put, 2 what was taken; the numbers are in cells 4 and 5. */
class Ring {
  constructor(core, base) {
    Object.assign(this, { cells: core.cells, base, lock: new Lock(core, base) });
  }
  put(number) {
    if (this.cells.ld32(this.base + 4) - this.cells.ld32(this.base + 8) === 2) return false; // Is it full?
    this.lock.lock();
    const count = this.cells.ld32(this.base + 4);
    this.cells.st32(this.base + 16 + 4 * (count % 2), number);
    this.cells.st32(this.base + 4, count + 1);
    this.lock.unlock();
    return true;
  }
}

const puts = (number) => ({
  name: `puts ${number}`,
  run: ({ core, regions }) => new Ring(core, regions.ring.base).put(number),
});

export default defineScenario({
  name: 'ring-buffer',
  about: 'Two threads put numbers into a ring that has room for two.',
  memory: (layout) => ({ ring: layout.bytes('hot', 'ring', 64) }),
  threads: [
    { name: 'odd', operations: [puts(1), puts(3)] },
    { name: 'even', operations: [puts(2)] },
  ],
  check: ({ core, regions }) =>
    core.context.assert(
      core.cells.ld32(regions.ring.base + 4) <= 2,
      'the ring has more in it than it has room for',
    ),
});
