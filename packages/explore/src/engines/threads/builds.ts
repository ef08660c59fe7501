/**
 * The builds of a module: as it was compiled, with the sites of its points, and as the stepped twin.
 *
 * The weaver puts the builds of a package side by side: `dist/x.js`, `dist-sited/x.js` and `dist-stepped/x.js`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { DefinedScenario } from '../../scenario/define.js';
import { siteFactsOf, type SiteEntry, type SiteFacts } from '../../watch/site-facts.js';

/**
 * Whether a module has another build beside it.
 * @param module - address or path of a module
 * @param build - the one wanted
 */
export function hasBuild(module: string, build: 'sited' | 'stepped'): boolean {
  const { address, other } = addressesOf(module, build);
  return address === other ? address.includes(`/dist-${build}/`) : existsSync(fileURLToPath(other));
}

/**
 * Address of another build of a module.
 * @param module - address or path of a module
 * @param build - the one wanted
 * @returns its address; for the sited build of a module that was not woven the module itself, whose points then name no lines
 * @throws an error that says what to do when a stepped build is wanted and there is none
 */
export function buildOf(module: string, build: 'sited' | 'stepped'): string {
  const { address, other } = addressesOf(module, build);
  if (other !== address && existsSync(fileURLToPath(other))) return other;
  if (build === 'sited' || address.includes('/dist-stepped/')) return address;
  throw new Error(
    `The scenario ${module} has no stepped build beside it: weave it first, or use the engine 'threads'.`,
  );
}

/**
 * The scenario of a module in the build with sites, for a stepped engine to run whole operations in.
 * @param module - address or path of a module, in its stepped build
 * @returns options of the engine: none when there is no such build
 */
export async function plainBuildOf(
  module: string,
): Promise<{ readonly plain?: DefinedScenario<unknown, unknown> }> {
  if (!hasBuild(module, 'sited')) return {};
  const { default: plain } = (await import(buildOf(module, 'sited'))) as {
    readonly default: DefinedScenario<unknown, unknown>;
  };
  return { plain };
}

function addressesOf(module: string, build: 'sited' | 'stepped'): { address: string; other: string } {
  const address = module.includes('://') ? module : pathToFileURL(module).href;
  const other = address.replace(
    /\/dist(?:-sited|-stepped)?\/(?!.*\/dist(?:-sited|-stepped)?\/)/,
    `/dist-${build}/`,
  );
  return { address, other };
}

/**
 * What is known about the sites of a module and of all packages that it can import: their `sites.json`.
 * @param module - address or path of a module, in any build
 * @param unsited - see {@link SiteFacts.unsited}
 */
export function siteFactsFor(module: string, unsited: boolean): SiteFacts {
  const { address } = addressesOf(module, 'sited');
  const files = new Set<string>();
  const own = packageOf(fileURLToPath(address));
  if (own !== null) {
    files.add(join(own.folder, 'dist-sited', 'sites.json'));
    const require = createRequire(address);
    for (const name of own.dependencies) addSites(files, () => require.resolve(`${name}/sites.json`));
  }
  addSites(files, () => fileURLToPath(import.meta.resolve('@swaplab/kernel-mm/sites.json')));
  const contents = [...files].filter((file) => existsSync(file)).map(readSites);
  return siteFactsOf(contents, unsited);
}

/** Packages that were not woven have no such file. */
function addSites(files: Set<string>, resolve: () => string): void {
  try {
    files.add(resolve());
  } catch {
    return;
  }
}

function readSites(file: string): Record<string, SiteEntry> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, SiteEntry>;
}

/** The package that a file belongs to, and what it depends on. */
function packageOf(file: string): { folder: string; dependencies: string[] } | null {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const description = join(folder, 'package.json');
    if (existsSync(description)) {
      const { dependencies } = JSON.parse(readFileSync(description, 'utf8')) as {
        dependencies?: Record<string, string>;
      };
      return { folder, dependencies: Object.keys(dependencies ?? {}) };
    }
    if (folder === dirname(folder)) return null;
  }
}
