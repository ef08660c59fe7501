import { expect } from 'chai';
import fc from 'fast-check';
import type { FileConfig } from '#src/block/files.js';
import { MisuseError } from '#src/errno.js';
import {
  escapePath,
  formatMeminfo,
  formatProcSwaps,
  PROC_SWAPS_HEADER,
  swapCacheInfoLines,
  vmSwapLine,
  type ProcSwapsRow,
} from '#src/swap/proc.js';
import { swpEntry } from '#src/swap/entries.js';
import { buildSwapHeader } from '#src/swap/header.js';
import { SWAP_FLAG_PREFER } from '#src/swap/info.js';
import { attachSwapMachine, createSwapMachine, DISK_PAGES } from './machine.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);

function row(path: string, more: Partial<ProcSwapsRow> = {}): ProcSwapsRow {
  return { path, isPartition: true, pages: 255, inusePages: 3, priority: -1, ...more };
}

function lineOf(path: string, more: Partial<ProcSwapsRow> = {}): string {
  return formatProcSwaps([row(path, more)]).slice(PROC_SWAPS_HEADER.length);
}

describe('/proc/swaps', () => {
  it('begins with four tabs, two, one and one', () => {
    expect(formatProcSwaps([])).to.equal('Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n');
  });

  it('has the path up to column 40, the type, and KiB', () => {
    expect(lineOf('/dev/sda2')).to.equal('/dev/sda2                               partition\t1020\t12\t-1\n');
    expect(lineOf('/swap/file', { isPartition: false, priority: 32767 })).to.equal(
      '/swap/file                              file\t\t1020\t12\t32767\n',
    );
  });

  it('leaves at least one space behind a long path', () => {
    for (const length of [38, 39, 40, 41, 90]) {
      const path = `/${'x'.repeat(length - 1)}`;
      expect(lineOf(path)).to.equal(
        `${path}${' '.repeat(Math.max(40 - length, 1))}partition\t1020\t12\t-1\n`,
      );
    }
  });

  it('writes space, tab, newline and backslash in octal, and counts them as they are written', () => {
    expect(escapePath('/a b\tc\nd\\e"f')).to.equal('/a\\040b\\011c\\012d\\134e"f');
    expect(lineOf('/a b')).to.equal(`/a\\040b${' '.repeat(33)}partition\t1020\t12\t-1\n`);
  });

  it('does not overflow where an area has 2^31 bytes and more', () => {
    expect(lineOf('/x', { pages: 2 ** 30, inusePages: 2 ** 29 })).to.match(
      /partition\t4294967296\t2147483648\t/,
    );
  });

  for (const seed of [7, RANDOM_SEED]) {
    it(`can be read back by whoever splits at white space (seed ${seed})`, () => {
      const unit = fc.constantFrom(...'ab/ \t\n\\0419.-'.split(''));
      const rows = fc.record({
        path: fc.string({ unit, minLength: 1, maxLength: 60 }).map((text) => `/${text}`),
        isPartition: fc.boolean(),
        pages: fc.nat(2 ** 25),
        inusePages: fc.nat(2 ** 25),
        priority: fc.integer({ min: -32, max: 32767 }),
      });
      fc.assert(
        fc.property(fc.array(rows, { maxLength: 30 }), (wanted) => {
          const lines = formatProcSwaps(wanted).split('\n');
          expect(lines.pop()).to.equal('');
          lines.shift();
          const read = lines.map((line): ProcSwapsRow => {
            const [path, kind, size, used, priority, ...rest] = line.split(/\s+/);
            expect(rest).to.deep.equal([]);
            return {
              path: path!.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
                String.fromCharCode(Number.parseInt(octal, 8)),
              ),
              isPartition: kind === 'partition',
              pages: Number(size) / 4,
              inusePages: Number(used) / 4,
              priority: Number(priority),
            };
          });
          expect(read).to.deep.equal(wanted);
        }),
        { seed, numRuns: 100 },
      );
    });
  }

  it('lists areas in order of type, not of priority, with what is in use', () => {
    const machine = createSwapMachine();
    for (const name of ['ram0', 'ram1'] as const)
      machine.writeFirstPage(name, buildSwapHeader({ lastPage: DISK_PAGES - 1, badpages: [9] }));
    machine.swap.on.swapon('/dev/ram1', 0);
    machine.area(8);
    machine.swap.on.swapon('/dev/ram0', SWAP_FLAG_PREFER | 7);
    machine.get();
    const line = (path: string, kind: string, rest: string): string => `${path.padEnd(40)}${kind}\t${rest}\n`;
    const text =
      PROC_SWAPS_HEADER +
      line('/dev/ram1', 'partition', '1016\t0\t-1') +
      line('none', 'file\t', '28\t0\t-2') +
      line('/dev/ram0', 'partition', '1016\t4\t7');
    expect(formatProcSwaps(machine.swap.report.procSwaps())).to.equal(text);
    // A type that is free again is left out.
    expect(machine.swap.off.swapoffType(1)).to.equal(0);
    expect(machine.swap.report.procSwaps().map(({ path }) => path)).to.deep.equal(['/dev/ram1', '/dev/ram0']);
  });

  it('lists a file as one, with the path that was given', () => {
    const file: FileConfig = { path: '/mnt/swap file\\1', disk: 'ram2', extents: [[10, 64]] };
    const machine = createSwapMachine({}, undefined, undefined, undefined, [file]);
    machine.writeHeader(file.path, buildSwapHeader({ lastPage: 63 }));
    expect(machine.swap.on.swapon(file.path, 0)).to.equal(0);
    expect(formatProcSwaps(machine.swap.report.procSwaps())).to.equal(
      `${PROC_SWAPS_HEADER}/mnt/swap\\040file\\1341${' '.repeat(18)}file\t\t252\t0\t-1\n`,
    );
  });

  it('lists an area that is just being switched off, and the totals hide the dip', () => {
    const machine = createSwapMachine();
    machine.area(8);
    for (let slot = 1; slot <= 3; slot++) machine.get();
    const seen: unknown[] = [];
    machine.useCache({
      vmEnoughMemory: () => true,
      tryToUnuse: () => {
        seen.push(machine.swap.report.procSwaps(), machine.swap.report.siSwapinfo());
        for (let slot = 1; slot <= 3; slot++) machine.free(0, slot);
        return 0;
      },
    });
    expect(machine.swap.off.swapoffType(0)).to.equal(0);
    expect(seen).to.deep.equal([
      [{ path: 'none', isPartition: false, pages: 7, inusePages: 3, priority: -1 }],
      { totalPages: 3, freePages: 0 },
    ]);
    expect(machine.swap.report.procSwaps()).to.deep.equal([]);
  });

  it('does not show an area that has no map yet or any more', () => {
    const machine = createSwapMachine();
    const type = machine.swap.on.claimType();
    expect(machine.swap.report.procSwaps()).to.deep.equal([]);
    machine.swap.on.abandonType(type);
  });

  it('is read under swapon_mutex, all of it', () => {
    const machine = createSwapMachine();
    for (let count = 0; count < 3; count++) machine.area(8);
    const { table } = machine.swap;
    const { swaponMutex } = table;
    const [areas, end] = [table.infoOf(0), table.infoOf(3)];
    let looks = 0;
    let unlocked = 0;
    const reader = attachSwapMachine(machine.test.handle, {
      name: 'reader',
      hook: (_kind, object) => {
        if (object < areas || object >= end) return;
        looks++;
        if (!reader.test.context.holds(swaponMutex.address)) unlocked++;
      },
    });
    expect(reader.swap.report.procSwaps()).to.have.length(3);
    expect([looks > 3 * 5, unlocked]).to.deep.equal([true, 0]);
    swaponMutex.lock();
    const main = attachSwapMachine(machine.test.handle, { name: 'main', mayWait: false });
    expect(() => main.swap.report.procSwaps())
      .to.throw(MisuseError)
      .with.property('code', 'ERR_WOULD_BLOCK');
    swaponMutex.unlock();
  });
});

