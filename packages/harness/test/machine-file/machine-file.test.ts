import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createMachine, createMachineFrom, MisuseError, type Machine } from '@swaplab/kernel-mm';
import { ramzswap, ramzswapOf } from '@swaplab/ramzswap';
import { expect } from 'chai';
import fc from 'fast-check';

import { EnvironmentError } from '#src/errors.js';
import { MachineFormatError, packMachine, unpackMachine } from '#src/machine-file/format.js';
import { loadMachine, saveMachine } from '#src/machine-file/machine-file.js';

const PAGE = 4096;
const PROCESS_PAGES = 60;

/** A machine whose process is out in a compressed disk, with nobody attached. */
function machineWithData(): Machine {
  const machine = createMachine({
    ramBytes: 2 << 20,
    ramDisks: [],
    drivers: [ramzswap({ disks: 1, diskBytes: 1 << 20 })],
  });
  const view = machine.attach();
  view.swapon('/dev/ramzswap0', { priority: 5 });
  const space = view.createAddressSpace();
  for (let page = 0; page < PROCESS_PAGES; page++)
    space.write(
      page * PAGE,
      Uint8Array.from({ length: PAGE }, (_, at) => (at % (page + 2)) * 3),
    );
  view.reclaimPages(PROCESS_PAGES);
  view.detach();
  return machine;
}

function disk(machine: Machine): ReturnType<typeof ramzswapOf>['devices'][number] {
  return ramzswapOf(machine.attach()).device('/dev/ramzswap0');
}

