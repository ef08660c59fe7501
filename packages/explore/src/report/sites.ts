/**
 * Where the points of a schedule stand in the source: the tables that the weaver writes beside each build (`sites.json`), merged.
 *
 * Promise: no path that is told is absolute, so that a report reads the same on every machine. A site that no table knows, such as 0 in code that
 * was not woven, has no place: then reports say kinds and objects only.
 */

/** One point of the source. */
export interface SiteInfo {
  /** From the root of the repository. */
  readonly file: string;
  /** The first one is 1. */
  readonly line: number;
  readonly column: number;
  /** The function around it, with its class. */
  readonly function: string;
  /** What is called there, such as `SpinLock.lock`. */
  readonly primitive: string;
  /** Kind of the point, in a word. */
  readonly kind: string;
  /** Set for data races that are intended. */
  readonly racy?: unknown;
}

/** What a `sites.json` holds: information by the number of the site. */
export type SitesJson = Readonly<Record<string, SiteInfo>>;

/** The sites of all packages that take part in a scenario. */
export class SiteTable {
  private readonly sites = new Map<number, SiteInfo>();

  /** @param tables - contents of the `sites.json` of several packages */
  constructor(tables: readonly SitesJson[] = []) {
    for (const table of tables) this.add(table);
  }

  /** How many sites are known. */
  get size(): number {
    return this.sites.size;
  }

  /**
   * Adds the sites of a package.
   * @param table - contents of its `sites.json`
   */
  add(table: SitesJson): void {
    for (const [id, info] of Object.entries(table))
      this.sites.set(Number(id) | 0, { ...info, file: relativePath(info.file) });
  }

  /**
   * What is known about a site.
   * @param site - as in the steps of a trace
   */
  lookup(site: number): SiteInfo | undefined {
    return this.sites.get(site | 0);
  }

  /**
   * File, line and function of a site: `packages/kernel-mm/src/swap/counts.ts:123 SwapCounts.swapFree`.
   * @param site - as in the steps of a trace
   * @returns an empty text for a site that is not known
   */
  place(site: number): string {
    const info = this.lookup(site);
    return info === undefined ? '' : `${info.file}:${info.line} ${info.function}`.trimEnd();
  }
}

/**
 * A path without what is only true for one machine: from the folder `packages` on, else the last two parts.
 * @param path - a path or a `file:` address
 */
export function relativePath(path: string): string {
  const plain = path.replace(/^file:\/\//, '').replace(/\\/g, '/');
  const isAbsolute = plain.startsWith('/') || /^[a-z]:\//i.test(plain);
  const isOutside = plain.startsWith('../');
  if (!isAbsolute && !isOutside) return plain.replace(/^\.\//, '');
  const at = plain.lastIndexOf('/packages/');
  return at >= 0 ? plain.slice(at + 1) : plain.split('/').filter(Boolean).slice(-2).join('/');
}
