/**
 * The builds of a module: as it was compiled, with the sites of its points, and as the stepped twin.
 *
 * The weaver puts the builds of a package side by side: `dist/x.js`, `dist-sited/x.js` and `dist-stepped/x.js`.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

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

function addressesOf(module: string, build: 'sited' | 'stepped'): { address: string; other: string } {
  const address = module.includes('://') ? module : pathToFileURL(module).href;
  const other = address.replace(
    /\/dist(?:-sited|-stepped)?\/(?!.*\/dist(?:-sited|-stepped)?\/)/,
    `/dist-${build}/`,
  );
  return { address, other };
}