describe('a machine kept in a file', () => {
  let folder = '';
  const path = (name: string): string => join(folder, name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-machine-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('comes back with its swap area and what is stored in it, byte for byte', () => {
    const machine = machineWithData();
    const before = machine.image();
    saveMachine(machine, path('m'));
    const again = loadMachine(path('m'));
    expect(again.image()).to.deep.equal(before);
    expect(readdirSync(folder)).to.deep.equal(['m']);

    const stats = disk(again).readStats();
    expect(stats.pagesStored).to.be.greaterThan(PROCESS_PAGES - 10);
    expect(stats).to.deep.equal(disk(machine).readStats());
    expect(again.attach().proc('swaps')).to.match(/\/dev\/ramzswap0 /);
  });

  it('is much smaller than the memory of the machine, and the same each time', () => {
    const machine = machineWithData();
    saveMachine(machine, path('a'));
    saveMachine(machine, path('b'));
    saveMachine(loadMachine(path('a')), path('c'));
    const bytes = readFileSync(path('a'));
    expect(bytes.length).to.be.lessThan(machine.handle.memory.buffer.byteLength / 8);
    expect(readFileSync(path('b')).equals(bytes)).to.equal(true);
    expect(readFileSync(path('c')).equals(bytes)).to.equal(true);
  });

  it('holds any number of pages, none and several chunks of them included', () => {
    const { format, config, drivers } = machineWithData().image();
    for (const count of [0, 1, 1023, 1024, 1025, 2500]) {
      const indices = Int32Array.from({ length: count }, (_, index) => 3 * index);
      const pages = Uint8Array.from({ length: count * PAGE }, (_, at) => (at >> 12) + at);
      const image = { format, config, drivers, bytes: 3 * 2500 * PAGE, indices, pages };
      const again = unpackMachine(packMachine(image));
      expect(again.indices, `${String(count)} pages`).to.deep.equal(indices);
      expect(Buffer.compare(again.pages, pages), `${String(count)} pages`).to.equal(0);
      expect(again.bytes).to.equal(image.bytes);
    }
  });

  it('is not written while a thread is attached, and the old file stays', () => {
    const machine = machineWithData();
    saveMachine(machine, path('m'));
    const bytes = readFileSync(path('m'));
    const view = machine.attach({ name: 'busy' });
    expect(() => saveMachine(machine, path('m'))).to.throw(MisuseError, "'busy' must detach");
    view.detach();
    expect(readFileSync(path('m')).equals(bytes)).to.equal(true);
    expect(() => saveMachine(machine, path('none/m'))).to.throw(
      EnvironmentError,
      /the machine cannot be written to .*no such file/,
    );
  });

  it('that is something else is refused in words', () => {
    const refused = (bytes: string | Buffer, words: RegExp): void => {
      writeFileSync(path('x'), bytes);
      expect(() => loadMachine(path('x'))).to.throw(EnvironmentError, words);
    };
    expect(() => loadMachine(path('none'))).to.throw(EnvironmentError, /cannot be read from .*ENOENT/);
    expect(() => loadMachine(folder)).to.throw(EnvironmentError, /cannot be read from .*EISDIR/);
    refused('', /is no machine: it is empty/);
    refused('#!/bin/sh\n', /is no machine: it holds no machine/);
    const good = packMachine(machineWithData().image());
    refused(good.subarray(0, 20), /it is cut off/);
    const newer = Buffer.from(good);
    newer.writeUInt32LE(2, 8);
    refused(newer, /version 2 of the format, not 1/);
    refused(Buffer.concat([good, Buffer.from([0])]), /it is damaged/);
  });

  const seed = Math.floor(Math.random() * 2 ** 31);
  it(`that is damaged anywhere is refused (seeds 1, ${String(seed)})`, () => {
    const good = packMachine(machineWithData().image());
    const damaged = fc.oneof(
      fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
        const bytes = Buffer.from(good);
        bytes[at] = bytes[at]! ^ change;
        return bytes;
      }),
      fc.nat(good.length - 1).map((length) => good.subarray(0, length)),
    );
    for (const each of [1, seed]) {
      fc.assert(
        fc.property(damaged, (bytes) => {
          expect(() => unpackMachine(bytes)).to.throw(MachineFormatError);
        }),
        { seed: each, numRuns: 150 },
      );
    }
  });

  it('that was written wrong, with a hash that is right, is refused in words', () => {
    const good = packMachine(machineWithData().image());
    const describedBytes = good.readUInt32LE(12);
    const described = JSON.parse(good.toString('utf8', 48, 48 + describedBytes)) as { pages: number };
    const chunks = good.subarray(48 + describedBytes);
    const written = (description: unknown, rest: Buffer): Buffer => {
      const text = Buffer.from(typeof description === 'string' ? description : JSON.stringify(description));
      const head = Buffer.from(good.subarray(0, 16));
      head.writeUInt32LE(text.length, 12);
      const hash = createHash('sha256').update(head).update(text).update(rest).digest();
      return Buffer.concat([head, hash, text, rest]);
    };
    expect(written(described, chunks).equals(good)).to.equal(true);
    const longer = Buffer.from(chunks);
    longer.writeUInt32LE(chunks.readUInt32LE(0) + 1, 0);
    const wrong: readonly (readonly [unknown, Buffer, RegExp])[] = [
      ['{', chunks, /make no sense/],
      [null, chunks, /description is none/],
      [{ ...described, config: 7 }, chunks, /description is none/],
      [{ ...described, drivers: [null] }, chunks, /description is none/],
      [{ ...described, pages: -1 }, chunks, /make no sense/],
      [{ ...described, pages: 2 ** 50 }, chunks, /make no sense/],
      [{ ...described, pages: described.pages + 1 }, chunks, /it has \d+ of \d+ pages/],
      [{ ...described, pages: 1 }, chunks, /no room for it/],
      [{ ...described, pages: described.pages + 1 }, longer, /too short|make no sense/],
      [described, chunks.subarray(0, 100), /make no sense/],
    ];
    for (const [description, rest, words] of wrong) {
      writeFileSync(path('x'), written(description, rest));
      expect(() => loadMachine(path('x')), words.source).to.throw(EnvironmentError, words);
    }
  });

  it('of a machine that this version lays out differently is refused in words', () => {
    const image = machineWithData().image();
    const drivers = [{ name: 'ramzswap', options: { ...(image.drivers[0]!.options as object), disks: 2 } }];
    writeFileSync(path('other'), packMachine({ ...image, drivers }));
    expect(() => loadMachine(path('other'))).to.throw(EnvironmentError, /cannot be made again: .*version/);
    writeFileSync(path('odd'), packMachine({ ...image, config: { ...image.config, ramBytes: 7 } }));
    expect(() => loadMachine(path('odd'))).to.throw(EnvironmentError, /cannot be made again: ramBytes is 7/);
    writeFileSync(path('none'), packMachine({ ...image, drivers: [{ name: 'floppy', options: {} }] }));
    expect(() => loadMachine(path('none'))).to.throw(EnvironmentError, /driver 'floppy'/);
  });

  it('goes on where it was left: pages come back, and the disk is empty at the end', () => {
    const machine = machineWithData();
    const again = createMachineFrom(unpackMachine(packMachine(machine.image())), { drivers: { ramzswap } });
    const view = again.attach();
    view.swapoff('/dev/ramzswap0');
    const device = ramzswapOf(view).device('/dev/ramzswap0');
    expect(device.readStats().numReads).to.be.greaterThan(PROCESS_PAGES - 10);
    expect(device.readStats().pagesStored).to.equal(0);
    expect(device.reset()).to.equal(0);
  });
});
