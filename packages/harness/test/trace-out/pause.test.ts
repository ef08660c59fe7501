import { createMachine } from '@swaplab/kernel-mm';
import { expect } from 'chai';

import { TracePause } from '#src/swappers/trace-pause.js';

describe('a thread whose events are not taken', () => {
  it('waits between two steps until they are, or until it shall leave', () => {
    const machine = createMachine({ ramBytes: 1 << 20, traceRecords: 64 });
    machine.drain();
    const view = machine.attach();
    let looks = 0;
    const pause = new TracePause(view, () => {
      looks++;
      if (looks === 3) machine.drain();
      if (looks > 3) throw new Error('leave');
    });
    const tell = (events: number): void => {
      for (let slot = 0; slot < events; slot++) view.kernel.trace.slotFree(0, slot);
    };
    tell(16);
    pause.betweenSteps();
    expect(looks).to.equal(0);
    tell(1);
    pause.betweenSteps();
    expect(looks).to.equal(3);
    expect(view.kernel.trace.pending()).to.equal(0);
    tell(17);
    expect(() => {
      pause.betweenSteps();
    }).to.throw('leave');
    expect(machine.droppedEvents()).to.equal(0);
  });
});
