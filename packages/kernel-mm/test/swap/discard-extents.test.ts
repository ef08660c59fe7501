import { expect } from 'chai';
import { BLOCK_DEVICE, BLOCK_DISCARD } from '#src/block/device.js';
import { EIO } from '#src/errno.js';
import { areaOf, extentAt, machineWithFile, THREE } from './extents-support.js';
import { createSwapMachine, type SwapMachine } from './machine.js';

describe('discards over several extents', () => {
  function listening(machine: SwapMachine, fail = -1): [number, number][] {
    const issued: [number, number][] = [];
    machine.swap.discard.issue = (_area, block, count) => {
      issued.push([block, count]);
      return issued.length - 1 === fail ? -EIO : 0;
    };
    return issued;
  }

  it('cover at swapon all but the header, one extent at a time', () => {
    const machine = createSwapMachine();
    const issued = listening(machine);
    areaOf(machine, THREE, true);
    expect(issued).to.deep.equal([
      [51, 3],
      [10, 8],
      [90, 4],
    ]);
    expect(machine.field(0, 'flags') & 0x004).to.equal(0x004);
  });

  it('leave out a first extent that is the header alone', () => {
    const machine = createSwapMachine();
    const issued = listening(machine);
    areaOf(
      machine,
      [
        [0, 1, 9],
        [1, 7, 30],
      ],
      true,
    );
    expect(issued).to.deep.equal([[30, 7]]);
  });

  it('stop at swapon with the first error: the area takes no discards then', () => {
    const machine = createSwapMachine();
    const issued = listening(machine, 1);
    areaOf(machine, THREE, true);
    expect(issued).to.have.length(2);
    expect(machine.field(0, 'flags') & 0x004).to.equal(0);
  });

  it('of a cluster go on from extent to extent, and remember the first of them', () => {
    const machine = createSwapMachine();
    areaOf(machine, THREE);
    const area = machine.swap.table.infoOf(0);
    const issued = listening(machine);
    machine.swap.discard.discardSwapCluster(area, 2, 12);
    expect(issued).to.deep.equal([
      [52, 2],
      [10, 8],
      [90, 2],
    ]);
    expect(machine.field(0, 'currExtent')).to.equal(extentAt(machine, 0));
    machine.swap.discard.discardSwapCluster(area, 6, 3);
    expect(issued[3]).to.deep.equal([12, 3]);
    expect(machine.field(0, 'currExtent')).to.equal(extentAt(machine, 1));
  });

  it('of a cluster give up at the first error, and say nothing', () => {
    const machine = createSwapMachine();
    areaOf(machine, THREE);
    const issued = listening(machine, 1);
    machine.swap.discard.discardSwapCluster(machine.swap.table.infoOf(0), 0, 16);
    expect(issued).to.have.length(2);
  });

  it('reach the sectors of a file, and no others', () => {
    const machine = machineWithFile(
      4096,
      [
        [100, 8],
        [40, 8],
      ],
      16,
    );
    const disk = machine.disk('ram2');
    machine.block.devices.setFlags(disk, BLOCK_DISCARD);
    const storage = machine.test.cells.ld32(disk + BLOCK_DEVICE.privateData);
    const { u8 } = machine.test.arena;
    for (let page = 30; page < 120; page++)
      if (page !== 100) u8.fill(1, storage + page * 4096, storage + (page + 1) * 4096);
    expect(machine.swap.on.swapon('/swapfile', 0)).to.equal(0);
    const kept = (page: number): boolean =>
      u8.subarray(storage + page * 4096, storage + (page + 1) * 4096).some((byte) => byte !== 0);
    const gone: number[] = [];
    for (let page = 30; page < 120; page++) if (!kept(page)) gone.push(page);
    expect(gone).to.deep.equal([40, 41, 42, 43, 44, 45, 46, 47, 101, 102, 103, 104, 105, 106, 107]);
    expect(machine.block.devices.stats(disk).discards).to.equal(2);
    expect(machine.log()[0]).to.match(/ D$/);
  });
});
