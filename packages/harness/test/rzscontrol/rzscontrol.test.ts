import { createMachine, type MachineView, type Profile } from '@swaplab/kernel-mm';
import { ramzswap, ramzswapOf } from '@swaplab/ramzswap';
import { expect } from 'chai';

import { parseRzscontrol } from '#src/rzscontrol/arguments.js';
import { rzscontrol, type RzscontrolOutcome } from '#src/rzscontrol/rzscontrol.js';
import { plainStats, statsText } from '#src/rzscontrol/stats-text.js';
import { humanSize, zramctlRows, zramctlTable } from '#src/rzscontrol/zramctl.js';

const PAGE = 4096;

/** A machine as it is when the driver was just loaded with two devices. */
function loaded(profile: Profile = 'sound'): MachineView {
  return createMachine({
    ramBytes: 8 << 20,
    profile,
    drivers: [ramzswap({ numDevices: 2, initialise: false })],
  }).attach({ mayWait: true });
}

function tool(view: MachineView, line: string, said: string[] = []): RzscontrolOutcome {
  const parsed = parseRzscontrol(line.split(' '));
  if (parsed.kind !== 'request') throw new Error(`no request: ${line}`);
  return rzscontrol(view, parsed.request, (step) => said.push(step));
}

/** What failed, as `step EERRNO`, or `fine`. */
function verdict({ failure }: RzscontrolOutcome): string {
  return failure === null ? 'fine' : `${failure.what} ${failure.errno}`;
}

/** Writes pages of a process out to a device. */
function fill(view: MachineView, pages: number): void {
  const space = view.createAddressSpace();
  for (let page = 0; page < pages; page++)
    space.write(
      page * PAGE,
      new Uint8Array(PAGE).map((_, at) => (at % 50) + page),
    );
  view.reclaimPages(pages);
}

describe('rzscontrol', () => {
  it('sets a device up, in its own order whatever the order of the words', () => {
    const view = loaded();
    const said: string[] = [];
    const outcome = tool(view, '/dev/ramzswap0 -s -v -i -d 1024 -m 512 -b /dev/ram0', said);
    expect(verdict(outcome)).to.equal('fine');
    expect(said).to.deep.equal([
      '/dev/ramzswap0: backing_swap /dev/ram0',
      '/dev/ramzswap0: memlimit_kb 512',
      '/dev/ramzswap0: disksize_kb 1024',
      '/dev/ramzswap0: init',
      '/dev/ramzswap0: stats',
    ]);
    expect(outcome.stats).to.deep.include({ backing_swap_name: '/dev/ram0', memlimit: 512n << 10n });
    // A disk with backing swap is as large as that.
    expect(outcome.stats?.disksize).to.equal(4n << 20n);
    // Init comes before reset.
    expect(verdict(tool(view, '/dev/ramzswap1 --reset --init --disksize_kb 256'))).to.equal('fine');
    expect(ramzswapOf(view).devices[1]!.isInitialised()).to.equal(false);
  });

  it('ends with the first step that fails, and what was done before stays', () => {
    const view = loaded();
    expect(verdict(tool(view, '/dev/ramzswap2 -i'))).to.equal('/dev/ramzswap2 ENOENT');
    expect(verdict(tool(view, '/dev/ram0 -i'))).to.equal('/dev/ram0 ENOENT');
    expect(verdict(tool(view, '/dev/ramzswap0 -s'))).to.equal('stats ENOTTY');
    expect(verdict(tool(view, '/dev/ramzswap0 -i -d 3 -s'))).to.equal('init ENOMEM');
    expect(verdict(tool(view, '/dev/ramzswap0 -d 256 -i'))).to.equal('fine');
    expect(verdict(tool(view, '/dev/ramzswap0 -d 512 -s'))).to.equal('disksize_kb EBUSY');
    expect(verdict(tool(view, '/dev/ramzswap0 -m 512 -r'))).to.equal('memlimit_kb EBUSY');
    expect(verdict(tool(view, '/dev/ramzswap0 -b /dev/ram0'))).to.equal('backing_swap EBUSY');
    expect(verdict(tool(view, '/dev/ramzswap0 -i -r'))).to.equal('init EBUSY');
    expect(tool(view, '/dev/ramzswap0 -s').stats?.disksize).to.equal(256n << 10n);
  });

  it('cannot reset a device that is swapped to; swapoff does not empty it, reset does', () => {
    const view = loaded();
    tool(view, '/dev/ramzswap0 -d 1024 -i');
    view.swapon('/dev/ramzswap0');
    fill(view, 30);
    expect(verdict(tool(view, '/dev/ramzswap0 -r'))).to.equal('reset EBUSY');
    const stored = tool(view, '/dev/ramzswap0 -s').stats!.pages_stored;
    expect(stored).to.be.greaterThan(20);
    view.swapoff('/dev/ramzswap0');
    expect(verdict(tool(view, '/dev/ramzswap0 -r'))).to.equal('fine');
    expect(verdict(tool(view, '/dev/ramzswap0 -s'))).to.equal('stats ENOTTY');
  });

  it('tells whether a device was asked for anything that changes it', () => {
    const view = loaded();
    expect(tool(view, '/dev/ramzswap0 -s').changed).to.equal(false);
    expect(tool(view, '/dev/ramzswap9 -i').changed).to.equal(false);
    expect(tool(view, '/dev/ramzswap0 -d 512').changed).to.equal(true);
  });

  for (const profile of ['2.6.34', '2.6.34+series', '2.6.35'] as const) {
    it(`is the tool of ${profile} on a machine of that profile`, () => {
      const view = loaded(profile);
      expect(verdict(tool(view, '/dev/ramzswap0 -d 256 -i'))).to.equal('fine');
      expect(tool(view, '/dev/ramzswap0 -s').stats?.disksize).to.equal(256n << 10n);
      const hasBacking = profile !== '2.6.35';
      expect(verdict(tool(view, '/dev/ramzswap1 -b /dev/ram0 -i'))).to.equal(
        hasBacking ? 'fine' : 'backing_swap ENOTTY',
      );
      expect(verdict(tool(view, '/dev/ramzswap1 -m 64'))).to.equal(
        hasBacking ? 'memlimit_kb EBUSY' : 'memlimit_kb ENOTTY',
      );
    });
  }

  it('prints statistics one a line, those of a backing swap only with one', () => {
    const plain = loaded();
    const names = (text: string): string[] =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => line.split(':')[0]!);
    const always = [
      'DiskSize',
      'NumReads',
      'NumWrites',
      'FailedReads',
      'FailedWrites',
      'InvalidIO',
      'NotifyFree',
      'ZeroPages',
      'GoodCompress',
      'NoCompress',
      'PagesStored',
      'PagesUsed',
      'OrigDataSize',
      'ComprDataSize',
      'MemUsedTotal',
    ];
    tool(plain, '/dev/ramzswap0 -d 1024 -i');
    plain.swapon('/dev/ramzswap0');
    fill(plain, 30);
    const stats = tool(plain, '/dev/ramzswap0 -s').stats!;
    const text = statsText(stats);
    expect(names(text)).to.deep.equal(always);
    expect(text).to.match(/^DiskSize: +1024 kB$/m);
    expect(text).to.match(/^GoodCompress: +100 %$/m);
    const read = ramzswapOf(plain).devices[0]!.readStats();
    expect(text).to.match(new RegExp(`^NumWrites: +${String(read.numWrites)}$`, 'm'));
    expect(text).to.match(new RegExp(`^PagesStored: +${String(read.pagesStored)}$`, 'm'));
    expect(text).to.match(new RegExp(`^OrigDataSize: +${String(read.pagesStored * 4)} kB$`, 'm'));
    expect(text).to.match(new RegExp(`^MemUsedTotal: +${String(read.poolPages * 4)} kB$`, 'm'));
    const { backingSwap, memlimit, bdevNumReads, ...counts } = plainStats(stats);
    expect([backingSwap, memlimit, bdevNumReads]).to.deep.equal([null, null, null]);
    for (const name of [
      'disksize',
      'numReads',
      'notifyFree',
      'pagesUsed',
      'comprDataSize',
      'memUsedTotal',
    ] as const)
      expect(counts[name], name).to.equal(read[name]);

    const backed = loaded();
    tool(backed, '/dev/ramzswap0 -b /dev/ram0 -i');
    const [first, second, third, ...rest] = names(statsText(tool(backed, '/dev/ramzswap0 -s').stats!));
    expect([first, second, third]).to.deep.equal(['BackingSwap', 'DiskSize', 'MemLimit']);
    expect(rest).to.deep.equal([...always.slice(1), 'BDevNumReads', 'BDevNumWrites']);
  });
});

