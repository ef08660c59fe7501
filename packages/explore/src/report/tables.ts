/**
 * The tables of a report while it is made: every object and every place once, in the order in which they are first named.
 */
import type { TraceStep } from '../core/trace.js';
import type { ReportObject, ReportPlace } from './model.js';
import type { SiteInfo, SiteTable } from './sites.js';

/** What the tables ask. */
export interface TableSources {
  describe(address: number): string;
  readonly sites?: SiteTable | undefined;
  readonly readLine?: ((file: string, line: number) => string | null) | undefined;
}

/** See the head of this file. */
export class Tables {
  private readonly sources: TableSources;
  private readonly locks: ReadonlySet<number>;
  private readonly names = new Map<number, string>();
  private readonly objectIndices = new Map<number, number>();
  private readonly placeIndices = new Map<number, number>();
  private readonly placeInfos: SiteInfo[] = [];

  /**
   * @param sources - who knows names, places and lines
   * @param locks - addresses of the locks
   */
  constructor(sources: TableSources, locks: ReadonlySet<number>) {
    this.sources = sources;
    this.locks = locks;
  }

  /** Name of what lies at an address; empty for 0. */
  nameOf(address: number): string {
    if (address === 0) return '';
    let name = this.names.get(address);
    if (name === undefined) {
      // The word of a lock is the lock.
      name = this.sources.describe(address).replace(/\.word$/, '');
      this.names.set(address, name);
    }
    return name;
  }

  /** Index of an object. */
  object(address: number): number {
    let index = this.objectIndices.get(address);
    if (index === undefined) {
      index = this.objectIndices.size;
      this.objectIndices.set(address, index);
    }
    return index;
  }

  /** Index of the place of a site, null when it is not known. */
  place(site: number): number | null {
    const info = this.sources.sites?.lookup(site);
    if (info === undefined) return null;
    let index = this.placeIndices.get(site);
    if (index === undefined) {
      index = this.placeInfos.length;
      this.placeInfos.push(info);
      this.placeIndices.set(site, index);
    }
    return index;
  }

  /**
   * All objects named so far.
   * @param trace - who touches them
   */
  objects(trace: readonly TraceStep[]): ReportObject[] {
    const threads = new Map<number, Set<number>>();
    for (const { task, object } of trace) {
      const set = threads.get(object);
      if (set === undefined) threads.set(object, new Set([task]));
      else set.add(task);
    }
    return [...this.objectIndices.keys()].map((address) => ({
      name: this.nameOf(address),
      address,
      isLock: this.locks.has(address),
      threads: [...(threads.get(address) ?? [])].sort((one, other) => one - other),
    }));
  }

  /** All places named so far. */
  places(): ReportPlace[] {
    const shorts = shortNames(this.placeInfos.map(({ file }) => file));
    return this.placeInfos.map(({ file, line, column, function: name, primitive }) => {
      const source = this.sources.readLine?.(file, line) ?? null;
      return {
        file,
        line,
        column,
        function: name,
        primitive,
        short: `${shorts.get(file)}:${line}`,
        source: source === null || source.trim() === '' ? null : source.trim(),
      };
    });
  }
}

/** For each path its last part, or as many as tell it from the others. */
function shortNames(paths: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  const all = [...new Set(paths)];
  for (const path of all) {
    const parts = path.split('/');
    let count = 1;
    const short = (): string => parts.slice(-count).join('/');
    const isTaken = (): boolean => all.some((other) => other !== path && `/${other}`.endsWith(`/${short()}`));
    while (count < parts.length && isTaken()) count++;
    names.set(path, short());
  }
  return names;
}
