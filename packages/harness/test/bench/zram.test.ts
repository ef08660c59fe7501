/**
 * The zram device of a measurement, on a machine made of files: what is taken, what is left alone, and that it is always given back.
 */
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchRow } from '#src/bench/document.js';
import { measureZram } from '#src/bench/zram-bench.js';
import { borrowZram, ZramDevice, type ZramHost } from '#src/bench/zram-device.js';

const MM_STAT = '4194304 1900000 2200000 0 2200000 0 0 0 0\n';

describe('a zram device that is measured', function () {
  this.timeout(60_000);
  let root: string;
  let host: ZramHost;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'swaplab-zram-'));
    host = { root, platform: 'linux', privileged: true, direct: false };
    mkdirSync(join(root, 'dev'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const attribute = (name: string, file: string): string => join(root, 'sys/block', name, file);

  /** A device as files; what is written to one stays there to be looked at. */
  function addDevice(name: string, disksize: string, algorithms: string, mmStat = MM_STAT): void {
    mkdirSync(join(root, 'sys/block', name), { recursive: true });
    writeFileSync(attribute(name, 'disksize'), `${disksize}\n`);
    writeFileSync(attribute(name, 'comp_algorithm'), `${algorithms}\n`);
    writeFileSync(attribute(name, 'mm_stat'), mmStat);
    writeFileSync(join(root, 'dev', name), '');
  }

  const content = (name: string, file: string): string => readFileSync(attribute(name, file), 'latin1');

  it('is not there without Linux, without root, or without a device, and says so', () => {
    expect(borrowZram(4096, { ...host, platform: 'darwin' })).to.match(/Linux only/);
    expect(borrowZram(4096, { ...host, privileged: false })).to.match(/root only/);
    expect(borrowZram(4096, host)).to.match(/has no zram device/);
  });

  it('is never one that is in use', () => {
    addDevice('zram0', '1073741824', 'lzo [lzo-rle]');
    addDevice('zram3', '8192', 'lzo [lzo-rle]');
    expect(borrowZram(4096, host)).to.equal('no zram device is idle: zram0, zram3 are in use');
    for (const name of ['zram0', 'zram3'])
      expect(() => content(name, 'reset')).to.throw(/ENOENT/, 'nobody resets what is not ours');
    addDevice('zram10', '0', 'lzo-rle [zstd]');
    const device = borrowZram(4096, host);
    expect(device).to.be.instanceOf(ZramDevice).with.property('name', 'zram10');
    if (device instanceof ZramDevice) device.giveBack();
    expect(content('zram0', 'disksize')).to.equal('1073741824\n');
  });

  it('uses the algorithm of the original where it is offered, and gets its own back', () => {
    addDevice('zram0', '0', 'lzo [lzo-rle] lz4 zstd');
    const device = borrowZram(8192, host) as ZramDevice;
    expect(content('zram0', 'comp_algorithm')).to.equal('lzo');
    expect(content('zram0', 'disksize')).to.equal('8192');
    expect(device.memory()).to.deep.equal({ original: 4194304, compressed: 1900000, used: 2200000 });
    const page = new Uint8Array(4096).fill(7);
    device.writePage(1, page);
    const back = new Uint8Array(4096);
    device.readPage(1, back);
    expect(Buffer.compare(back, page)).to.equal(0);
    device.giveBack();
    expect(content('zram0', 'reset')).to.equal('1');
    expect(content('zram0', 'comp_algorithm')).to.equal('lzo-rle');
    expect(() => device.writePage(0, page)).to.throw();
    writeFileSync(attribute('zram0', 'reset'), '');
    device.giveBack();
    expect(content('zram0', 'reset')).to.equal('', 'a device is given back once');
  });

  it('is made where all are in use and the kernel makes them, and is removed again', () => {
    addDevice('zram0', '4096', 'lzo');
    addDevice('zram1', '0', '[lzo]');
    rmSync(attribute('zram1', 'disksize'));
    mkdirSync(join(root, 'sys/class/zram-control'), { recursive: true });
    writeFileSync(join(root, 'sys/class/zram-control/hot_add'), '1\n');
    const device = borrowZram(4096, host) as ZramDevice;
    expect(device.name).to.equal('zram1');
    device.giveBack();
    expect(content('zram1', 'reset')).to.equal('1');
    expect(readFileSync(join(root, 'sys/class/zram-control/hot_remove'), 'latin1')).to.equal('1');
  });

  it('that cannot be set up is given back, with the reason', () => {
    addDevice('zram0', '0', 'lzo', 'none\n');
    expect(borrowZram(4096, host)).to.match(/^zram0 cannot be set up: its mm_stat has no numbers/);
    expect(content('zram0', 'reset')).to.equal('1');
  });

  /** Measures on the machine made of files; gives the rows. */
  async function measure(signal?: AbortSignal): Promise<BenchRow[]> {
    const rows: BenchRow[] = [];
    const session = {
      report: (row: BenchRow) => void rows.push(row),
      note: () => undefined,
      signal,
      compiler: 'gcc',
    };
    await measureZram(session, host);
    return rows;
  }

  it('is measured beside ours, with its bytes, and given back', async () => {
    addDevice('zram0', '0', '[lzo-rle]');
    const rows = await measure();
    expect(rows.map(({ name }) => name)).to.deep.equal([
      'zram.write',
      'zram.read',
      'zram.compressed',
      'zram.memory',
    ]);
    expect(rows.map(({ peerValue }) => peerValue).slice(2)).to.deep.equal([1900000, 2200000]);
    for (const row of rows) expect(row.value).to.be.above(0);
    expect(rows[0]?.peer).to.equal('zram0, lzo-rle');
    expect(content('zram0', 'reset')).to.equal('1');
  });

  it('is given back when the measurement is ended early, and when it fails', async () => {
    addDevice('zram0', '0', '[lzo]');
    const error: unknown = await measure(AbortSignal.abort(new Error('enough'))).catch(
      (reason: unknown) => reason,
    );
    expect(error).to.have.property('message', 'interrupted');
    expect(content('zram0', 'reset')).to.equal('1');
    addDevice('zram0', '0', '[lzo]');
    writeFileSync(attribute('zram0', 'reset'), '');
    // Nothing can be read back from here.
    rmSync(join(root, 'dev/zram0'));
    mkdirSync(join(root, 'dev/zram0'));
    const [row] = await measure();
    expect(row?.skipped).to.match(/^zram0 cannot be set up: EISDIR/);
    expect(content('zram0', 'reset')).to.equal('1');
  });

  it('rows are skipped with the reason where there is none', async () => {
    const rows = await measure();
    expect(rows).to.have.length(4);
    for (const { skipped, holds } of rows) {
      expect(skipped).to.match(/no zram device/);
      expect(holds).to.equal(null);
    }
  });
});
