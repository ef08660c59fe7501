/**
 * What is known about the sites of woven code besides their lines: which data races are intended, and which atomic operations only load or only
 * store. It comes from the `sites.json` of the builds.
 *
 * Promise: the question costs a multiplication and, as a rule, one look into a table of its own, which nobody changes any more.
 */
import type { Site } from '@swaplab/kernel-mm';

/** Facts about sites; plain data, so that it can be given to other threads. */
export interface SiteFacts {
  /** Sites of loads and stores that may race: their code is tagged `@racy`. */
  readonly racy: readonly Site[];
  /** Sites of atomic operations that only load. */
  readonly atomicLoads: readonly Site[];
  /** Sites of atomic operations that only store. */
  readonly atomicStores: readonly Site[];
  /**
   * Whether loads and stores without a site are looked at as well. In code that was not woven no race can be said to be intended, so this is for
   * code in which none is.
   */
  readonly unsited: boolean;
}

/** One entry of a `sites.json`, as far as it counts here. */
export interface SiteEntry {
  readonly primitive: string;
  readonly racy?: string | boolean | null;
}

/** Bits of {@link SiteTable.bitsOf}. */
export const SITE_RACY = 1;
export const SITE_ATOMIC_LOAD = 2;
export const SITE_ATOMIC_STORE = 4;

const LOADS: ReadonlySet<string> = new Set(['atomicLoad', 'prepareToWait']);
const STORES: ReadonlySet<string> = new Set(['atomicStore']);

/**
 * Gathers the facts of several packages.
 * @param files - the contents of their `sites.json`
 * @param unsited - see {@link SiteFacts.unsited}
 */
export function siteFactsOf(
  files: readonly Readonly<Record<string, SiteEntry>>[],
  unsited = false,
): SiteFacts {
  const racy: Site[] = [];
  const atomicLoads: Site[] = [];
  const atomicStores: Site[] = [];
  for (const file of files) {
    for (const [key, { primitive, racy: reason }] of Object.entries(file)) {
      const site = Number(key);
      const method = primitive.slice(primitive.lastIndexOf('.') + 1);
      if (reason !== undefined && reason !== null && reason !== false) racy.push(site);
      if (LOADS.has(method)) atomicLoads.push(site);
      if (STORES.has(method)) atomicStores.push(site);
    }
  }
  return { racy, atomicLoads, atomicStores, unsited };
}

const GOLDEN = 0x9e37_79b1;

/** The facts, ready to be asked. */
export class SiteTable {
  /** Site and bits, by turns; an open hash table at most half full. */
  private readonly words: Int32Array;
  private readonly shift: number;

  /** @param facts - about all sites of the code */
  constructor({ racy, atomicLoads, atomicStores }: SiteFacts) {
    const entries = racy.length + atomicLoads.length + atomicStores.length;
    const log = Math.max(4, 33 - Math.clz32(entries));
    this.words = new Int32Array(2 << log);
    this.shift = 32 - log;
    for (const site of racy) this.add(site, SITE_RACY);
    for (const site of atomicLoads) this.add(site, SITE_ATOMIC_LOAD);
    for (const site of atomicStores) this.add(site, SITE_ATOMIC_STORE);
  }

  /**
   * What is known about a site.
   * @param site - any; 0 is known by nobody
   * @returns `SITE_` bits
   */
  bitsOf(site: Site): number {
    return this.words[this.placeOf(site) + 1]!;
  }

  private add(site: Site, bit: number): void {
    if (site === 0) return;
    const place = this.placeOf(site);
    this.words[place] = site;
    this.words[place + 1]! |= bit;
  }

  /** Where a site is, or would be. */
  private placeOf(site: Site): number {
    const { words } = this;
    let place = (Math.imul(site, GOLDEN) >>> this.shift) << 1;
    while (words[place] !== site && words[place] !== 0) place = (place + 2) & (words.length - 1);
    return place;
  }
}
