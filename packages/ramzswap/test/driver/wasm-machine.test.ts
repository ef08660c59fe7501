import {
  createMachine,
  PAGE_SIZE,
  TASK,
  type Machine,
  type MachineView,
  type Snapshot,
} from '@swaplab/kernel-mm';
import { expect } from 'chai';
import type { CodecName } from '#src/codec/codec.js';
import { ramzswap, ramzswapOf } from '#src/driver/ramzswap.js';
import { fixtureBytes } from '../codec/inputs.js';

/** Pages of the process: some more than the machine may keep resident, so that they go out and come in. */
const MAPPED_PAGES = 186;

/** Swaps recorded pages out and in, rewrites and frees some; gives the state and the driver's counters before the end. */
function runMachine(
  wasm: boolean,
  codec: CodecName,
): { snapshot: Snapshot; stats: unknown; view: MachineView } {
  const machine: Machine = createMachine({
    ramBytes: 4 << 20,
    limitBytes: 64 * PAGE_SIZE,
    seed: 7,
    wasm,
    drivers: [ramzswap({ disks: 1, diskBytes: 2 << 20, codec })],
  });
  const view = machine.attach();
  view.swapon('/dev/ramzswap0');
  const pages = fixtureBytes('pages.bin.gz');
  const contentOf = (page: number): Uint8Array => {
    const at = (page % 62) * PAGE_SIZE;
    return pages.slice(at, at + PAGE_SIZE);
  };
  const space = view.createAddressSpace({ bytes: MAPPED_PAGES * PAGE_SIZE });
  for (let page = 0; page < MAPPED_PAGES; page++) space.write(page * PAGE_SIZE, contentOf(page));
  for (let page = 0; page < MAPPED_PAGES; page += 3) space.write(page * PAGE_SIZE, contentOf(page + 1));
  for (let page = 0; page < MAPPED_PAGES; page += 5) space.unmap(page * PAGE_SIZE, PAGE_SIZE);
  for (let page = 0; page < MAPPED_PAGES; page++) {
    const expected = page % 5 === 0 ? new Uint8Array(PAGE_SIZE) : contentOf(page % 3 === 0 ? page + 1 : page);
    const actual = space.read(page * PAGE_SIZE, PAGE_SIZE);
    expect(Buffer.compare(actual, expected), `page ${String(page)}`).to.equal(0);
  }
  const stats = ramzswapOf(view).device('/dev/ramzswap0').readStats();
  return { snapshot: machine.snapshot(), stats, view };
}

/** The state without what stands in the list of held locks behind its end: a lock that is taken in WASM was never put there. */
function stateOf({ snapshot, view }: { snapshot: Snapshot; view: MachineView }): Uint8Array {
  const task = view.kernel.core.context.tasks.addressOf(0);
  const state = snapshot.control.slice();
  const held = new Int32Array(state.buffer)[(task + TASK.heldCount) >> 2];
  expect(held).to.equal(0);
  return state.fill(0, task + TASK.heldAddress, task + TASK.heldSince);
}

for (const codec of ['lzo1x-2010', 'none'] as const) {
  describe(`a machine with WASM and one without, codec ${codec}`, () => {
    it('are in the same state, byte for byte, after the same calls', () => {
      const inWasm = runMachine(true, codec);
      const inTypeScript = runMachine(false, codec);
      expect(inWasm.view.kernel.core.cells.bytes.wasm).to.equal(true);
      expect(inTypeScript.view.kernel.core.cells.bytes.wasm).to.equal(false);
      expect(inWasm.stats).to.deep.equal(inTypeScript.stats);
      expect(inWasm.snapshot.frameIndices).to.deep.equal(inTypeScript.snapshot.frameIndices);
      expect(Buffer.compare(stateOf(inWasm), stateOf(inTypeScript))).to.equal(0);
      expect(Buffer.compare(inWasm.snapshot.frames, inTypeScript.snapshot.frames)).to.equal(0);
    });
  });
}
