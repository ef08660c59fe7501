import { expect } from 'chai';
import { MisuseError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { Driver } from '#src/machine/driver.js';
import type { Kernel } from '#src/machine/kernel.js';
import {
  attachMachine,
  createMachine,
  openMachine,
  type Machine,
  type MachineHandle,
} from '#src/machine/machine.js';
import { TASKS_MAX } from '#src/sync/task.js';
import { siblingModule, until, valuesOf, withThreads } from '../support/threads.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;
const LIMIT_MS = 15_000;

function newMachine(drivers: readonly Driver[] = []): Machine {
  return createMachine({ ramBytes: 1 << 20, ramDisks: [{ name: 'ram0', bytes: 65 * PAGE_SIZE }], drivers });
}

function names(machine: Machine): string[] {
  return machine.tasks().map((task) => task.name);
}

/** A driver whose views define functions by the names given. */
function driver(symbols: readonly string[], layoutBytes = 64, fails = false): Driver {
  const call = (): number => 0;
  return {
    name: 'toy',
    options: { disks: 3 },
    tableBytes: 0,
    layout: (layout) => void layout.bytes('hot', 'toy', layoutBytes),
    attach: (kernel: Kernel) => {
      for (const symbol of symbols) kernel.notifierBlocks.calls.define(symbol, call);
      if (fails) throw new Error('the toy is broken');
      return { boot: () => undefined };
    },
  };
}

describe('attaching', () => {
  it('gives a task, and detaching gives it back', () => {
    const machine = newMachine();
    expect(names(machine)).to.deep.equal([]);
    const first = machine.attach();
    const second = machine.attach({ name: 'second' });
    expect(names(machine)).to.deep.equal(['main', 'second']);
    expect(first.kernel.core.context.options.mayWait).to.equal(false);
    first.detach();
    expect(names(machine)).to.deep.equal(['second']);
    expect(machine.attach({ name: 'third' }).kernel.core.context.current).to.equal(0);
    // By now the place is another's.
    first.detach();
    expect(names(machine)).to.deep.equal(['third', 'second']);
    second.detach();
  });

  it('leaves nothing of the boot behind', () => {
    const machine = newMachine();
    expect(machine.tasks()).to.deep.equal([]);
    expect(machine.stopReport()).to.equal(null);
    const { kernel } = machine.attach();
    expect(kernel.frames.info().free).to.equal(256);
    expect(kernel.vmalloc.pagesInUse()).to.equal(0);
  });

  it('works for as many threads as there are tasks, and not for one more', () => {
    const machine = newMachine();
    const views = Array.from({ length: TASKS_MAX }, () => machine.attach());
    expect(() => machine.attach())
      .to.throw(MisuseError, `At most ${TASKS_MAX} threads`)
      .with.property('code', 'ERR_TOO_MANY_TASKS');
    expect(machine.tasks()).to.have.length(TASKS_MAX);
    views[5]!.detach();
    expect(machine.attach().kernel.core.context.current).to.equal(5);
  });

  it('is refused by a machine that has stopped, and takes no task', () => {
    const machine = newMachine();
    machine.stop('enough for today');
    expect(machine.stopReport()).to.equal('enough for today');
    machine.stop('again');
    expect(machine.stopReport()).to.equal('enough for today');
    expect(() => machine.attach())
      .to.throw(MisuseError, 'enough for today')
      .with.property('code', 'ERR_MACHINE_STOPPED');
    expect(machine.tasks()).to.deep.equal([]);
  });

  it('from other threads works on the same machine', async () => {
    const machine = newMachine();
    const seen = await withThreads(SCENARIOS, async (threads) => {
      for (const mark of [1, 2, 3]) threads.start('lookAround', { handle: machine.handle, mark });
      return valuesOf<{ mark: number; free: number; mayWait: boolean; named: boolean; config: unknown }>(
        await threads.allEnded(LIMIT_MS),
      );
    });
    for (const [index, { mark, free, mayWait, named, config }] of seen.entries()) {
      expect([mark, mayWait, named]).to.deep.equal([index + 1, true, true]);
      expect(free).to.be.within(253, 255);
      expect(config).to.deep.equal(machine.config);
    }
    expect(machine.tasks()).to.deep.equal([]);
    expect(machine.attach().kernel.frames.info().free).to.equal(256);
  }).timeout(2 * LIMIT_MS);

  it('of a thread that dies is seen once it is marked dead, and its place is not given again', async () => {
    const machine = newMachine();
    const task = await withThreads(SCENARIOS, async (threads) => {
      threads.start('dieAttached', { handle: machine.handle });
      return valuesOf<number>(await threads.allEnded(LIMIT_MS))[0]!;
    });
    expect(machine.tasks().map(({ name, state }) => [name, state])).to.deep.equal([['mortal', 'running']]);
    machine.markDead(task);
    expect(machine.tasks().map(({ name, state }) => [name, state])).to.deep.equal([['mortal', 'dead']]);
    expect(machine.describeTasks()).to.match(/mortal \(task 0, dead, \d+ steps\)/);
    expect(machine.attach().kernel.core.context.current).to.equal(1);
    for (const id of [-1, 0.5, TASKS_MAX])
      expect(() => machine.markDead(id))
        .to.throw(MisuseError)
        .with.property('code', 'ERR_OUT_OF_RANGE');
  }).timeout(2 * LIMIT_MS);
});

describe('a handle', () => {
  it('opens the machine it is of', () => {
    const machine = newMachine();
    const space = machine.attach().createAddressSpace();
    space.write(0, Uint8Array.of(42));
    const opened = openMachine(machine.handle);
    expect(opened.tasks()).to.deep.equal(machine.tasks());
    expect(opened.attach().kernel.vm.spaces.list()).to.deep.equal([space.id]);
  });

  it('of something else is refused', () => {
    const { handle } = newMachine();
    for (const wrong of [{}, { ...handle, format: 'swaplab.machine/0' }, null, undefined, 'machine'])
      expect(() => openMachine(wrong as MachineHandle))
        .to.throw(MisuseError, 'This is no handle of a machine')
        .with.property('code', 'ERR_BAD_HANDLE');
  });

  it('to a memory that holds no such machine is refused before anything is touched', () => {
    const machine = newMachine();
    const other = createMachine({ ramBytes: 2 << 20 });
    const config = { ...machine.config, addressSpaces: 65 };
    for (const handle of [
      { ...machine.handle, config },
      { ...machine.handle, memory: other.handle.memory },
    ]) {
      expect(() => attachMachine(handle))
        .to.throw(MisuseError, 'lays the machine out differently')
        .with.property('code', 'ERR_SYMBOL_MISMATCH');
    }
    expect([...machine.tasks(), ...other.tasks()]).to.deep.equal([]);
  });

  it('names the drivers whose code is needed', () => {
    const { handle } = newMachine([driver(['toy_call'])]);
    expect(handle.drivers).to.deep.equal([{ name: 'toy', options: { disks: 3 } }]);
    expect(() => attachMachine(handle))
      .to.throw(MisuseError, "has the driver 'toy', but its code was not given")
      .with.property('code', 'ERR_BAD_HANDLE');
    const given: unknown[] = [];
    const view = attachMachine(handle, {
      drivers: {
        toy: (options: never) => {
          given.push(options);
          return driver(['toy_call']);
        },
      },
    });
    expect(given).to.deep.equal([{ disks: 3 }]);
    expect(view.driver('toy')).to.have.property('boot');
    expect(() => view.driver('other')).to.throw(MisuseError, "no driver 'other'");
  });
});

describe('a thread that has other code', () => {
  const refused: readonly [string, Driver, RegExp][] = [
    ['lacks a function', driver(['one']), /created with the function 'two', which this thread does not have/],
    ['has one more', driver(['one', 'two', 'three']), /defines the notifier_call function 'three' where/],
    ['has them in another order', driver(['two', 'one']), /'two' where the machine was created with 'one'/],
    ['lays a driver out differently', driver(['one', 'two'], 128), /lays the machine out differently/],
  ];
  for (const [name, code, sentence] of refused) {
    it(`is refused when it ${name}, and leaves no task and no symbol`, () => {
      const machine = newMachine([driver(['one', 'two'])]);
      const before = machine.attach();
      const symbols = before.kernel.core.symbols.count();
      before.detach();
      expect(() => attachMachine(machine.handle, { drivers: { toy: () => code } }))
        .to.throw(MisuseError, sentence)
        .with.property('code', 'ERR_SYMBOL_MISMATCH');
      expect(machine.tasks()).to.deep.equal([]);
      expect(machine.attach().kernel.core.symbols.count()).to.equal(symbols);
    });
  }

  it('that throws while it attaches leaves no task', () => {
    const machine = newMachine([driver(['one'])]);
    const broken = driver(['one'], 64, true);
    expect(() => attachMachine(machine.handle, { drivers: { toy: () => broken } })).to.throw(
      'the toy is broken',
    );
    expect(machine.tasks()).to.deep.equal([]);
  });
});

describe('a view that must not wait', () => {
  for (const lock of ['swap_lock', 'page_table_lock'] as const) {
    it(`is told when another thread holds ${lock}, and has changed nothing`, async () => {
      const machine = newMachine();
      const view = machine.attach();
      view.mkswap('/dev/ram0');
      const type = view.swapon('/dev/ram0');
      const space = view.createAddressSpace({ bytes: PAGE_SIZE });
      space.write(0, Uint8Array.of(9));
      const symbol = view.define('told', () => undefined);
      const signals = new SharedArrayBuffer(8);
      const cells = new Int32Array(signals);
      const call = (): unknown =>
        lock === 'swap_lock' ? view.setSwapFreeNotify(type, symbol) : space.read(0, 1);
      await withThreads(SCENARIOS, async (threads) => {
        threads.start('holdLock', { handle: machine.handle, signals, lock, mm: space.id });
        await until('the lock is held', () => Atomics.load(cells, 0) === 1);
        expect(call).to.throw(MisuseError, lock).with.property('code', 'ERR_WOULD_BLOCK');
        const [main, holder] = machine.tasks();
        expect([main!.held, main!.preemptCount, main!.waitAddress]).to.deep.equal([[], 0, 0]);
        expect(holder!.held.map(({ lockClass }) => machine.lockClassName(lockClass))).to.deep.equal([lock]);
        expect(machine.stopReport()).to.equal(null);
        Atomics.store(cells, 1, 1);
        Atomics.notify(cells, 1);
        expect(valuesOf(await threads.allEnded(LIMIT_MS))).to.deep.equal(['ok']);
      });
      // The machine was left as it was: the same call works now.
      call();
      expect(space.read(0, 1)).to.deep.equal(Uint8Array.of(9));
    }).timeout(2 * LIMIT_MS);
  }
});
