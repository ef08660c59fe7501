import { expect } from 'chai';
import { MisuseError } from '#src/errno.js';
import { FunctionTable, NULL_SYMBOL, SYMBOLS_MAX } from '#src/arena/symbols.js';
import { createTestCore } from '../support/core.js';
import { siblingModule, valuesOf, withThreads } from '../support/threads.js';

const SCENARIOS = siblingModule('scenarios', import.meta.url).href;

const newCore = () => createTestCore((layout) => layout.bytes('hot', 'start', 64));

type Callback = (slot: number) => string;

describe('symbols', () => {
  it('have one number in all views, each with its own function', () => {
    const here = newCore();
    const there = here.attach();
    const mine = new FunctionTable<Callback>(here.symbols, 'swap_free_notify');
    const theirs = new FunctionTable<Callback>(there.symbols, 'swap_free_notify');
    const first = mine.define('ramzswap_slot_free', (slot) => `here ${slot}`);
    const second = mine.define('seen', () => 'seen');
    expect([first, second]).to.deep.equal([1, 2]);
    expect(theirs.has(second)).to.be.false;
    expect(theirs.define('seen', () => 'seen there')).to.equal(second);
    expect(theirs.define('ramzswap_slot_free', (slot) => `there ${slot}`)).to.equal(first);
    expect(mine.resolve(first)(5)).to.equal('here 5');
    expect(theirs.resolve(first)(6)).to.equal('there 6');
    expect(there.symbols.nameOf(first)).to.equal('ramzswap_slot_free');
    expect(here.symbols.count()).to.equal(2);
    expect(here.symbols.nameOf(NULL_SYMBOL)).to.equal('null');
  });

  it('get the same numbers in threads that define them at the same time', async function () {
    this.timeout(25_000);
    const names = Array.from({ length: 240 }, (_, index) => `symbol_${index}`);
    const sorted = names.toSorted();
    for (let machine = 0; machine < 4; machine++) {
      const core = newCore();
      const ids = await withThreads(SCENARIOS, async (threads) => {
        threads.start('defineAll', { handle: core.handle, names, parties: 2, stagger: 7 });
        threads.start('defineAll', {
          handle: core.handle,
          names: names.toReversed(),
          parties: 2,
          stagger: 11,
        });
        return valuesOf<number[]>(await threads.allEnded(20_000));
      });
      expect(ids[0]).to.deep.equal(ids[1]);
      expect(new Set(ids[0]).size).to.equal(240);
      expect(core.symbols.count()).to.equal(240);
      for (const [index, id] of ids[0]!.entries()) expect(core.symbols.nameOf(id)).to.equal(sorted[index]);
    }
  });

  it('may not be defined as two kinds', () => {
    const { symbols } = newCore();
    symbols.intern('notifier_call', 'seen');
    expect(() => symbols.intern('swap_free_notify', 'seen'))
      .to.throw(MisuseError, "The symbol 'seen' is already defined, but not as a swap_free_notify function.")
      .with.property('code', 'ERR_SYMBOL_MISMATCH');
  });

  it('are named when this thread has no function for them', () => {
    const here = newCore();
    const there = here.attach();
    const id = new FunctionTable<Callback>(here.symbols, 'notifier_call').define('ramzswap_swapon', () => '');
    const theirs = new FunctionTable<Callback>(there.symbols, 'notifier_call');
    expect(() => theirs.resolve(id))
      .to.throw(MisuseError, "This thread has no notifier_call function 'ramzswap_swapon'")
      .with.property('code', 'ERR_UNKNOWN_SYMBOL');
    expect(() => theirs.resolve(77)).to.throw(MisuseError, "'symbol 77'");
    expect(() => theirs.resolve(-1)).to.throw(MisuseError, "'symbol -1'");
    expect(() => theirs.resolve(NULL_SYMBOL)).to.throw(MisuseError, "'null'");
  });

  it('need a name of 1 to 47 printable characters', () => {
    const { symbols } = newCore();
    for (const name of ['', 'two words', 'é', 'x'.repeat(48)]) {
      expect(() => symbols.intern('k', name))
        .to.throw(MisuseError)
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    }
    expect(symbols.nameOf(symbols.intern('k', 'x'.repeat(47)))).to.equal('x'.repeat(47));
  });

  it('do not fit in any number', () => {
    const { symbols } = newCore();
    for (let index = 0; index < SYMBOLS_MAX; index++) symbols.intern('k', `s${index}`);
    expect(() => symbols.intern('k', 'one_more'))
      .to.throw(MisuseError)
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(symbols.intern('k', 's255')).to.equal(SYMBOLS_MAX);
  });

  it('do not hang on an entry whose thread ended while it wrote it', function () {
    this.timeout(20_000);
    const { symbols, arena, layout } = newCore();
    const table = layout.regions.find((region) => region.name === 'kallsyms')!;
    symbols.intern('k', 'first');
    arena.i32[(table.base + table.stride) >> 2] = 1;
    expect(symbols.intern('k', 'first')).to.equal(1);
    expect(() => symbols.intern('k', 'second'))
      .to.throw(MisuseError, 'a thread ended while it defined symbol 2')
      .with.property('code', 'ERR_MACHINE_STOPPED');
  });
});
