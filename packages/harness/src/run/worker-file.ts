/**
 * Which file a swapper's thread runs.
 *
 * The module `#swapper-worker` always works. Beside the built one there may be a bundle of it and of everything it imports (`npm run build`
 * makes it), with which a thread starts in about half the time. The bundle is taken only when it is as new as the build of each package:
 * the compiler notes every build in a file of its own, which published packages do not have.
 */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BUNDLE = './worker.bundle.js';
const BUILD_NOTE = 'tsconfig.tsbuildinfo';

/** Time of the last change of a file in milliseconds, or null when there is none. */
function changedAt(url: URL): number | null {
  return statSync(fileURLToPath(url), { throwIfNoEntry: false })?.mtimeMs ?? null;
}

/**
 * Finds the file for the swappers' threads.
 *
 * @param useBundle - false for the modules themselves, for example when their coverage is measured
 * @returns its URL: of the bundle, the built module or, when this runs from source, the source
 */
export function swapperWorkerUrl(useBundle = process.env['NODE_V8_COVERAGE'] === undefined): string {
  const module = import.meta.resolve('#swapper-worker');
  if (!useBundle || !module.endsWith('.js')) return module;
  return bundleOrModule(module, [
    new URL(`../${BUILD_NOTE}`, module),
    new URL(BUILD_NOTE, import.meta.resolve('@swaplab/kernel-mm')),
    new URL(BUILD_NOTE, import.meta.resolve('@swaplab/ramzswap')),
  ]);
}

/**
 * Takes the bundle beside a built module if it is there and no build is newer.
 *
 * @param module - URL of the built module
 * @param builds - the compiler's notes about the builds; one that is missing does not count
 */
export function bundleOrModule(module: string, builds: readonly URL[]): string {
  const bundle = new URL(BUNDLE, module);
  const bundledAt = changedAt(bundle);
  if (bundledAt === null) return module;
  const isOlder = builds.some((note) => (changedAt(note) ?? 0) > bundledAt);
  return isOlder ? module : bundle.href;
}