describe('the swap lines of other files', () => {
  it('of /proc/meminfo have the name in 16 columns and the number in 8', () => {
    const pages = {
      memTotal: 16_384,
      memFree: 1,
      swapCached: 0,
      activeAnon: 3,
      inactiveAnon: 100,
      swapTotal: 25_000_000,
      swapFree: 255,
    };
    expect(formatMeminfo(pages)).to.equal(
      [
        'MemTotal:          65536 kB',
        'MemFree:               4 kB',
        'SwapCached:            0 kB',
        'Active:               12 kB',
        'Inactive:            400 kB',
        'Active(anon):         12 kB',
        'Inactive(anon):      400 kB',
        'SwapTotal:      100000000 kB',
        'SwapFree:           1020 kB',
        '',
      ].join('\n'),
    );
  });

  it('of the status of a process has a tab', () => {
    expect(vmSwapLine(0)).to.equal('VmSwap:\t       0 kB\n');
    expect(vmSwapLine(25)).to.equal('VmSwap:\t     100 kB\n');
  });

  it('of SysRq-m show free swap with its sign', () => {
    const cache = { pages: 2, addTotal: 12, delTotal: 10, findSuccess: 3, findTotal: 7 };
    expect(swapCacheInfoLines(cache, -5, 1023)).to.deep.equal([
      '2 pages in swap cache',
      'Swap cache stats: add 12, delete 10, find 3/7',
      'Free swap  = -20kB',
      'Total swap = 4092kB',
    ]);
  });
});

