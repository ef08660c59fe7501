import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { MisuseError } from '#src/errno.js';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { Driver } from '#src/machine/driver.js';
import { createMachine, type CreateMachineOptions } from '#src/machine/machine.js';

/** The smallest machine, so that making one is cheap. */
const SMALL: CreateMachineOptions = {
  ramBytes: 16 * PAGE_SIZE,
  shared: false,
  addressSpaces: 1,
  ramDisks: [],
  traceRecords: 32,
};

function driver(name: string): Driver {
  return {
    name,
    options: {},
    tableBytes: 0,
    layout: () => undefined,
    attach: () => ({ boot: () => undefined }),
  };
}

describe('the options of a machine', () => {
  const refused: readonly [name: string, options: object, code: string, sentence: string][] = [
    [
      'too little memory',
      { ramBytes: 15 * PAGE_SIZE },
      'ERR_OUT_OF_RANGE',
      'ramBytes is 61440, but must be a multiple of 4096 between 65536 and 1610612736.',
    ],
    ['too much memory', { ramBytes: 2 ** 31 }, 'ERR_OUT_OF_RANGE', 'ramBytes is 2147483648, but must be'],
    ['half a page', { ramBytes: 2 ** 20 + 2048 }, 'ERR_OUT_OF_RANGE', 'ramBytes is 1050624, but must be'],
    ['no number', { ramBytes: Number.NaN }, 'ERR_OUT_OF_RANGE', 'ramBytes is NaN, but must be'],
    [
      'a limit above the memory',
      { limitBytes: 17 * PAGE_SIZE },
      'ERR_OUT_OF_RANGE',
      'limitBytes is 69632, but must be a multiple of 4096 between 0 and 65536.',
    ],
    [
      'a limit below nothing',
      { limitBytes: -PAGE_SIZE },
      'ERR_OUT_OF_RANGE',
      'limitBytes is -4096, but must be',
    ],
    [
      'no address space',
      { addressSpaces: 0 },
      'ERR_OUT_OF_RANGE',
      'addressSpaces is 0, but must be an integer between 1 and 4096.',
    ],
    ['too many address spaces', { addressSpaces: 4097 }, 'ERR_OUT_OF_RANGE', 'addressSpaces is 4097'],
    [
      'no table memory',
      { tableBytes: 0 },
      'ERR_OUT_OF_RANGE',
      'tableBytes is 0, but must be an integer between 4096 and 1610612736.',
    ],
    ['table memory that is no number', { tableBytes: Number.NaN }, 'ERR_OUT_OF_RANGE', 'tableBytes is NaN'],
    ['too few swap areas', { maxSwapfiles: 28 }, 'ERR_OUT_OF_RANGE', '29 to 32 swap areas, but not 28.'],
    ['too many swap areas', { maxSwapfiles: 33 }, 'ERR_OUT_OF_RANGE', '29 to 32 swap areas, but not 33.'],
    [
      'too small rings',
      { traceRecords: 16 },
      'ERR_OUT_OF_RANGE',
      'traceRecords is 16, but must be an integer between 32 and 1048576.',
    ],
    [
      'rings of no power of two',
      { traceRecords: 100 },
      'ERR_OUT_OF_RANGE',
      'a power of two of records, 32 to 1048576, but not 100.',
    ],
    [
      'a negative seed',
      { seed: -1 },
      'ERR_OUT_OF_RANGE',
      'seed is -1, but must be an integer between 0 and 4294967295.',
    ],
    ['a seed that is no integer', { seed: 1.5 }, 'ERR_OUT_OF_RANGE', 'seed is 1.5'],
    [
      'an unknown profile',
      { profile: '2.6.33' },
      'ERR_INVALID_ARGUMENT',
      "There is no profile '2.6.33'; choose one of sound, 2.6.34, 2.6.34+series, 2.6.35.",
    ],
    [
      'an unknown variant',
      { variants: ['c13', 'c99'] },
      'ERR_INVALID_ARGUMENT',
      "There is no variant 'c99'; choose from c01, c02,",
    ],
    [
      'an unknown policy',
      { policy: 'frontswap' },
      'ERR_INVALID_ARGUMENT',
      "There is no free-slot policy 'frontswap'; choose one of none, discard, discard-cluster, discard-slot, notify, chain, " +
        'bdev-op, address-space.',
    ],
    [
      'a disk of no size',
      { ramDisks: [{ name: 'a', bytes: 0 }] },
      'ERR_OUT_OF_RANGE',
      "bytes of the RAM disk 'a' is 0, but must be a multiple of 4096 between 4096 and 1610612736.",
    ],
    [
      'a disk of half a page',
      { ramDisks: [{ name: 'a', bytes: 2048 }] },
      'ERR_OUT_OF_RANGE',
      "bytes of the RAM disk 'a' is 2048",
    ],
    [
      'a disk without a name',
      { ramDisks: [{ name: '', bytes: PAGE_SIZE }] },
      'ERR_INVALID_ARGUMENT',
      "A RAM disk cannot be called ''",
    ],
    [
      'a disk with a slash',
      { ramDisks: [{ name: 'a/b', bytes: PAGE_SIZE }] },
      'ERR_INVALID_ARGUMENT',
      "A RAM disk cannot be called 'a/b': a name has 1 to 31 printable ASCII characters without a slash.",
    ],
    [
      'two disks of one name',
      { ramDisks: [1, 2].map(() => ({ name: 'a', bytes: PAGE_SIZE })) },
      'ERR_INVALID_ARGUMENT',
      "The RAM disk 'a' is given twice.",
    ],
    [
      'too many disks',
      { ramDisks: Array.from({ length: 65 }, (_, index) => ({ name: `d${index}`, bytes: PAGE_SIZE })) },
      'ERR_OUT_OF_RANGE',
      'the number of ramDisks is 65, but must be an integer between 0 and 64.',
    ],
    [
      'two drivers of one name',
      { drivers: [driver('rzs'), driver('rzs')] },
      'ERR_INVALID_ARGUMENT',
      "The driver 'rzs' is given twice.",
    ],
    [
      'more than fits in the memory of a machine',
      { ramBytes: 1536 * 2 ** 20, ramDisks: [{ name: 'a', bytes: 1024 * 2 ** 20 }] },
      'ERR_OUT_OF_RANGE',
      'This machine would need ',
    ],
  ];
  for (const [name, options, code, sentence] of refused) {
    it(`are refused: ${name}`, () => {
      expect(() => createMachine({ ...SMALL, ...options }))
        .to.throw(MisuseError, sentence)
        .with.property('code', code);
    });
  }

  it('are completed with defaults, and the machine has what they say', () => {
    const machine = createMachine({ shared: false });
    const { kernel } = machine.attach();
    expect(machine.config).to.deep.include({
      ramBytes: 64 << 20,
      shared: false,
      profile: 'sound',
      variants: [],
      policy: 'notify',
      limitBytes: 0,
      ramDisks: [{ name: 'ram0', bytes: 4 << 20 }],
      addressSpaces: 64,
      maxSwapfiles: 30,
      traceRecords: 4096,
      seed: 1,
    });
    expect(kernel.frames.info()).to.deep.include({ frames: 16_384, free: 16_384, limit: 0 });
    expect(kernel.block.devices.pathOf(kernel.block.devices.at(0))).to.equal('/dev/ram0');
    expect(kernel.block.devices.at(1)).to.equal(0);
  });

  it('at their least still make a machine', () => {
    const machine = createMachine({
      ...SMALL,
      tableBytes: PAGE_SIZE,
      limitBytes: PAGE_SIZE,
      seed: 0,
      maxSwapfiles: 29,
    });
    const view = machine.attach();
    const space = view.createAddressSpace({ bytes: PAGE_SIZE });
    space.write(0, Uint8Array.of(7));
    expect(space.read(0, 2)).to.deep.equal(Uint8Array.of(7, 0));
    expect(view.kernel.frames.info()).to.deep.include({ charged: 1, limit: 1 });
    expect(view.kernel.swap.table.nrSwapfiles()).to.equal(0);
  });

  it('give table memory for swap maps and page tables of the default sizes', () => {
    const view = createMachine({ shared: false }).attach();
    for (let index = 0; index < 16; index++) view.createAddressSpace({ bytes: 16 << 20 });
    view.mkswap('/dev/ram0');
    expect(view.swapon('/dev/ram0')).to.equal(0);
  });
});

