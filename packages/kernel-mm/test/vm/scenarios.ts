/**
 * What the threads of the vm tests do: each is a process of its own that writes, reads, drops and ends, and knows what it must find.
 */
import { PAGE_SIZE } from '#src/arena/memory.js';
import { KernelError } from '#src/errno.js';
import { attachMachine, type MachineHandle } from '#src/machine/machine.js';
import { brokenInvariants, bytesOf } from './machine.js';

/** What a swapper is told. */
export interface SwapperInput {
  readonly handle: MachineHandle;
  readonly seed: number;
  readonly ops: number;
  /** Virtual pages of its process. */
  readonly pages: number;
  /** Whether it goes on with a new process when it is ended for lack of memory. */
  readonly mayBeKilled: boolean;
  /** Whether it ends now and then, and begins again. */
  readonly exits: boolean;
  /** Whether its last process stays alive. */
  readonly stays: boolean;
}

/** What it did. */
export interface SwapperResult {
  readonly ops: number;
  /** Pages that did not read as they were written. */
  readonly wrong: number;
  /** Processes that it saw were killed. */
  readonly kills: number;
  /** Processes that it ended without having seen that they were killed: another thread may have killed them in that very moment. */
  readonly ends: number;
  /** Times the limit was seen to be passed. */
  readonly overLimit: number;
  /** Its address space, when it stays. */
  readonly id: number;
}

/** Random accesses to one process's memory, each page's contents known by a version number. */
export function swapper(input: SwapperInput): SwapperResult {
  const view = attachMachine(input.handle, { name: `swapper ${input.seed}`, waitLimitMs: 20_000 });
  const { frames } = view.kernel;
  const { pages, seed } = input;
  const result = { ops: 0, wrong: 0, kills: 0, ends: 0, overLimit: 0, id: 0 };
  let space = view.createAddressSpace({ bytes: pages * PAGE_SIZE });
  /** Ends the process, and counts it if it was killed, by whomever. */
  const exit = (): void => {
    if (space.info().killed) result.kills++;
    else result.ends++;
    space.exit();
  };
  const versions = new Int32Array(pages);
  const out = new Uint8Array(PAGE_SIZE);
  const zeros = new Uint8Array(PAGE_SIZE);
  let random = Math.imul(seed + 1, 0x9e37_79b9);
  for (let version = 1; version <= input.ops; version++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
    const choice = (random >>> 8) & 0xffff;
    const vpn = choice % pages;
    const what = (random >>> 24) & 0xff;
    try {
      if (input.exits && what === 0) {
        exit();
        space = view.createAddressSpace({ bytes: pages * PAGE_SIZE });
        versions.fill(0);
      } else if (what < 100) {
        space.write(vpn * PAGE_SIZE, bytesOf(seed * 1_000_003 + version));
        versions[vpn] = version;
      } else if (what < 116) {
        space.unmap(vpn * PAGE_SIZE, PAGE_SIZE);
        versions[vpn] = 0;
      } else {
        space.read(vpn * PAGE_SIZE, out);
        const known = versions[vpn]!;
        const expected = known === 0 ? zeros : bytesOf(seed * 1_000_003 + known);
        if (out.some((byte, index) => byte !== expected[index])) result.wrong++;
      }
      result.ops++;
    } catch (error) {
      if (!(input.mayBeKilled && error instanceof KernelError && error.code === 'ENOMEM')) throw error;
      exit();
      space = view.createAddressSpace({ bytes: pages * PAGE_SIZE });
      versions.fill(0);
    }
    const { charged, limit } = frames.info();
    if (limit !== 0 && charged > limit) result.overLimit++;
  }
  for (let vpn = 0; vpn < pages && !input.mayBeKilled; vpn++) {
    space.read(vpn * PAGE_SIZE, out);
    const known = versions[vpn]!;
    const expected = known === 0 ? zeros : bytesOf(seed * 1_000_003 + known);
    if (out.some((byte, index) => byte !== expected[index])) result.wrong++;
  }
  if (input.stays) result.id = space.id;
  else exit();
  view.detach();
  return result;
}

/** Creates and ends processes, each of which writes a page and reads it back; returns how often it read something else. */
export function comeAndGo(input: {
  readonly handle: MachineHandle;
  readonly seed: number;
  readonly rounds: number;
}): number {
  const view = attachMachine(input.handle, { name: `come and go ${input.seed}` });
  let wrong = 0;
  for (let round = 0; round < input.rounds; round++) {
    const space = view.createAddressSpace({ bytes: 8 * PAGE_SIZE });
    for (let vpn = 0; vpn < 8; vpn++)
      space.write(vpn * PAGE_SIZE, Uint8Array.of(input.seed, round & 0xff, vpn));
    for (let vpn = 0; vpn < 8; vpn++) {
      const [seed, low, page] = space.read(vpn * PAGE_SIZE, 3);
      if (seed !== input.seed || low !== (round & 0xff) || page !== vpn) wrong++;
    }
    space.exit();
  }
  view.detach();
  return wrong;
}

/** What the daemon is told. */
export interface KswapdInput {
  readonly handle: MachineHandle;
}

/** Serves as kswapd until it is told to end; returns the pages it has freed. */
export function kswapd(input: KswapdInput): number {
  const view = attachMachine(input.handle, { name: 'kswapd', waitLimitMs: 20_000 });
  const daemon = view.kernel.vm.kswapd;
  let freed = 0;
  while (!daemon.shouldStop()) freed += daemon.serve(20);
  view.detach();
  return freed;
}

/** What a thread is told that looks at the machine while kswapd stands still. */
export interface LookInput {
  readonly handle: MachineHandle;
  readonly rounds: number;
  /** Pages of its process: more than there are frames, so that kswapd has work. */
  readonly pages: number;
}

/** What it found. */
export interface LookResult {
  readonly broken: readonly string[];
  /** Looks during which kswapd went on. */
  readonly disturbed: number;
}

/** Writes memory until kswapd is called, lets it stand still, and looks at everything. */
export function lookWhileFrozen(input: LookInput): LookResult {
  const view = attachMachine(input.handle, { name: 'looker', waitLimitMs: 20_000 });
  const { vm } = view.kernel;
  const space = view.createAddressSpace({ bytes: input.pages * PAGE_SIZE });
  const broken: string[] = [];
  let disturbed = 0;
  for (let round = 0; round < input.rounds; round++) {
    for (let step = 0; step < 40; step++) {
      const vpn = (round * 40 + step * 7) % input.pages;
      space.write(vpn * PAGE_SIZE, bytesOf(vpn));
    }
    vm.kswapd.freeze();
    const scanned = vm.events.sums().scanned;
    if (vm.reclaim.isolatedPages() !== 0) disturbed++;
    broken.push(...brokenInvariants(view.kernel));
    if (vm.events.sums().scanned !== scanned) disturbed++;
    vm.kswapd.thaw();
  }
  for (let vpn = 0; vpn < input.pages; vpn++) {
    const [first] = space.read(vpn * PAGE_SIZE, 1);
    if (first !== 0 && first !== bytesOf(vpn, 1)[0]) broken.push(`page ${vpn} reads ${first}`);
  }
  space.exit();
  view.detach();
  return { broken, disturbed };
}
