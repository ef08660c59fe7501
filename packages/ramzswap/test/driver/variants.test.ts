/**
 * What is documented as wrong with early drivers: each variant shows its symptom, and without it the same steps do not.
 */
import { expect } from 'chai';
import { KernelBug, MisuseError, swpOffset } from '@swaplab/kernel-mm';
import { walkTable } from '#src/driver/walk.js';
import { ramzswap } from '#src/driver/ramzswap.js';
import { DRIVER_VARIANTS } from '#src/variants/registry.js';
import { attachTestMachine, createTestMachine, fillPage, type TestMachine } from '../support/machine.js';

describe('the variants of the driver', () => {
  it('are one table, from which a machine is given some', () => {
    const ids = DRIVER_VARIANTS.map(({ id }) => id);
    expect(ids).to.deep.equal([...new Set(ids)].sort());
    expect(ids).to.include.members(['d01', 'd11', 'd28']);
    for (const { title, source } of DRIVER_VARIANTS) {
      expect(title).to.match(/^[A-Z].*\.$/);
      expect(source).to.not.equal('');
    }
    expect(() => ramzswap({ disks: 1, diskBytes: 1 << 20, variants: ['d11', 'd99'] }))
      .to.throw(MisuseError, "There is no variant 'd99' of ramzswap; choose from d01, d02,")
      .with.property('code', 'ERR_INVALID_ARGUMENT');
  });

  it('are there in every thread that attaches', () => {
    const { machine } = createTestMachine({ variants: ['d11'] });
    const sound = createTestMachine();
    const attached = attachTestMachine(machine.handle, 'other');
    const foreign = attached.block.devices.byPath('/dev/ram0');
    expect(attached.driver.functions.isOurs(foreign)).to.equal(true);
    expect(sound.driver.functions.isOurs(foreign)).to.equal(false);
  });
});

describe('variant d11: the driver hooks foreign disks', () => {
  for (const policy of ['notify', 'chain', 'address-space'] as const) {
    /** Frees a slot of an area on a RAM disk. */
    const freeForeignSlot = (isWrong: boolean): TestMachine => {
      const machine = createTestMachine({ policy, variants: isWrong ? ['d11'] : [] });
      machine.view.mkswap('/dev/ram0');
      machine.view.swapon('/dev/ram0');
      machine.kernel.swap.counts.swapcacheFree(machine.kernel.swap.allocator.getSwapPage());
      return machine;
    };

    it(`takes the private data of a foreign disk for a device of ours, under ${policy}`, () => {
      expect(() => freeForeignSlot(true)).to.throw(
        KernelBug,
        /ramzswap: the block device at \d+ says its device is at/,
      );
    });

    it(`does not happen without it, under ${policy}`, () => {
      expect(freeForeignSlot(false).device.readStats().notifyFree).to.equal(0);
    });
  }
});

describe('variant d12: the hook is installed at the first read', () => {
  /** Writes two pages and frees them unread, then reads and frees a third; gives what is stored after each. */
  function storedAfter(isWrong: boolean): {
    unread: number;
    read: number;
    notified: number;
    unreported: number;
  } {
    const machine = createTestMachine({ variants: isWrong ? ['d12'] : [] });
    machine.view.swapon('/dev/ramzswap0');
    const { allocator, counts, report } = machine.kernel.swap;
    const page = machine.takePage();
    const write = (): number => {
      const entry = allocator.getSwapPage();
      fillPage(page.bytes, entry, 300);
      expect(machine.transfer('write', swpOffset(entry), page)).to.equal(0);
      return entry;
    };
    for (const entry of [write(), write()]) counts.swapcacheFree(entry);
    const unread = walkTable(machine.device).stored;
    const third = write();
    expect(machine.transfer('read', swpOffset(third), page)).to.equal(0);
    counts.swapcacheFree(third);
    const notified = machine.device.readStats().notifyFree;
    return {
      unread,
      read: walkTable(machine.device).stored,
      notified,
      unreported: report.swaps()[0]!.freedUnreported,
    };
  }

  it('keeps what is freed before any page is read, and forgets what is freed after', () => {
    expect(storedAfter(true)).to.deep.equal({ unread: 2, read: 2, notified: 1, unreported: 2 });
  });

  it('does not happen without it', () => {
    expect(storedAfter(false)).to.deep.equal({ unread: 0, read: 0, notified: 3, unreported: 0 });
  });
});