describe('the kernel log', () => {
  it('has the words and the levels of 2.6.34 for what swapon refuses and does', () => {
    const holes: FileConfig = {
      path: '/holes',
      disk: 'ram2',
      extents: [
        [10, 4],
        [null, 4],
      ],
    };
    const machine = createSwapMachine({}, undefined, undefined, undefined, [holes]);
    const header = (lastPage: number, change: (bytes: Uint8Array) => void = () => {}): Uint8Array => {
      const bytes = buildSwapHeader({ lastPage });
      change(bytes);
      return bytes;
    };
    const cases: readonly [string, Uint8Array, number, string][] = [
      ['/dev/ram0', header(9, (bytes) => (bytes[4086] = 0)), 3, 'Unable to find swap-space signature'],
      [
        '/dev/ram0',
        header(9, (bytes) => bytes.fill(255, 1024, 1028)),
        4,
        'Unable to handle swap header version -1',
      ],
      ['/dev/ram0', header(DISK_PAGES), 4, 'Swap area shorter than signature indicates'],
      ['/dev/ram0', header(0), 4, 'Empty swap-file'],
      ['/holes', header(7), 3, 'swapon: swapfile has holes'],
      ['/dev/ram0', header(9), 6, 'Adding 36k swap on /dev/ram0.  Priority:-1 extents:1 across:36k '],
    ];
    for (const [path, bytes, level, text] of cases) {
      machine.writeHeader(path, bytes);
      machine.reader.drain();
      machine.swap.on.swapon(path, 0);
      const lines = machine.reader.drain().filter((event) => event.type === 'printk');
      expect(lines.map((event) => [event.level, event.text])).to.deep.equal([[level, text]]);
    }
  });

  it('says what is wrong with an entry that is freed or duplicated, in eight hexadecimal digits at least', () => {
    const machine = createSwapMachine();
    machine.area(8);
    machine.swap.off.swapoffType(machine.area(8));
    const { counts } = machine.swap;
    const complaints: [() => unknown, string | null][] = [
      [() => counts.swapFree(0), null],
      [() => counts.swapFree(swpEntry(2, 1)), `swap_free: Bad swap file entry ${hex(swpEntry(2, 1))}`],
      [() => counts.swapFree(swpEntry(1, 1)), `swap_free: Unused swap file entry ${hex(swpEntry(1, 1))}`],
      [() => counts.swapFree(swpEntry(0, 8)), 'swap_free: Bad swap offset entry 00000008'],
      [() => counts.swapFree(swpEntry(0, 3)), 'swap_free: Unused swap offset entry 00000003'],
      [() => counts.swapcacheFree(swpEntry(0, 3)), 'swap_free: Unused swap offset entry 00000003'],
      [() => counts.swapDuplicate(swpEntry(2, 1)), `swap_dup: Bad swap file entry ${hex(swpEntry(2, 1))}`],
      [() => counts.swapDuplicate(swpEntry(0, 8)), null],
      [() => counts.swapDuplicate(swpEntry(30, 8)), null],
    ];
    machine.log();
    for (const [action, line] of complaints) {
      action();
      expect(machine.log()).to.deep.equal(line === null ? [] : [line]);
    }
  });
});

function hex(entry: number): string {
  return entry.toString(16).padStart(8, '0');
}
