// Whether there is anything to do: a hash of all that decides about the outputs, and the outputs that must be there.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packagesOf, runtimeOf } from './packages.mjs';
import { BUILDS, outputFolder, sourcesOf } from './sources.mjs';

const tools = dirname(fileURLToPath(import.meta.url));

/**
 * Hash of the sources, the settings, the weaver, and the compilers.
 * @param {string} base the root folder of the repository
 */
export function hashInputs(base) {
  const packages = packagesOf(base);
  const hash = createHash('sha256');
  const paths = [
    ...packages.flatMap((wovenPackage) => [
      ...sourcesOf(wovenPackage),
      join(wovenPackage.folder, 'package.json'),
    ]),
    ...readdirSync(tools)
      .filter((name) => name.endsWith('.mjs'))
      .sort()
      .map((name) => join(tools, name)),
    runtimeOf(base).stepped,
    join(base, 'tsconfig.base.json'),
    ...['typescript', '@typescript/native'].map((name) => join(base, 'node_modules', name, 'package.json')),
  ];
  for (const path of paths) {
    hash.update(`${relative(base, path)}\0`);
    hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Where the hash of the last run is kept. */
export function stampFile(base) {
  return join(base, 'node_modules', '.cache', 'swaplab-weave.txt');
}

/** Whether the last run had these inputs and all it made is still there. */
export function isFresh(base, hash) {
  const stamp = stampFile(base);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) return false;
  return packagesOf(base).every((wovenPackage) => outputsOf(wovenPackage).every((path) => existsSync(path)));
}

/** Remembers a run that succeeded. */
export function remember(base, hash) {
  const stamp = stampFile(base);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

/** The outputs that importers load. */
function outputsOf(wovenPackage) {
  const stems = sourcesOf(wovenPackage).map((path) =>
    relative(join(wovenPackage.folder, wovenPackage.root), path),
  );
  const files = BUILDS.flatMap((build) =>
    stems.map((stem) => join(outputFolder(wovenPackage, build), stem.replace(/\.ts$/, '.js'))),
  );
  return [...files, join(outputFolder(wovenPackage, 'sited'), 'sites.json')];
}
