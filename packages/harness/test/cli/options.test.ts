import { expect } from 'chai';
import fc from 'fast-check';

import { UsageError } from '#src/errors.js';
import { parseIoErrors } from '#src/run/io-errors.js';
import {
  completeRunOptions,
  formatSize,
  parseSize,
  repeatCommand,
  RUN_SCENARIOS,
  type PartialRunOptions,
} from '#src/run/options.js';

const PAGE = 4096;

describe('the options of a run', () => {
  it('are complete, possible and in proportion when nothing is said', () => {
    const { options, plan } = completeRunOptions();
    expect(options.policies).to.deep.equal(['none', 'notify']);
    expect(options).to.include({ profile: 'sound', workload: 'phased', codec: 'lzo1x-2010', disks: 4 });
    expect(plan.limitPages).to.equal(plan.mappedPages / 4);
    expect(plan.mappedPages).to.equal(plan.pagesPerSwapper * options.swappers);
    expect(plan.slotsPerDisk).to.equal(plan.pagesPerDisk - 1);
    expect(plan.slotsPerDisk * options.disks).to.be.at.least(plan.mappedPages);
    expect(plan.ramPages).to.equal(plan.limitPages + plan.pagesPerDisk * options.disks + plan.reservePages);
  });

  it('draw a new seed each time none is given', () => {
    const seeds = new Set(Array.from({ length: 8 }, () => completeRunOptions().options.seed));
    expect(seeds.size).to.be.above(1);
  });

  it('give every op to a swapper', () => {
    const { plan } = completeRunOptions({ ops: 200_001, swappers: 8 });
    expect(plan.opsOfSwapper).to.have.length(8);
    expect(plan.opsOfSwapper.reduce((sum, ops) => sum + ops, 0)).to.equal(200_001);
  });

  it('are possible for every number of swappers, disks and ops in range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 32 }),
        fc.option(fc.integer({ min: 1, max: 29 }), { nil: undefined }),
        fc.integer({ min: 1, max: 1_000_000_000 }),
        (swappers, disks, ops) => {
          const { options, plan } = completeRunOptions({ swappers, disks, ops });
          expect(plan.limitPages).to.be.at.least(4 * swappers);
          expect(options.ram % PAGE).to.equal(0);
        },
      ),
      { seed: 31 },
    );
  });

  it('follow from the size of the disks when that is given', () => {
    const { plan } = completeRunOptions({ disksize: 65 * PAGE, ops: 1_000_000 });
    expect(plan.pagesPerSwapper).to.equal(32);
    expect(plan.limitPages).to.equal(32);
  });

  const refused: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    [
      'an unknown policy',
      { policies: ['nonesuch'] },
      /^policy "nonesuch" is not known; allowed now: none, discard, discard-cluster, discard-slot, notify, chain, bdev-op, address-space$/,
    ],
    ['no policy', { policies: [] }, /^no policy is given; allowed: none, discard, .*, address-space, all$/],
    ['a policy twice', { policies: ['none', 'none'] }, /^policy "none" is given twice/],
    [
      'an unknown profile',
      { profile: '2.6.33' },
      /^profile "2\.6\.33" is not known; allowed now: sound, 2\.6\.34, 2\.6\.34\+series, 2\.6\.35$/,
    ],
    [
      'another codec than lzo1x-2010 to keep its dictionary',
      { codec: 'lz4', dictionary: 'kept' },
      /^only the codec lzo1x-2010 can keep its dictionary, not lz4$/,
    ],
    [
      'an unknown dictionary',
      { dictionary: 'lost' },
      /^dictionary "lost" is not known; allowed now: cleared, kept$/,
    ],
    [
      'an unknown codec',
      { codec: 'zstd' },
      /^codec "zstd" is not known; allowed now: lzo1x-2010, lzo1x-current, lzo-rle, lz4, deflate, none$/,
    ],
    [
      'an unknown workload',
      { workload: 'x' },
      /^workload "x" is not known; allowed now: phased, churn, fork, hot-cold, /,
    ],
    ['pages of a process that is none', { pages: 'pid:0' }, /^pages "pid:0" name no process; allowed: pid:N/],
    ['no swapper', { swappers: 0 }, /^swappers 0 is not an integer in range; allowed: 1 to 32$/],
    ['too many swappers', { swappers: 33 }, /^swappers 33 is more than is sensible; allowed: 1 to 32$/],
    ['too many disks', { disks: 30 }, /^disks 30 .* allowed: 1 to 29$/],
    ['no op', { ops: 0 }, /^ops 0 .* allowed: 1 to 1000000000$/],
    ['half an op', { ops: 1.5 }, /^ops 1\.5 is not an integer/],
    ['a seed that is too large', { seed: 2 ** 32 }, /^seed 4294967296 .* allowed: 0 to 4294967295$/],
    ['no time', { timeLimit: 0 }, /^time limit 0 is out of range; allowed: 0\.1 to 86400 seconds$/],
    [
      'a limit beyond what is mapped',
      { limit: 64 << 20 },
      /^limit 64M is too large; allowed: 64K to 15M: from 4 p/,
    ],
    ['a limit of nothing', { limit: 0 }, /^limit 0 is too small; allowed: 64K to/],
    [
      'half a page',
      { limit: 3_000_000 },
      /^limit 3000000 is not a whole number of pages; allowed: multiples of 4096/,
    ],
    ['a size that is no number', { limit: Number.NaN }, /^limit NaN is not a whole number of pages/],
    ['a disk below a page', { disksize: 100 }, /^disksize 100 is not a whole number of pages/],
    ['a disk without slots', { disksize: PAGE }, /^disksize 4K is too small; allowed: 68K to/],
    [
      'disks that cannot hold what is mapped',
      { mapped: 4 << 20, disksize: 1 << 20 },
      /^disksize 1M is too small; allowed: 4100K to .*4 disks must hold 16M that 4 swappers may map/,
    ],
    [
      'too little RAM',
      { ram: 1 << 20 },
      /^ram 1M is too small; allowed: 6912K to 1536M: at least the limit of 3840K and a reserve of 3M$/,
    ],
    ['too much RAM', { ram: 2 ** 31 }, /^ram 2G is too large; allowed: .* to 1536M/],
    ['too much mapped', { mapped: 2 ** 40 }, /^mapped 1024G is too large; allowed: 64K to 384M$/],
  ];
  for (const [what, options, sentence] of refused) {
    it(`do not allow ${what}`, () => {
      expect(() => completeRunOptions({ ...(options as PartialRunOptions) }))
        .to.throw(UsageError, sentence)
        .with.property('exitCode', 2);
    });
  }

  it('allow the ends of the ranges that are named', () => {
    expect(completeRunOptions({ limit: 64 << 10 }).plan.limitPages).to.equal(16);
    expect(completeRunOptions({ limit: 15360 << 10 }).plan.limitPages).to.equal(3840);
    expect(completeRunOptions({ ram: 6912 << 10 }).plan.ramPages).to.equal(1728);
    expect(completeRunOptions({ disksize: 68 << 10 }).plan.slotsPerDisk).to.equal(16);
    expect(completeRunOptions({ mapped: 4 << 20, disksize: 4100 << 10 }).plan.slotsPerDisk).to.equal(1024);
  });
});

