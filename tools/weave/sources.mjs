// Which files there are: the sources of the packages, and the folders of their builds. No dependencies, since it is asked before each run of the
// programs and tests.
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';

/** The builds, in the order in which they are made. */
export const BUILDS = Object.freeze(['sited', 'stepped']);

/** The folder of a build of a package. */
export function outputFolder(wovenPackage, build) {
  return join(wovenPackage.folder, `dist-${build}`);
}

/** All sources of a package, in order of their paths. Tests of types and declarations are none. */
export function sourcesOf({ folder, root, include = ['.'] }) {
  const files = [];
  for (const part of include) {
    const below = join(folder, root, part);
    if (existsSync(below)) collect(below, files);
  }
  return files.map(posix).sort();
}

function collect(folder, files) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) collect(path, files);
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts')) files.push(resolve(path));
  }
}

/** All files below a folder. */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** A path with slashes, as the compiler names files. */
export function posix(path) {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