describe('a platform without SharedArrayBuffer', () => {
  // The module is imported in a process of its own, after SharedArrayBuffer is gone, as a browser page would find it.
  const isSource = import.meta.url.endsWith('.ts');
  const index = new URL(isSource ? '../../src/index.ts' : '../../dist/index.js', import.meta.url).href;

  function run(script: string): unknown {
    const code = `delete globalThis.SharedArrayBuffer;
      const { createMachine } = await import(${JSON.stringify(index)});
      const results = [];
      ${script}
      console.log(JSON.stringify(results));`;
    const flags = isSource ? ['--import', 'tsx', '--conditions', '@swaplab/source'] : [];
    const out = execFileSync(process.execPath, [...flags, '--input-type=module', '--eval', code], {
      encoding: 'utf8',
      timeout: 15_000,
    });
    return JSON.parse(out);
  }

  it('runs a machine in one thread, and says why it cannot run a shared one', () => {
    const results = run(`
      results.push(typeof SharedArrayBuffer);
      try { createMachine(); } catch (error) { results.push(error.code, error.message.includes('shared: false')); }
      const machine = createMachine({ shared: false, ramBytes: 1 << 20, limitBytes: 4096 * 4, ramDisks: [{ name: 'ram0', bytes: 1 << 18 }] });
      const view = machine.attach();
      view.mkswap('/dev/ram0');
      results.push(view.swapon('/dev/ram0'));
      const space = view.createAddressSpace({ bytes: 4096 * 20 });
      for (let page = 0; page < 20; page++) space.write(page * 4096, Uint8Array.of(page + 1));
      let sum = 0;
      for (let page = 0; page < 20; page++) sum += space.read(page * 4096, 1)[0];
      results.push(sum, view.kernel.vm.events.sums().swapOuts >= 16);
      const snapshot = machine.snapshot();
      space.exit();
      machine.restore(snapshot);
      results.push(space.read(19 * 4096, 1)[0]);
      space.exit();
      view.swapoff('/dev/ram0');
      results.push(machine.drain('swapoff').length);
    `);
    expect(results).to.deep.equal(['undefined', 'ERR_NO_SHARED_MEMORY', true, 0, 210, true, 20, 1]);
  }).timeout(20_000);
});
