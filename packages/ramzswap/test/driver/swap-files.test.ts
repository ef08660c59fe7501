/**
 * A swap file whose blocks lie on a ramzswap disk: a slot of the area is a place in the file, and not the page of that number on the disk.
 */
import { expect } from 'chai';
import { createMachine, EBUSY, PAGE_SIZE, type FreeSlotPolicy, type MachineView } from '@swaplab/kernel-mm';
import { ramzswap, ramzswapOf, type RamzswapView } from '#src/driver/ramzswap.js';
import { fillPage } from '../support/machine.js';

const DISK_PAGES = 64;
const PROCESS_PAGES = 20;
/** Slots 0 to 15 lie behind slots 16 to 31, so that the numbers of some slots are the blocks of others. */
const EXTENTS = [
  [40, 16],
  [4, 16],
] as const;

interface FileMachine {
  readonly view: MachineView;
  readonly driver: RamzswapView;
}

function machineWithSwapFile(policy: FreeSlotPolicy, variants: readonly string[] = []): FileMachine {
  const machine = createMachine({
    ramBytes: 64 * PAGE_SIZE,
    shared: false,
    policy,
    variants,
    ramDisks: [],
    files: [{ path: '/swapfile', disk: 'ramzswap0', extents: EXTENTS }],
    drivers: [ramzswap({ disks: 1, diskBytes: DISK_PAGES * PAGE_SIZE })],
  });
  const view = machine.attach();
  view.mkswap('/swapfile');
  view.swapon('/swapfile');
  return { view, driver: ramzswapOf(view) };
}

/** Swaps out two processes, ends the first, and counts the pages of the second that are wrong. */
function wrongPages({ view }: FileMachine): number {
  const first = view.createAddressSpace({ bytes: PROCESS_PAGES * PAGE_SIZE });
  const second = view.createAddressSpace({ bytes: 8 * PAGE_SIZE });
  const page = new Uint8Array(PAGE_SIZE);
  for (let index = 0; index < PROCESS_PAGES; index++) {
    fillPage(page, index, 300);
    first.write(index * PAGE_SIZE, page);
  }
  for (let index = 0; index < 8; index++) {
    fillPage(page, 100 + index, 300);
    second.write(index * PAGE_SIZE, page);
  }
  view.reclaimPages(PROCESS_PAGES + 8);
  first.exit();
  let wrong = 0;
  for (let index = 0; index < 8; index++) {
    fillPage(page, 100 + index, 300);
    const read = second.read(index * PAGE_SIZE, PAGE_SIZE);
    if (read.some((byte, at) => byte !== page[at])) wrong++;
  }
  second.exit();
  return wrong;
}

describe('a swap file on a ramzswap disk', () => {
  const policies = [
    'none',
    'notify',
    'chain',
    'bdev-op',
    'address-space',
    'discard',
    'discard-slot',
  ] as const;
  for (const policy of policies) {
    it(`gives every page back, and its disk is told of no slot by number, under ${policy}`, () => {
      const machine = machineWithSwapFile(policy);
      expect(wrongPages(machine)).to.equal(0);
      expect(machine.driver.devices[0]!.readStats().notifyFree).to.equal(0);
      machine.view.swapoff('/swapfile');
    });
  }

  it('has the freed slots discarded where they lie, under discard-slot', () => {
    const machine = machineWithSwapFile('discard-slot');
    expect(wrongPages(machine)).to.equal(0);
    const [device] = machine.driver.devices;
    const stored: number[] = [];
    for (let place = 0; place < DISK_PAGES; place++) if (device!.isStored(place)) stored.push(place);
    // The header of the file, which is slot 0, and that of the disk are no slots that were freed.
    expect(stored.filter((place) => place !== 0)).to.deep.equal([40]);
  });

  it('loses live pages where the block-device check is left out (file-offset)', () => {
    expect(wrongPages(machineWithSwapFile('bdev-op', ['file-offset']))).to.be.greaterThan(0);
  });

  it('keeps the disk from being reset or swapped on as a whole', () => {
    const { view, driver } = machineWithSwapFile('notify');
    expect(driver.devices[0]!.reset()).to.equal(-EBUSY);
    expect(() => view.swapon('/dev/ramzswap0')).to.throw(/EINVAL/);
    view.swapoff('/swapfile');
    expect(driver.devices[0]!.reset()).to.equal(-EBUSY);
  });
});
