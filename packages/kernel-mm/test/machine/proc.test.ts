import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { MisuseError } from '#src/errno.js';
import { createMachine } from '#src/machine/machine.js';

const PAGES = 64;

function newMachine() {
  const machine = createMachine({
    ramBytes: 1 << 20,
    addressSpaces: 4,
    ramDisks: [{ name: 'ram0', bytes: (PAGES + 1) * PAGE_SIZE }],
  });
  return { machine, view: machine.attach() };
}

describe('the files of /proc', () => {
  it('show an area as it fills and empties', () => {
    const { view } = newMachine();
    expect(view.proc('swaps')).to.equal('Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n');
    view.mkswap('/dev/ram0');
    view.swapon('/dev/ram0', { priority: 3 });
    const mm = view.createAddressSpace();
    for (let page = 0; page < 10; page++) mm.write(page * PAGE_SIZE, new Uint8Array([page + 1]));
    expect(mm.vmSwap()).to.equal('VmSwap:\t       0 kB\n');
    expect(view.reclaimPages(10)).to.equal(10);
    expect(view.proc('swaps').split('\n')[1]).to.equal(
      '/dev/ram0                               partition\t256\t40\t3',
    );
    expect(mm.vmSwap()).to.equal('VmSwap:\t      40 kB\n');
    mm.read(0, 1);
    const lines = view.proc('meminfo').split('\n');
    expect(lines.filter((line) => line.startsWith('Swap'))).to.deep.equal([
      'SwapCached:            4 kB',
      'SwapTotal:           256 kB',
      'SwapFree:            216 kB',
    ]);
    mm.exit();
    expect(view.proc('swaps')).to.match(/partition\t256\t0\t3\n$/);
    expect(() => mm.vmSwap()).to.throw(MisuseError, 'has ended');
  });

  it('agree with the numbers', () => {
    const { view } = newMachine();
    view.mkswap('/dev/ram0');
    view.swapon('/dev/ram0');
    const mm = view.createAddressSpace();
    mm.write(0, new Uint8Array(20 * PAGE_SIZE).fill(1));
    view.reclaimPages(5);
    const numbers = view.meminfo();
    expect(numbers).to.deep.include({
      memTotal: 1 << 20,
      swapCached: 0,
      swapTotal: PAGES * PAGE_SIZE,
      swapFree: (PAGES - 5) * PAGE_SIZE,
    });
    expect(numbers.memFree).to.equal(view.kernel.frames.info().free * PAGE_SIZE);
    const read = new Map(
      view
        .proc('meminfo')
        .trimEnd()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf(':')), Number(line.match(/(\d+) kB$/)![1]) * 1024]),
    );
    expect([...read]).to.deep.equal([
      ['MemTotal', numbers.memTotal],
      ['MemFree', numbers.memFree],
      ['SwapCached', numbers.swapCached],
      ['Active', numbers.activeAnon],
      ['Inactive', numbers.inactiveAnon],
      ['Active(anon)', numbers.activeAnon],
      ['Inactive(anon)', numbers.inactiveAnon],
      ['SwapTotal', numbers.swapTotal],
      ['SwapFree', numbers.swapFree],
    ]);
  });

  it('have the counters of the memory manager, by their names', () => {
    const { view } = newMachine();
    view.mkswap('/dev/ram0');
    view.swapon('/dev/ram0');
    const mm = view.createAddressSpace();
    mm.write(0, new Uint8Array(20 * PAGE_SIZE).fill(1));
    view.reclaimPages(5);
    mm.read(0, 1);
    const { frames, vm } = view.kernel;
    const events = vm.events.sums();
    const rows = new Map(
      view
        .proc('vmstat')
        .trimEnd()
        .split('\n')
        .map((line): [string, number] => {
          expect(line).to.match(/^[a-z_]+ \d+$/);
          const [name, value] = line.split(' ');
          return [name!, Number(value)];
        }),
    );
    expect([...rows.keys()].slice(0, 4)).to.deep.equal([
      'nr_free_pages',
      'nr_inactive_anon',
      'nr_active_anon',
      'nr_isolated_anon',
    ]);
    expect(rows.get('nr_free_pages')).to.equal(frames.info().free);
    expect(rows.get('nr_inactive_anon')! + rows.get('nr_active_anon')!).to.equal(
      view.kernel.reclaimList.count(),
    );
    expect([rows.get('pswpout'), rows.get('pgsteal_normal')]).to.deep.equal([5, 5]);
    expect(rows.get('pswpin')).to.equal(events.swapIns);
    // All pages were active and had to become inactive first.
    expect([rows.get('pgrefill_normal'), rows.get('pgdeactivate')]).to.deep.equal([20, 20]);
    expect([rows.get('pgfault'), rows.get('pgmajfault')]).to.deep.equal([21, 1]);
    expect([rows.get('allocstall'), rows.get('pageoutrun'), rows.get('kswapd_steal')]).to.deep.equal([
      0, 0, 0,
    ]);
  });

  it('show a swap file whose name has a space', () => {
    const path = '/mnt/my swap';
    const machine = createMachine({
      ramBytes: 1 << 20,
      ramDisks: [{ name: 'ram0', bytes: 64 * PAGE_SIZE }],
      files: [
        {
          path,
          disk: 'ram0',
          extents: [
            [1, 20],
            [30, 20],
          ],
        },
      ],
    });
    const view = machine.attach();
    view.mkswap(path);
    view.swapon(path);
    expect(view.proc('swaps').split('\n')[1]).to.equal(`/mnt/my\\040swap${' '.repeat(25)}file\t\t156\t0\t-1`);
    expect(machine.drain('printk').map((event) => (event.type === 'printk' ? event.text : ''))).to.deep.equal(
      ['Adding 156k swap on /mnt/my swap.  Priority:-1 extents:2 across:192k '],
    );
    view.swapoff(path);
    expect(view.proc('swaps').split('\n')).to.have.length(2);
  });

  it('are only those there are', () => {
    const { view } = newMachine();
    expect(() => view.proc('partitions' as 'swaps'))
      .to.throw(MisuseError, "no /proc/partitions here; there are 'swaps', 'meminfo' and 'vmstat'")
      .with.property('code', 'ERR_INVALID_ARGUMENT');
  });

  it('are joined by what SysRq-m logs', () => {
    const { machine, view } = newMachine();
    view.mkswap('/dev/ram0');
    view.swapon('/dev/ram0');
    const mm = view.createAddressSpace();
    mm.write(0, new Uint8Array(PAGE_SIZE).fill(1));
    view.reclaimPages(1);
    mm.read(0, 1);
    machine.drain();
    view.showSwapCacheInfo();
    const events = machine.drain('printk');
    expect(events.map((event) => (event.type === 'printk' ? [event.level, event.text] : []))).to.deep.equal([
      [4, '1 pages in swap cache'],
      [4, 'Swap cache stats: add 2, delete 1, find 0/1'],
      [4, 'Free swap  = 252kB'],
      [4, 'Total swap = 256kB'],
    ]);
  });
});
