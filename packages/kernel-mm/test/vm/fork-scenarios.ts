/**
 * What the threads of the fork tests do: each runs a small family of processes that fork, write, read, drop and end, and knows what each of
 * them must find.
 */
import { PAGE_SIZE } from '#src/arena/memory.js';
import { KernelError } from '#src/errno.js';
import type { AddressSpace } from '#src/machine/address-space.js';
import { attachMachine, type MachineHandle } from '#src/machine/machine.js';
import type { MachineView } from '#src/machine/view.js';
import { bytesOf } from './machine.js';

/** What a thread is told. */
export interface FamilyInput {
  readonly handle: MachineHandle;
  readonly seed: number;
  readonly milliseconds: number;
  /** Virtual pages of each process. */
  readonly pages: number;
  /** Most processes at one time. */
  readonly processes: number;
  /** Whether processes may be ended for lack of memory. */
  readonly mayBeKilled: boolean;
}

/** What it did. */
export interface FamilyResult {
  readonly ops: number;
  readonly forks: number;
  /** Pages that did not read as they must. */
  readonly wrong: number;
  readonly kills: number;
}

interface Member {
  readonly space: AddressSpace;
  /** What each page was written with last; 0 for zeros. A child begins with its parent's. */
  readonly seeds: Int32Array;
}

/** A seed of contents for each thread, its own numbers and a write. */
const SEEDS_PER_THREAD = 10_000_019;

/** Random forks and accesses until the time is over, then a last look at everything. */
export function family(input: FamilyInput): FamilyResult {
  const view = attachMachine(input.handle, { name: `family ${input.seed}`, waitLimitMs: 20_000 });
  const result = { ops: 0, forks: 0, wrong: 0, kills: 0 };
  const members: Member[] = [newMember(view, input.pages)];
  const out = new Uint8Array(PAGE_SIZE);
  let random = Math.imul(input.seed + 1, 0x9e37_79b9);
  const draw = (below: number): number => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
    return ((random >>> 8) & 0xffff) % below;
  };
  /** Ends a process, and counts it if it was killed, by whomever. */
  const exit = ({ space }: Member): void => {
    if (space.info().killed) result.kills++;
    space.exit();
  };
  const end = performance.now() + input.milliseconds;
  while (performance.now() < end) {
    const index = draw(members.length);
    const member = members[index]!;
    const vpn = draw(input.pages);
    const what = draw(100);
    try {
      if (what < 6 && members.length < input.processes) {
        members.push({ space: member.space.fork(), seeds: member.seeds.slice() });
        result.forks++;
      } else if (what < 10) {
        exit(member);
        members.splice(index, 1);
        if (members.length === 0) members.push(newMember(view, input.pages));
      } else if (what < 45) {
        const seed = input.seed * SEEDS_PER_THREAD + result.ops;
        member.space.write(vpn * PAGE_SIZE, bytesOf(seed));
        member.seeds[vpn] = seed;
      } else if (what < 52) {
        member.space.unmap(vpn * PAGE_SIZE, PAGE_SIZE);
        member.seeds[vpn] = 0;
      } else if (!isRight(member, vpn, out)) {
        result.wrong++;
      }
      result.ops++;
    } catch (error) {
      if (!(input.mayBeKilled && error instanceof KernelError && error.code === 'ENOMEM')) throw error;
      // What its relatives share with it is theirs still.
      exit(member);
      members[index] = newMember(view, input.pages);
    }
  }
  for (const member of members) {
    for (let vpn = 0; vpn < input.pages && !input.mayBeKilled; vpn++)
      if (!isRight(member, vpn, out)) result.wrong++;
    exit(member);
  }
  view.detach();
  return result;
}

function newMember(view: MachineView, pages: number): Member {
  return { space: view.createAddressSpace({ bytes: pages * PAGE_SIZE }), seeds: new Int32Array(pages) };
}

function isRight({ space, seeds }: Member, vpn: number, out: Uint8Array): boolean {
  space.read(vpn * PAGE_SIZE, out);
  const seed = seeds[vpn]!;
  return Buffer.compare(out, seed === 0 ? new Uint8Array(PAGE_SIZE) : bytesOf(seed)) === 0;
}

/** What each thread of {@link relatives} is told. */
export interface RelativesInput {
  readonly handle: MachineHandle;
  readonly seed: number;
  readonly milliseconds: number;
  /** A process all threads use. */
  readonly id: number;
  readonly pages: number;
}

/**
 * Forks children from a process that other threads fork and write, too: each writes only the pages whose number has its own rest, and each child
 * must keep what it read first, whatever the parent writes meanwhile.
 */
export function relatives(input: RelativesInput): FamilyResult {
  const view = attachMachine(input.handle, { name: `relative ${input.seed}`, waitLimitMs: 20_000 });
  const { access, fork, zap } = view.kernel.vm;
  const result = { ops: 0, forks: 0, wrong: 0, kills: 0 };
  const first = new Uint8Array(input.pages);
  const out = new Uint8Array(1);
  const end = performance.now() + input.milliseconds;
  let written = 0;
  while (performance.now() < end) {
    for (let vpn = input.seed; vpn < input.pages; vpn += 4) {
      written = (written + 1) & 0xff;
      if (access.write(input.id, vpn * PAGE_SIZE, Uint8Array.of(written)) !== 0) result.wrong++;
      if (access.read(input.id, vpn * PAGE_SIZE, out) !== 0 || out[0] !== written) result.wrong++;
      result.ops++;
    }
    const child = fork.dupMm(input.id);
    if (child < 0) throw new Error(`fork answers ${child}`);
    result.forks++;
    for (let look = 0; look < 3; look++) {
      for (let vpn = 0; vpn < input.pages; vpn++) {
        if (access.read(child, vpn * PAGE_SIZE, out) !== 0) result.wrong++;
        if (look === 0) first[vpn] = out[0]!;
        else if (out[0] !== first[vpn]) result.wrong++;
      }
      if (first[input.seed + (input.pages - 4)] !== written) result.wrong++;
    }
    zap.exit(child);
  }
  view.detach();
  return result;
}
