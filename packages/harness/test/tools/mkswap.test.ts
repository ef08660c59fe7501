/**
 * Headers and the programs of util-linux: what `mkswap` writes can be switched on here, and what is written here `blkid` and `swaplabel` know.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildSwapHeader, createMachine, GFP_KERNEL, PAGE_SIZE, type MachineView } from '@swaplab/kernel-mm';
import { expect } from 'chai';

const UUID = '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0';
const UUID_BYTES = Uint8Array.from(Buffer.from(UUID.replaceAll('-', ''), 'hex'));
const LABEL = 'swaplab sixteen!';

/** These programs are for the administrator, so they need not lie on everybody's path. */
const ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };

interface Outcome {
  readonly status: number | null;
  readonly out: string;
}

function run(program: string, ...args: string[]): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: ENV,
    timeout: 10_000,
  });
  if (error !== undefined) throw error;
  return { status, out: stdout + (status === 0 ? '' : stderr) };
}

function isInstalled(program: string): boolean {
  const { error, status } = spawnSync(program, ['--version'], { env: ENV, timeout: 10_000 });
  return error === undefined && status === 0;
}

describe('swap headers and the programs of util-linux', () => {
  const missing = ['mkswap', 'blkid', 'swaplabel'].filter((program) => !isInstalled(program));
  if (missing.length > 0) {
    it.skip(`are not compared: there is no ${missing.join(', no ')} here`);
    return;
  }

  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-mkswap-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** An image of zeros, not sparse and for its owner only, so that mkswap has nothing to warn of. */
  function image(bytes: number, start: Uint8Array = new Uint8Array(0)): string {
    const path = join(folder, 'image');
    writeFileSync(path, new Uint8Array(bytes), { mode: 0o600 });
    const file = openSync(path, 'r+');
    writeSync(file, start, 0, start.length, 0);
    closeSync(file);
    return path;
  }

  function firstPage(path: string): Buffer {
    const bytes = Buffer.alloc(PAGE_SIZE);
    const file = openSync(path, 'r');
    readSync(file, bytes, 0, PAGE_SIZE, 0);
    closeSync(file);
    return bytes;
  }

  /** A machine with a disk and a file on another one, both of so many pages and both beginning with these bytes. */
  function machineWith(pages: number, start: Uint8Array): MachineView {
    const bytes = (pages + 2) * PAGE_SIZE;
    const view = createMachine({
      ramBytes: 64 * PAGE_SIZE,
      shared: false,
      ramDisks: [
        { name: 'ram0', bytes: pages * PAGE_SIZE },
        { name: 'ram1', bytes },
      ],
      files: [{ path: '/swapfile', disk: 'ram1', extents: [[1, pages]] }],
    }).attach();
    const { files } = view.kernel.block;
    const { frames, core } = view.kernel;
    const page = frames.allocPage(GFP_KERNEL);
    const address = frames.addressOf(page);
    core.cells.arena.u8.set(start, address);
    for (const path of ['/dev/ram0', '/swapfile']) {
      const file = files.open(path);
      expect(files.writePage(file, 0, address)).to.equal(0);
      files.close(file);
    }
    frames.freePage(page);
    return view;
  }

  for (const pages of [10, 11, 256, 1000]) {
    it(`switch on what mkswap writes on ${pages} pages`, () => {
      const path = image(pages * PAGE_SIZE);
      expect(run('mkswap', '-q', path)).to.deep.equal({ status: 0, out: '' });
      const view = machineWith(pages, firstPage(path));
      expect([view.swapon('/dev/ram0'), view.swapon('/swapfile')]).to.deep.equal([0, 1]);
      expect(view.kernel.swap.report.swaps().map((area) => area.pages)).to.deep.equal([pages - 1, pages - 1]);
    });
  }

  it('agree on the fewest pages', () => {
    expect(run('mkswap', image(9 * PAGE_SIZE)).status).to.equal(1);
    const small = machineWith(9, new Uint8Array(PAGE_SIZE));
    expect(() => small.mkswap('/dev/ram0')).to.throw(/EINVAL/);
    expect(run('mkswap', image(10 * PAGE_SIZE)).status).to.equal(0);
    const enough = machineWith(10, new Uint8Array(PAGE_SIZE));
    for (const path of ['/dev/ram0', '/swapfile']) {
      enough.mkswap(path);
      enough.swapon(path);
    }
  });

  it('are the same, byte for byte', () => {
    const path = image(64 * PAGE_SIZE);
    expect(run('mkswap', '-q', '-L', LABEL.slice(0, 15), '-U', UUID, path).status).to.equal(0);
    const ours = buildSwapHeader({ lastPage: 63, label: LABEL.slice(0, 15), uuid: UUID_BYTES });
    expect(firstPage(path).equals(ours)).to.equal(true);
  });

  it('are refused here when they were written for larger pages', () => {
    const path = image(64 * PAGE_SIZE);
    expect(run('mkswap', '-q', '-p', '8192', path).status).to.equal(0);
    const view = machineWith(64, firstPage(path));
    expect(() => view.swapon('/dev/ram0')).to.throw(/EINVAL/);
    expect(() => view.swapon('/swapfile')).to.throw(/EINVAL/);
  });

  it('are refused here when the image was longer than the disk', () => {
    const path = image(65 * PAGE_SIZE);
    expect(run('mkswap', '-q', path).status).to.equal(0);
    expect(() => machineWith(64, firstPage(path)).swapon('/dev/ram0')).to.throw(/EINVAL/);
  });

  for (const bigEndian of [false, true]) {
    const order = bigEndian ? 'big-endian' : 'little-endian';

    it(`are known to blkid when written here, ${order}`, () => {
      const header = buildSwapHeader({
        lastPage: 99,
        badpages: [7, 8],
        label: LABEL,
        uuid: UUID_BYTES,
        bigEndian,
      });
      const { status, out } = run('blkid', '-p', '-o', 'export', image(100 * PAGE_SIZE, header));
      expect(status).to.equal(0);
      expect(out).to.match(/^TYPE=swap$/m);
      expect(out).to.match(/^VERSION=1$/m);
      expect(out).to.match(new RegExp(`^UUID=${UUID}$`, 'm'));
      expect(out).to.match(/^LABEL=swaplab\\? sixteen!$/m);
    });

    it(`are known to swaplabel when written here, ${order}, and switched on after it changed them`, () => {
      const header = buildSwapHeader({ lastPage: 99, label: LABEL, uuid: UUID_BYTES, bigEndian });
      const path = image(100 * PAGE_SIZE, header);
      const before = run('swaplabel', path);
      expect(before.status).to.equal(0);
      expect(before.out).to.match(new RegExp(`^LABEL: ${LABEL}\nUUID:  ${UUID}\n$`));
      expect(run('swaplabel', '-L', 'other', path).status).to.equal(0);
      expect(run('swaplabel', path).out).to.match(/^LABEL: other$/m);
      const view = machineWith(100, firstPage(path));
      expect(view.swapon('/dev/ram0')).to.equal(0);
      expect(view.kernel.swap.report.swaps()[0]!.pages).to.equal(99);
    });
  }

  it('written by the modelled mkswap are known to blkid', () => {
    const view = machineWith(32, new Uint8Array(PAGE_SIZE));
    view.mkswap('/swapfile');
    const { files } = view.kernel.block;
    const { frames, core } = view.kernel;
    const address = frames.addressOf(frames.allocPage(GFP_KERNEL));
    expect(files.readPage(files.open('/swapfile'), 0, address)).to.equal(0);
    const path = image(32 * PAGE_SIZE, core.cells.arena.u8.slice(address, address + PAGE_SIZE));
    expect(run('blkid', '-p', '-o', 'value', '-s', 'TYPE', path)).to.deep.equal({ status: 0, out: 'swap\n' });
    expect(readFileSync(path).length).to.equal(32 * PAGE_SIZE);
  });
});
