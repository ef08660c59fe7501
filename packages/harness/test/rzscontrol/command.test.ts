import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ramzswapOf, walkTable } from '@swaplab/ramzswap';
import { expect } from 'chai';

import { runCommandLine } from '#src/cli/program.js';
import { loadMachine, saveMachine } from '#src/machine-file/machine-file.js';

interface Outcome {
  code: number;
  out: string;
  err: string;
}

async function swaplab(...words: string[]): Promise<Outcome> {
  const outcome = { code: -1, out: '', err: '' };
  const terminal = {
    out: (text: string): void => {
      outcome.out += text;
    },
    err: (text: string): void => {
      outcome.err += text;
    },
    colour: false,
    unicode: true,
    liveErr: false,
    columns: 80,
    debug: false,
  };
  outcome.code = await runCommandLine(words, terminal, new AbortController().signal);
  return outcome;
}

describe('swaplab rzscontrol', () => {
  let folder = '';
  let file = '';
  /** The tool on the machine of this test, which is small when it is made. */
  const tool = (...words: string[]): Promise<Outcome> => swaplab('rzscontrol', '--machine', file, ...words);
  const make = (...words: string[]): Promise<Outcome> => tool('--ram', '8M', ...words);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-rzscontrol-'));
    file = join(folder, 'm.swaplab');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('prints its usage, with examples, and exits with 0 when it is told too little', async () => {
    for (const words of [
      ['rzscontrol'],
      ['rzscontrol', '/dev/ramzswap0'],
      ['rzscontrol', '-h'],
      ['rzscontrol', '--help'],
    ]) {
      const { code, out, err } = await swaplab(...words);
      expect([code, err], words.join(' ')).to.deep.equal([0, '']);
      expect(out).to.match(/^Usage: /);
      expect(out).to.match(/Examples:\n {2}\$ swaplab rzscontrol --machine/);
      expect(out).to.match(/-d, --disksize_kb N/);
    }
    expect((await make('/dev/ramzswap0')).out).to.match(/^Usage: /);
    expect(existsSync(file)).to.equal(false);
  });

  it('makes the machine when there is no file, and goes on with it', async () => {
    const made = await make('--devices', '2', '/dev/ramzswap1', '--disksize_kb', '1024', '--init');
    expect(made).to.deep.equal({ code: 0, out: '', err: '' });
    const { code, out } = await tool('/dev/ramzswap1', '--stats');
    expect(code).to.equal(0);
    expect(out).to.match(/^DiskSize: +1024 kB\nNumReads: +0\n/);
    expect(await tool('/dev/ramzswap0', '-s')).to.deep.equal({
      code: 1,
      out: '',
      err: 'stats: Inappropriate ioctl for device\n',
    });
    expect((await tool('/dev/ramzswap1', '--reset')).code).to.equal(0);
    expect((await tool('/dev/ramzswap1', '-s')).code).to.equal(1);
  });

  it('makes no file, and changes none, when nothing is changed', async () => {
    expect((await make('/dev/ramzswap0', '-s')).code).to.equal(1);
    expect((await make('/dev/ramzswap7', '-i')).err).to.equal('/dev/ramzswap7: No such file or directory\n');
    expect(existsSync(file)).to.equal(false);
    await make('/dev/ramzswap0', '-i');
    const before = readFileSync(file);
    await tool('/dev/ramzswap0', '-s');
    expect(readFileSync(file).equals(before)).to.equal(true);
  });

  it('says what failed and why, and exits with 1', async () => {
    await make('/dev/ramzswap0', '-d', '512', '-i');
    const failures: readonly (readonly [string[], string])[] = [
      [['-i'], 'init: Device or resource busy'],
      [['-d', '5'], 'disksize_kb: Device or resource busy'],
      [['-d', '12345678901'], 'disksize_kb: Value too large for defined data type'],
      [['-d', 'much'], 'disksize_kb: Invalid argument'],
    ];
    for (const [words, text] of failures)
      expect(await tool('/dev/ramzswap0', ...words)).to.deep.equal({ code: 1, out: '', err: `${text}\n` });
    expect((await tool(`/dev/${'x'.repeat(50)}`, '-s')).err).to.equal(
      `/dev/${'x'.repeat(26)}: No such file or directory\n`,
    );
    expect((await tool('/dev/ramzswap0', '-v', '-s')).err).to.equal('/dev/ramzswap0: stats\n');
  });

  it('prints documents', async () => {
    await make('/dev/ramzswap0', '-d', '512', '-i');
    const good = JSON.parse((await tool('--json', '/dev/ramzswap0', '-s')).out) as {
      schema: string;
      device: string;
      stats: { disksize: number; backingSwap: null };
      failure: null;
    };
    expect(good).to.deep.include({ schema: 'swaplab.rzscontrol/1', device: '/dev/ramzswap0', failure: null });
    expect(good.stats).to.deep.include({ disksize: 512 << 10, backingSwap: null, numWrites: 0 });
    for (const words of [['-i'], ['-d', '12345678901']]) {
      const { code, out } = await tool('--json', '/dev/ramzswap0', ...words);
      expect(code).to.equal(1);
      const bad = JSON.parse(out) as { stats: null; failure: { what: string; errno: string } };
      expect(bad.stats).to.equal(null);
      expect(bad.failure.errno).to.match(/^E(BUSY|OVERFLOW)$/);
    }
    const list = JSON.parse((await swaplab('zramctl', '--machine', file, '--json')).out) as {
      schema: string;
      devices: { name: string; disksize: number }[];
    };
    expect(list.schema).to.equal('swaplab.zramctl/1');
    expect(list.devices).to.have.length(1);
    expect(list.devices[0]).to.deep.include({ name: '/dev/ramzswap0', disksize: 512 << 10 });
  });

  it('works on a machine that a program has left in the file', async () => {
    await make('/dev/ramzswap0', '-d', '1024', '-i');
    const machine = loadMachine(file);
    const view = machine.attach();
    view.swapon('/dev/ramzswap0');
    const space = view.createAddressSpace();
    for (let page = 0; page < 20; page++) space.write(page * 4096, new Uint8Array(4096).fill(page));
    view.reclaimPages(20);
    const { pagesStored } = ramzswapOf(view).devices[0]!.readStats();
    view.detach();
    saveMachine(machine, file);
    expect((await tool('/dev/ramzswap0', '-s')).out).to.match(
      new RegExp(`^PagesStored: +${String(pagesStored)}$`, 'm'),
    );
    expect((await tool('/dev/ramzswap0', '-r')).err).to.equal('reset: Device or resource busy\n');
    expect((await swaplab('zramctl', '--machine', file)).out).to.match(
      /^NAME +ALGORITHM .*\n\/dev\/ramzswap0 lzo1x-2010 +1M .* 1 \[SWAP\]\n$/,
    );
  });

  it('prints statistics that are the sums of a walk over the table', async () => {
    await make('/dev/ramzswap0', '-d', '2048', '-i');
    const machine = loadMachine(file);
    const view = machine.attach();
    view.swapon('/dev/ramzswap0');
    const space = view.createAddressSpace();
    // Pages of all kinds: zero, of one word, half random, wholly random; some are thrown away again, some written anew.
    const page = new Uint8Array(4096);
    let word = 1;
    const fill = (from: number): void => {
      page.fill(from % 3 === 0 ? 0 : 7);
      for (let at = 0; at < from * 64; at++)
        page[at] = (word = Math.imul(word, 1_664_525) + 1_013_904_223) >>> 24;
    };
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 200; index++) {
        fill(((index * (round + 1)) % 5) * 16);
        space.write(index * 4096, page);
      }
      view.reclaimPages(150);
      space.unmap(round * 40 * 4096, 20 * 4096);
    }
    const device = ramzswapOf(view).devices[0]!;
    const walk = walkTable(device);
    const counted = device.readStats();
    view.detach();
    saveMachine(machine, file);

    expect(walk.problems).to.deep.equal([]);
    for (const kind of [walk.zero, walk.raw, walk.compressed, walk.goodCompress]) expect(kind).to.be.above(0);
    const used = walk.poolPages + walk.raw;
    const { stats } = JSON.parse((await tool('--json', '/dev/ramzswap0', '-s')).out) as {
      stats: Record<string, unknown>;
    };
    expect(stats).to.deep.include({
      pagesZero: walk.zero,
      pagesStored: walk.raw + walk.compressed,
      goodCompressPct: Math.floor((walk.goodCompress * 100) / (walk.raw + walk.compressed)),
      pagesExpandPct: Math.floor((walk.raw * 100) / (walk.raw + walk.compressed)),
      comprDataSize: walk.comprBytes,
      origDataSize: (walk.raw + walk.compressed) * 4096,
      memUsedTotal: used * 4096,
      pagesUsed: used,
      numWrites: counted.numWrites,
      notifyFree: counted.notifyFree,
      failedReads: 0,
      failedWrites: 0,
    });
    expect(counted.notifyFree).to.be.above(0);
  });

  it('refuses what cannot be', async () => {
    expect((await swaplab('rzscontrol', '/dev/ramzswap0', '-s')).err).to.match(/--machine FILE/);
    expect((await swaplab('zramctl')).code).to.equal(2);
    const wrong: readonly (readonly [string[], RegExp])[] = [
      [['--devices', '33', '/dev/ramzswap0', '-i'], /at most 32 devices/],
      [['--profile', '2.4', '/dev/ramzswap0', '-i'], /profile "2\.4" is not known/],
      [['/dev/ramzswap0', '--nonsense'], /unrecognized option '--nonsense'/],
    ];
    for (const [words, text] of wrong) {
      const { code, err } = await make(...words);
      expect(code, words.join(' ')).to.equal(2);
      expect(err).to.match(text);
    }
    expect(existsSync(file)).to.equal(false);
    await make('/dev/ramzswap0', '-i');
    const again = await tool('--devices', '2', '/dev/ramzswap0', '-s');
    expect(again.code).to.equal(2);
    expect(again.err).to.match(/--devices is for a new one/);
    writeFileSync(file, 'not a machine');
    expect((await tool('/dev/ramzswap0', '-s')).code).to.equal(3);
    expect((await swaplab('zramctl', '--machine', join(folder, 'none'))).code).to.equal(3);
  });

  it('stops a machine of history where its kernel would stop, and leaves the file as it was', async () => {
    await make('--profile', '2.6.34', '/dev/ramzswap0', '-d', '1024');
    const before = readFileSync(file);
    // Its clean-up after a failed init walks a table that was never made.
    const { code, err } = await tool('/dev/ramzswap0', '-b', '/dev/nothing', '-i');
    expect(code).to.equal(1);
    expect(err).to.match(
      /^the machine stopped, as one of 2\.6\.34 may; the file is as it was: .*null pointer/,
    );
    expect(readFileSync(file).equals(before)).to.equal(true);
    await rm(file);
    await make('/dev/ramzswap0', '-d', '1024');
    expect((await tool('/dev/ramzswap0', '-b', '/dev/nothing', '-i')).err).to.equal(
      'init: Invalid argument\n',
    );
  });

  for (const profile of ['2.6.34', '2.6.34+series', '2.6.35']) {
    it(`makes a machine of the profile ${profile}, whose devices are swapped to as they were`, async () => {
      await make('--profile', profile, '/dev/ramzswap0', '-d', '1024', '-i');
      const view = loadMachine(file).attach({ mayWait: true });
      view.swapon('/dev/ramzswap0');
      const space = view.createAddressSpace();
      for (let page = 0; page < 20; page++) space.write(page * 4096, new Uint8Array(4096).fill(page + 1));
      view.reclaimPages(20);
      space.exit();
      const { notifyFree, pagesStored } = ramzswapOf(view).devices[0]!.readStats();
      expect(notifyFree > 0, 'told of frees').to.equal(profile !== '2.6.34');
      expect(pagesStored > 0, 'keeps what nobody needs').to.equal(profile === '2.6.34');
    });
  }
});
