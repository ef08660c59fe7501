/**
 * What reports want to know of the source: the places of the points, which the weaver writes beside each build, and lines of files.
 *
 * Promise: nothing here is needed to find or to play a failure. What is not there, such as the sources of an installed package, is left out of the
 * report.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from '../job.js';
import { SiteTable, type SitesJson } from '../../report/sites.js';

/** The packages that are woven, as their folders are called. */
const PACKAGES = ['kernel-mm', 'ramzswap', 'explore', 'museum'];
const BUILD = /^(.*\/)dist(?:-sited|-stepped)?\/(?!.*\/dist(?:-sited|-stepped)?\/)/;

/** The sources behind a scenario. */
export class Sources {
  /** Places of the points. */
  readonly sites = new SiteTable();
  /** Folders of packages, by name. */
  private readonly folders = new Map<string, string>();
  private readonly files = new Map<string, readonly string[] | null>();

  /** Absolute paths of files that places name in another way. */
  private readonly paths = new Map<string, string>();

  /** @param module - address of the module of the scenario, in any build */
  constructor(module: string) {
    const resolvers = [createRequire(module), createRequire(import.meta.url)];
    for (const name of PACKAGES) {
      const folder = folderOf(resolvers, `@swaplab/${name}/package.json`);
      if (folder === null) continue;
      this.folders.set(name, folder);
      this.addSites(join(folder, 'dist-sited', 'sites.json'));
    }
    const own = BUILD.exec(module)?.[1];
    if (own !== undefined) this.addSites(fileURLToPath(new URL('dist-sited/sites.json', own)));
  }

  /**
   * Adds places that an engine has seen.
   * @param places - from `Engine.places`
   */
  addPlaces(places: readonly Place[]): void {
    for (const { site, path, info } of places) {
      this.sites.add({ [site]: info });
      this.paths.set(this.sites.lookup(site)?.file ?? info.file, path);
    }
  }

  /**
   * A line of a file.
   * @param file - as places name it: from the root of the repository of the packages, or absolute
   * @param line - the first one is 1
   * @returns null when it cannot be read
   */
  readLine(file: string, line: number): string | null {
    let lines = this.files.get(file);
    if (lines === undefined) {
      lines = this.linesOf(file);
      this.files.set(file, lines);
    }
    return lines?.[line - 1] ?? null;
  }

  private linesOf(file: string): readonly string[] | null {
    const [, name = '', rest = ''] = /^packages\/([^/]+)\/(.*)$/.exec(file) ?? [];
    const folder = this.folders.get(name);
    const known = this.paths.get(file);
    const path =
      known ?? (folder === undefined ? (isAbsolute(file) ? file : resolve(file)) : join(folder, rest));
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : null;
  }

  private addSites(path: string): void {
    if (existsSync(path)) this.sites.add(JSON.parse(readFileSync(path, 'utf8')) as SitesJson);
  }
}

function folderOf(resolvers: readonly NodeJS.Require[], specifier: string): string | null {
  for (const { resolve: find } of resolvers) {
    try {
      return join(find(specifier), '..');
    } catch {
      // Not every scenario stands on every package.
    }
  }
  return null;
}
