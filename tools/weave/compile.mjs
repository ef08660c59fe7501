// Compiles the woven sources with the compiler that builds everything else, and makes its output speak of the sources that people wrote.
//
// The lines of a woven file are those of its source, so a message about the one is a message about the other, and so is a source map: only the
// names of the files are exchanged.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { runNode } from '../../scripts/children.mjs';
import { BUILDS, filesBelow, outputFolder, posix } from './sources.mjs';
import { sourceOfWoven } from './weave.mjs';

/**
 * The settings of one build of one package, to be written beside its woven sources.
 * @param {import('./project.mjs').WovenPackage} wovenPackage
 * @param {string} build
 * @param {{ tsconfig: string, references: string[], lib?: string[], types?: string[] }} options `references` are folders of packages that it imports
 */
export function buildSettings(wovenPackage, build, { tsconfig, references, lib, types }) {
  const folder = join(wovenPackage.folder, 'woven', build);
  const from = (path) => posix(relative(folder, path));
  const output = from(outputFolder(wovenPackage, build));
  const settings = {
    extends: from(tsconfig),
    compilerOptions: {
      rootDir: '.',
      outDir: output,
      tsBuildInfoFile: `${output}/tsconfig.tsbuildinfo`,
      declarationMap: false,
      // A fast path ends with `return f()` or with nothing.
      noImplicitReturns: false,
      ...(lib === undefined ? {} : { lib }),
      ...(types === undefined ? {} : { types }),
    },
    include: ['.'],
    references: references.map((path) => ({ path: from(join(path, 'woven', build)) })),
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

/**
 * Compiles both builds of all packages.
 * @param {import('./project.mjs').WovenPackage[]} packages
 * @param {{ base: string, compiler: string, force?: boolean }} options
 * @returns {Promise<string[]>} what was wrong, as lines; empty when nothing was
 */
export async function compile(packages, { base, compiler, force = false }) {
  const projects = packages.flatMap(({ folder }) => BUILDS.map((build) => join(folder, 'woven', build)));
  const { code, output } = await runNode(
    compiler,
    ['-b', '--pretty', 'false', ...(force ? ['--force'] : []), ...projects],
    {
      cwd: base,
    },
  );
  for (const wovenPackage of packages) renameSources(wovenPackage);
  if (code === 0) return [];
  const lines = output.split(/\r?\n/).filter((line) => line !== '');
  return lines.length > 0
    ? lines.map((line) => translate(packages, base, line))
    : [`tsc ended with code ${code}`];
}

/** `packages/x/woven/stepped/a.ts(3,7): error TS2322: ...` becomes `packages/x/src/a.ts:3:7 - error STEP80: ... (TS2322)`. */
function translate(packages, base, line) {
  const match = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/.exec(line);
  if (match === null) return line;
  const [, path, row, column, code, text] = match;
  const full = join(base, path);
  const wovenPackage = packages.find(({ folder }) => full.startsWith(join(folder, 'woven') + '/'));
  if (wovenPackage === undefined) return line;
  const build = full.includes('/woven/stepped/') ? 'the twin' : 'the sited build';
  const source = posix(relative(base, sourceOfWoven(wovenPackage, full)));
  return `${source}:${row}:${column} - error STEP80: ${build} does not type-check: ${text} (${code})`;
}

/** Makes source maps lead to the sources that people wrote. */
function renameSources(wovenPackage) {
  for (const build of BUILDS) {
    const output = outputFolder(wovenPackage, build);
    for (const path of filesBelow(output)) {
      if (!path.endsWith('.js.map')) continue;
      const map = JSON.parse(readFileSync(path, 'utf8'));
      const [named] = map.sources;
      if (named === undefined || !named.includes('/woven/')) continue;
      const source = sourceOfWoven(wovenPackage, join(dirname(path), named));
      map.sources = [posix(relative(dirname(path), source))];
      try {
        map.sourcesContent = [readFileSync(source, 'utf8')];
      } catch {
        // What was written for the twin alone has no other source.
        continue;
      }
      writeFileSync(path, JSON.stringify(map));
    }
  }
}

/** Puts the table of sites beside the build that real threads run. */
export function writeSiteTables(packages) {
  for (const wovenPackage of packages) {
    const target = join(outputFolder(wovenPackage, 'sited'), 'sites.json');
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, readFileSync(join(wovenPackage.folder, 'woven', 'sites.json')));
  }
}