describe('sizes', () => {
  it('are read as they are written', () => {
    expect(parseSize('4096', 'ram')).to.equal(4096);
    expect(parseSize('16K', 'ram')).to.equal(16 << 10);
    expect(parseSize('16m', 'ram')).to.equal(16 << 20);
    expect(parseSize('2G', 'ram')).to.equal(2 ** 31);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 40 }),
        (bytes) => parseSize(formatSize(bytes), 'x') === bytes,
      ),
      { seed: 32 },
    );
  });

  it('are refused in one sentence when they are none', () => {
    for (const text of ['', 'M', '1.5M', '-1', '16T', '1e9', '16 MB', '999999999999999G']) {
      expect(() => parseSize(text, 'ram')).to.throw(
        UsageError,
        `ram "${text}" is not a size; allowed: bytes`,
      );
    }
  });
});

describe('the command that repeats a run', () => {
  const parsed = (command: string): PartialRunOptions => {
    const words = command.split(' ').slice(3);
    const options: Record<string, unknown> = {};
    for (let at = 0; at < words.length; at += 2) {
      const name = (words[at] ?? '').slice(2);
      const value = words[at + 1] ?? '';
      if (name === 'policy') options['policies'] = value.split(',');
      else if (['mapped', 'limit', 'ram', 'disksize'].includes(name)) options[name] = parseSize(value, name);
      else if (name === 'time-limit') options['timeLimit'] = Number(value);
      else if (name === 'page-cluster') options['pageCluster'] = Number(value);
      else if (name === 'io-errors') options['ioErrors'] = parseIoErrors(value);
      else options[name] = ['swappers', 'disks', 'ops', 'seed'].includes(name) ? Number(value) : value;
    }
    return options;
  };

  it('is short when little was said', () => {
    expect(repeatCommand(completeRunOptions({ seed: 7 }).options)).to.equal(
      'npx swaplab run --policy none,notify --seed 7',
    );
    expect(repeatCommand(completeRunOptions({ seed: 7, lockStats: false, limit: 1 << 20 }).options)).to.equal(
      'npx swaplab run --policy none,notify --limit 1M --no-lock-stats --seed 7',
    );
  });

  it('can be pasted into a shell', () => {
    const pagesIn = (pages: string): string => repeatCommand(completeRunOptions({ seed: 7, pages }).options);
    expect(pagesIn('/srv/my pages')).to.contain(" --pages '/srv/my pages' --seed 7");
    expect(pagesIn("it's $HOME")).to.contain(" --pages 'it'\\''s $HOME' --seed 7");
    expect(pagesIn('pid:1')).to.contain(' --pages pid:1 --seed 7');
  });

  it('gives the same options again', () => {
    const given = fc.record(
      {
        swappers: fc.integer({ min: 1, max: 8 }),
        disks: fc.integer({ min: 1, max: 8 }),
        ops: fc.integer({ min: 1, max: 500_000 }),
        mapped: fc.integer({ min: 64, max: 512 }).map((pages) => pages * PAGE),
        limit: fc.integer({ min: 32, max: 64 }).map((pages) => pages * PAGE),
        disksize: fc.integer({ min: 4097, max: 5000 }).map((pages) => pages * PAGE),
        ram: fc.integer({ min: 50_000, max: 60_000 }).map((pages) => pages * PAGE),
        codec: fc.constantFrom('none' as const, 'deflate' as const),
        workload: fc.constantFrom('churn' as const, 'phased' as const, 'fork' as const),
        scenario: fc.constantFrom(null, ...RUN_SCENARIOS),
        pages: fc.constantFrom('default', 'synthetic:ratio=0.3'),
        timeLimit: fc.constantFrom(10, 300, 12.5),
        spinlock: fc.constantFrom('adaptive' as const, 'ticket' as const),
        pageCluster: fc.integer({ min: 0, max: 8 }),
        ioErrors: fc.constantFrom(null, { read: 0.002, write: 0.002 }, { read: 0, write: 0.000_001 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(given, (partial) => {
        const { options } = completeRunOptions({ ...partial, seed: 9 });
        expect(completeRunOptions(parsed(repeatCommand(options))).options).to.deep.equal(options);
      }),
      { seed: 33 },
    );
  });
});