describe('the table of devices', () => {
  it('has the initialised ones, as zramctl shows them', () => {
    const view = loaded();
    expect(zramctlRows(view, 'lzo1x-2010')).to.deep.equal([]);
    expect(zramctlTable([])).to.equal('');
    tool(view, '/dev/ramzswap1 -d 1024 -i');
    view.swapon('/dev/ramzswap1');
    fill(view, 30);
    const rows = zramctlRows(view, 'lzo1x-2010');
    const read = ramzswapOf(view).devices[1]!.readStats();
    expect(rows).to.deep.equal([
      {
        name: '/dev/ramzswap1',
        algorithm: 'lzo1x-2010',
        disksize: 1 << 20,
        data: read.origDataSize,
        compr: read.comprDataSize,
        total: read.memUsedTotal,
        streams: 1,
        mountpoint: '[SWAP]',
      },
    ]);
    view.swapoff('/dev/ramzswap1');
    tool(view, '/dev/ramzswap0 -d 512 -i');
    expect(zramctlRows(view, 'none').map(({ name, mountpoint }) => [name, mountpoint])).to.deep.equal([
      ['/dev/ramzswap0', ''],
      ['/dev/ramzswap1', ''],
    ]);
  });

  it('is set as util-linux sets it', () => {
    const row = { algorithm: 'lzo', streams: 1 as const };
    const table = zramctlTable([
      {
        ...row,
        name: '/dev/ramzswap0',
        disksize: 2 ** 31,
        data: 4096,
        compr: 74,
        total: 12_288,
        mountpoint: '[SWAP]',
      },
      { ...row, name: '/dev/ramzswap1', disksize: 2 ** 26, data: 0, compr: 0, total: 0, mountpoint: '' },
    ]);
    expect(table).to.equal(
      'NAME           ALGORITHM DISKSIZE DATA COMPR TOTAL STREAMS MOUNTPOINT\n' +
        '/dev/ramzswap0 lzo             2G   4K   74B   12K       1 [SWAP]\n' +
        '/dev/ramzswap1 lzo            64M   0B    0B    0B       1\n',
    );
  });

  it('has sizes for people', () => {
    const sizes = [0, 1023, 1024, 1536, 1587, 10_000, 1_048_575, 2 ** 20, 5 * 2 ** 30 + 2 ** 29, 2 ** 64];
    expect(sizes.map(humanSize)).to.deep.equal([
      '0B',
      '1023B',
      '1K',
      '1.5K',
      '1.5K',
      '9.8K',
      '1024K',
      '1M',
      '5.5G',
      '16E',
    ]);
  });
});
