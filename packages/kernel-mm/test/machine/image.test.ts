import { expect } from 'chai';
import { PAGE_SIZE } from '#src/arena/memory.js';
import { MisuseError } from '#src/errno.js';
import { AddressSpace } from '#src/machine/address-space.js';
import type { Driver } from '#src/machine/driver.js';
import { createMachine, createMachineFrom, type Machine, type MachineImage } from '#src/machine/machine.js';

const DISK_PAGES = 64;

function newMachine(shared = true): Machine {
  return createMachine({
    ramBytes: 1 << 20,
    shared,
    ramDisks: [{ name: 'ram0', bytes: DISK_PAGES * PAGE_SIZE }],
  });
}

/** A machine with a process whose pages are out in swap, and nobody attached; and the address of the process. */
function swappedOut(shared = true): { readonly machine: Machine; readonly mm: number } {
  const machine = newMachine(shared);
  const view = machine.attach();
  view.mkswap('/dev/ram0');
  view.swapon('/dev/ram0', { priority: 5 });
  const space = view.createAddressSpace({ bytes: 8 * PAGE_SIZE });
  for (let page = 0; page < 8; page++)
    space.write(page * PAGE_SIZE, new Uint8Array(PAGE_SIZE).fill(page + 1));
  view.reclaimPages(8);
  view.detach();
  return { machine, mm: space.id };
}

function changed(image: MachineImage, changes: object): MachineImage {
  return { ...image, ...changes };
}

describe('the image of a machine', () => {
  for (const shared of [true, false]) {
    it(`becomes the same machine, with its swap area and its processes (shared: ${shared})`, () => {
      const { machine, mm } = swappedOut(shared);
      const image = machine.image();
      const again = createMachineFrom(image);
      expect(again.config).to.deep.equal(machine.config);
      expect(again.image().indices).to.deep.equal(image.indices);
      expect(Buffer.compare(again.image().pages, image.pages)).to.equal(0);

      const view = again.attach();
      expect(view.kernel.swap.report.swaps().map(({ device }) => device)).to.deep.equal(['/dev/ram0']);
      const space = new AddressSpace(view.kernel.vm, mm);
      for (let page = 0; page < 8; page++)
        expect(Array.from(space.read(page * PAGE_SIZE + 17, 2))).to.deep.equal([page + 1, page + 1]);
      view.swapoff('/dev/ram0');
      space.exit();
      expect(view.kernel.frames.info().free).to.equal(256);
    });
  }

  it('holds the pages that are not all zeros, and no others', () => {
    const { machine } = swappedOut();
    const { bytes, indices, pages } = machine.image();
    expect(bytes).to.equal(machine.handle.memory.buffer.byteLength);
    expect(pages.length).to.equal(indices.length * PAGE_SIZE);
    expect(indices.length).to.be.lessThan(bytes / PAGE_SIZE / 4);
    const memory = Buffer.from(machine.handle.memory.buffer);
    const zeros = Buffer.alloc(PAGE_SIZE);
    const saved = new Set(indices);
    for (let index = 0; index < bytes / PAGE_SIZE; index++) {
      const page = memory.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
      expect(page.equals(zeros), `page ${index}`).to.equal(!saved.has(index));
    }
  });

  it('is a copy: what happens to either machine afterwards does not touch the other', () => {
    const { machine, mm } = swappedOut();
    const image = machine.image();
    const again = createMachineFrom(image);
    const view = machine.attach();
    new AddressSpace(view.kernel.vm, mm).write(0, new Uint8Array(PAGE_SIZE).fill(0xee));
    const other = again.attach();
    expect(new AddressSpace(other.kernel.vm, mm).read(0, 1)[0]).to.equal(1);
    other.detach();
    expect(createMachineFrom(image).attach().kernel.swap.report.swaps()).to.have.length(1);
  });

  it('is not taken while a thread is attached', () => {
    const machine = newMachine();
    const view = machine.attach({ name: 'busy' });
    expect(() => machine.image())
      .to.throw(MisuseError, "'busy' must detach")
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    view.detach();
    expect(machine.image().format).to.equal('swaplab.image/1');
  });

  it('of something else is refused', () => {
    const image = newMachine().image();
    const refuses = (changes: object, code: string, text: string): void => {
      expect(() => createMachineFrom(changed(image, changes)), text)
        .to.throw(MisuseError, text)
        .with.property('code', code);
    };
    refuses({ format: 'swaplab.machine/1' }, 'ERR_BAD_HANDLE', 'no image of a machine');
    refuses({ bytes: image.bytes + 65_536 }, 'ERR_INVALID_ARGUMENT', 'another version');
    refuses({ pages: image.pages.subarray(1) }, 'ERR_INVALID_ARGUMENT', 'numbers of pages');
    refuses({ indices: image.indices.slice().reverse() }, 'ERR_INVALID_ARGUMENT', 'behind page');
    const beyond = image.indices.slice();
    beyond[beyond.length - 1] = image.bytes / PAGE_SIZE;
    refuses({ indices: beyond }, 'ERR_INVALID_ARGUMENT', 'behind page');
    refuses({ config: { ...image.config, ramBytes: 5 } }, 'ERR_OUT_OF_RANGE', 'ramBytes');
    refuses({ config: { ...image.config, policy: 'perhaps' } }, 'ERR_INVALID_ARGUMENT', 'policy');
    refuses({ drivers: [{ name: 'toy', options: {} }] }, 'ERR_BAD_HANDLE', "driver 'toy'");
    refuses(
      { indices: new Int32Array(0), pages: new Uint8Array(0) },
      'ERR_SYMBOL_MISMATCH',
      'another version',
    );
  });

  it('brings its driver back, made from the same options', () => {
    const toy = (options: { readonly bytes: number }): Driver => ({
      name: 'toy',
      options,
      tableBytes: 0,
      layout: (layout) => void layout.bytes('hot', 'toy', options.bytes),
      attach: () => ({ boot: () => undefined }),
    });
    const machine = createMachine({ ramBytes: 1 << 20, drivers: [toy({ bytes: 128 })] });
    const again = createMachineFrom(machine.image(), { drivers: { toy } });
    expect(again.handle.drivers).to.deep.equal([{ name: 'toy', options: { bytes: 128 } }]);
    expect(again.attach().driver('toy')).to.be.an('object');
    expect(() => createMachineFrom(machine.image(), { drivers: { toy: () => toy({ bytes: 256 }) } }))
      .to.throw(MisuseError)
      .with.property('code', 'ERR_SYMBOL_MISMATCH');
  });
});
