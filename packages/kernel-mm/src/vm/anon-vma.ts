/**
 * Families of address spaces: who may map the same anonymous page.
 *
 * Fork keeps addresses, so all owners of a page have it at one virtual page number, and all of them descend from one process. A page
 * therefore names its family and the number (`mapping`, `index`), and the reverse map asks each member of the family for its entry there.
 * No record per mapping is needed. One object for all pages of a process takes the place of one for each of its areas.
 *
 * Promise: an address space is a member from its creation until nothing is mapped in it any more; members are listed in order of their
 * birth, parents before children. A family without members is free for the next process that is not forked. Pages that were mapped once may
 * still name it then: the reverse map trusts only what it finds in page tables.
 *
 * Lock: `anon_vma_lock` (spinlock), one a family, protects its list. It is taken inside the page lock and outside page-table locks.
 * @kernel struct anon_vma and struct anon_vma_chain, 2.6.34
 */
import type { Layout, Region } from '../arena/layout.js';
import { struct } from '../arena/struct.js';
import type { Cells } from '../sync/cells.js';
import type { Context } from '../sync/context.js';
import type { Core } from '../sync/core.js';
import type { LockClass, LockClasses } from '../sync/lock-classes.js';
import { layoutLocks, type Locks } from '../sync/locks.js';

const ANON_VMA = struct('anon_vma', {
  /** Address spaces in the family; 0 while the object is free. Changed with Atomics: 0 to 1 is how it is claimed. */
  members: 'i32',
  /** First and last link of the list. */
  head: 'i32',
  tail: 'i32',
});

/** Membership of one address space; each place for an address space has its own. */
const ANON_VMA_CHAIN = struct('anon_vma_chain', { anonVma: 'i32', mm: 'i32', next: 'i32' });

/** Regions and the lock class of the families. */
export interface AnonVmasLayout {
  readonly families: Region;
  readonly chains: Region;
  readonly locks: Region;
  readonly lockClass: LockClass;
  readonly count: number;
}

/**
 * Reserves the families.
 * @param layout - not yet sealed
 * @param classes - gets `anon_vma_lock`
 * @param count - most address spaces at one time; there are as many families, so that there is always a free one
 */
export function layoutAnonVmas(layout: Layout, classes: LockClasses, count: number): AnonVmasLayout {
  return {
    families: layout.structs('hot', 'anon_vma', ANON_VMA, count),
    chains: layout.structs('hot', 'anon_vma_chain', ANON_VMA_CHAIN, count),
    locks: layoutLocks(layout, 'anon_vma_lock', count),
    lockClass: classes.define('anon_vma_lock'),
    count,
  };
}

/** The families of a machine, as one thread sees them. */
export class AnonVmas {
  private readonly cells: Cells;
  private readonly context: Context;
  private readonly locks: Locks;
  private readonly regions: AnonVmasLayout;

  /**
   * @param core - this thread's lower floors
   * @param regions - from {@link layoutAnonVmas}
   */
  constructor(core: Core, regions: AnonVmasLayout) {
    this.cells = core.cells;
    this.context = core.context;
    this.locks = core.locks;
    this.regions = regions;
  }

  /**
   * Founds a family with one member. @kernel mm/rmap.c anon_vma_prepare, 2.6.34
   * @param place - index of the address space among the places for them; not in a family
   * @param mm - the address space
   */
  found(place: number, mm: number): void {
    for (let index = 0; index < this.regions.count; index++) {
      const anonVma = this.regions.families.base + index * ANON_VMA.$bytes;
      if (this.cells.atomicCompareExchange(anonVma + ANON_VMA.members, 0, 1) !== 0) continue;
      this.link(anonVma, place, mm);
      return;
    }
    this.context.bug('There is no free family, though there are as many as address spaces.');
  }

  /**
   * Makes a child a member of its parent's family, behind all others: a walk that runs meanwhile comes to it after its parent.
   * @kernel mm/rmap.c anon_vma_fork, 2.6.34
   * @param place - index of the child among the places for address spaces; not in a family
   * @param mm - the child
   * @param anonVma - the family of its parent, who stays a member during the call
   */
  join(place: number, mm: number, anonVma: number): void {
    if (this.cells.atomicAdd(anonVma + ANON_VMA.members, 1) <= 0)
      this.context.bug('A child joins a family without members.');
    this.link(anonVma, place, mm);
  }

  /**
   * Ends a membership. The address space maps nothing any more. @kernel mm/rmap.c unlink_anon_vmas, 2.6.34
   * @param place - index of the address space among the places for them
   */
  leave(place: number): void {
    const chain = this.chainAt(place);
    const anonVma = this.cells.ld32(chain + ANON_VMA_CHAIN.anonVma);
    if (anonVma === 0) this.context.bug(`The address space in place ${place} leaves a family it is not in.`);
    this.lock(anonVma);
    try {
      this.unlink(anonVma, chain);
      this.cells.atomicAdd(anonVma + ANON_VMA.members, -1);
    } finally {
      this.unlock(anonVma);
    }
  }

