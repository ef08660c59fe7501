// The packages of this repository that are woven, in order of their imports.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourcesOf } from './sources.mjs';

/** Libraries of the language that the sources may use. */
export const LIBRARIES = Object.freeze(['ES2023', 'ESNext.Disposable']);

/** `include`: only these folders below `root`; the others are engines and tools, which are never stepped. */
const PACKAGES = [
  { folder: 'packages/kernel-mm', root: 'src' },
  { folder: 'packages/ramzswap', root: 'src' },
  { folder: 'packages/explore', root: 'src', include: ['scenario'] },
  { folder: 'packages/museum', root: 'src' },
];

/**
 * @param {string} base the root folder of the repository
 * @returns {import('./project.mjs').WovenPackage[]}
 */
export function packagesOf(base) {
  const present = PACKAGES.filter(({ folder }) => existsSync(join(base, folder, 'package.json')));
  const packages = present.map((part) => {
    const folder = join(base, part.folder);
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return { ...part, name, folder };
  });
  return packages.filter((wovenPackage) => sourcesOf(wovenPackage).length > 0);
}

/** The woven packages that a package depends on. */
export function referencesOf(packages, { folder }) {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return packages.filter(({ name }) => name in dependencies);
}

/**
 * The file with the seeds, and its hand-written twin.
 * @param {string} base
 * @returns {import('./project.mjs').Runtime}
 */
export function runtimeOf(base) {
  const folder = join(base, 'packages', 'kernel-mm');
  return {
    points: join(folder, 'src', 'sync', 'point.ts'),
    stepped: join(folder, 'src-stepped', 'point.ts'),
    specifier: '@swaplab/kernel-mm/stepped',
  };
}