  /** Family of the address space in a place; 0 for none. Stable while the address space cannot end. */
  familyOf(place: number): number {
    return this.cells.ld32(this.chainAt(place) + ANON_VMA_CHAIN.anonVma);
  }

  /** Members of a family; true only for the moment. */
  memberCount(anonVma: number): number {
    return this.cells.atomicLoad(anonVma + ANON_VMA.members);
  }

  /** Takes the lock of a family: nobody joins or leaves. @kernel page_lock_anon_vma */
  lock(anonVma: number): void {
    this.locks.spinLock(this.lockOf(anonVma), this.regions.lockClass);
  }

  /** Drops the lock of a family. */
  unlock(anonVma: number): void {
    this.locks.spinUnlock(this.lockOf(anonVma), this.regions.lockClass);
  }

  /**
   * The first link of a family's list, or 0. The lock is held.
   * @param anonVma - a family
   */
  first(anonVma: number): number {
    this.context.assertHeld(this.lockOf(anonVma), 'a walk over a family');
    return this.cells.ld32(anonVma + ANON_VMA.head);
  }

  /**
   * The link behind another, or 0 at the end. The lock is held.
   * @param chain - from {@link first} or this function
   */
  next(chain: number): number {
    return this.cells.ld32(chain + ANON_VMA_CHAIN.next);
  }

  /**
   * The member of a link. The lock is held.
   * @param chain - from {@link first} or {@link next}
   */
  mmOf(chain: number): number {
    return this.cells.ld32(chain + ANON_VMA_CHAIN.mm);
  }

  /**
   * Walks all families; the sentences say what does not agree. Only while nobody forks, begins or ends.
   * @param living - the address spaces there are, each in one family
   */
  checkInvariants(living: readonly number[]): string[] {
    const broken: string[] = [];
    const met: number[] = [];
    for (let index = 0; index < this.regions.count; index++) {
      const anonVma = this.regions.families.base + index * ANON_VMA.$bytes;
      let listed = 0;
      let last = 0;
      let chain = this.cells.ld32(anonVma + ANON_VMA.head);
      for (; chain !== 0 && listed <= this.regions.count; chain = this.next(chain)) {
        listed++;
        last = chain;
        met.push(this.mmOf(chain));
        if (this.cells.ld32(chain + ANON_VMA_CHAIN.anonVma) !== anonVma)
          broken.push(`family ${index} lists an address space that belongs to another`);
      }
      const members = this.memberCount(anonVma);
      if (listed !== members) broken.push(`family ${index} lists ${listed} member(s) but counts ${members}`);
      if (this.cells.ld32(anonVma + ANON_VMA.tail) !== last)
        broken.push(`the list of family ${index} does not end where it says`);
    }
    for (const mm of living) {
      const first = met.indexOf(mm);
      if (first < 0) broken.push('an address space is in no family');
      else if (met.includes(mm, first + 1)) broken.push('an address space is listed twice in families');
    }
    if (met.length !== living.length)
      broken.push(`families list ${met.length} address spaces, but ${living.length} live`);
    return broken;
  }

  private chainAt(place: number): number {
    return this.regions.chains.base + place * ANON_VMA_CHAIN.$bytes;
  }

  private lockOf(anonVma: number): number {
    const index = (anonVma - this.regions.families.base) / ANON_VMA.$bytes;
    return this.regions.locks.base + index * this.regions.locks.stride;
  }

  private link(anonVma: number, place: number, mm: number): void {
    const chain = this.chainAt(place);
    this.lock(anonVma);
    try {
      if (this.cells.ld32(chain + ANON_VMA_CHAIN.anonVma) !== 0)
        this.context.bug(`The address space in place ${place} is in a family already.`);
      this.cells.st32(chain + ANON_VMA_CHAIN.anonVma, anonVma);
      this.cells.st32(chain + ANON_VMA_CHAIN.mm, mm);
      this.cells.st32(chain + ANON_VMA_CHAIN.next, 0);
      const tail = this.cells.ld32(anonVma + ANON_VMA.tail);
      if (tail === 0) this.cells.st32(anonVma + ANON_VMA.head, chain);
      else this.cells.st32(tail + ANON_VMA_CHAIN.next, chain);
      this.cells.st32(anonVma + ANON_VMA.tail, chain);
    } finally {
      this.unlock(anonVma);
    }
  }

  private unlink(anonVma: number, chain: number): void {
    let previous = 0;
    let at = this.cells.ld32(anonVma + ANON_VMA.head);
    for (let turn = 0; at !== chain; turn++) {
      if (at === 0 || turn > this.regions.count)
        this.context.bug('An address space is not in the list of its family.');
      previous = at;
      at = this.next(at);
    }
    const next = this.next(chain);
    if (previous === 0) this.cells.st32(anonVma + ANON_VMA.head, next);
    else this.cells.st32(previous + ANON_VMA_CHAIN.next, next);
    if (next === 0) this.cells.st32(anonVma + ANON_VMA.tail, previous);
    this.cells.st32(chain + ANON_VMA_CHAIN.anonVma, 0);
    this.cells.st32(chain + ANON_VMA_CHAIN.mm, 0);
    this.cells.st32(chain + ANON_VMA_CHAIN.next, 0);
  }
}
