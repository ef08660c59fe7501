// Writes the woven sources of all packages of a project.
//
//   PACKAGE/woven/sited/    plain code with the ids of its sites
//   PACKAGE/woven/stepped/  the twin
//   PACKAGE/woven/sites.json
//
// A file is only written when its text is another one, so that the compiler has nothing to do where nothing changed. Files whose source is gone
// are removed.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { SitedFile } from './sited.mjs';
import { Sites } from './sites.mjs';
import { filesBelow, posix } from './sources.mjs';
import { SteppedFile } from './stepped.mjs';

/** Name of the plain file of the runtime in the twin, without its ending. */
const PLAIN_POINTS = 'point-plain';
/** Folder of what is written by hand for the twin. */
const WRITTEN = 'src-stepped';

/**
 * Makes the texts of both builds.
 * @param {import('./weaver.mjs').Analysis} analysis without errors
 * @param {{ taken?: Iterable<number>, wanted?: (file: ts.SourceFile) => boolean }} [options] ids that are taken; files to be woven
 * @returns {{ sites: Sites, texts: Map<string, string> }} absolute paths with their texts
 */
export function weave(analysis, { taken = [], wanted = () => true } = {}) {
  const { project, flows } = analysis;
  const sites = new Sites(analysis, taken);
  const calls = new Map(flows.calls.map((call) => [call.node, call]));
  const texts = new Map();
  for (const file of project.files.filter(wanted)) {
    const wovenPackage = project.packageOf(file);
    const inside = relative(join(wovenPackage.folder, wovenPackage.root), file.fileName);
    texts.set(wovenPath(wovenPackage, 'sited', inside), new SitedFile(analysis, sites, calls, file).write());
    if (file.fileName === posix(project.runtime.points)) {
      weaveRuntime(project, wovenPackage, file, inside, texts);
      continue;
    }
    const runtime = runtimeSpecifier(project, wovenPackage, file);
    const stepped = new SteppedFile(analysis, sites, calls, file, runtime).write();
    texts.set(wovenPath(wovenPackage, 'stepped', inside), stepped);
  }
  for (const wovenPackage of project.packages) {
    const table = sites.tableOf(project, wovenPackage);
    texts.set(join(wovenPackage.folder, 'woven', 'sites.json'), `${JSON.stringify(table, null, 1)}\n`);
  }
  return { sites, texts };
}

/** Path of a woven file. */
export function wovenPath(wovenPackage, build, inside) {
  return join(wovenPackage.folder, 'woven', build, inside);
}

/**
 * The file of the seeds stays as it is, under another name; beside it lies the hand-written one, which hands on all of it but the seeds. It names
 * the files of the package by `#src/`, as tests do, so that it can be checked where it is written.
 */
function weaveRuntime(project, wovenPackage, file, inside, texts) {
  const folder = dirname(inside);
  const plain = posix(join(folder, `${PLAIN_POINTS}.ts`));
  texts.set(wovenPath(wovenPackage, 'stepped', plain), file.text);
  const own = posix(inside).replace(/\.ts$/, '.js');
  const written = readFileSync(project.runtime.stepped, 'utf8');
  const text = written.replace(/'#src\/([^']+)'/g, (_, named) => {
    const path = posix(relative(folder, named === own ? plain.replace(/\.ts$/, '.js') : named));
    return `'${path.startsWith('.') ? path : `./${path}`}'`;
  });
  texts.set(wovenPath(wovenPackage, 'stepped', inside), text);
}

/** What a file imports the runtime from: the file itself inside its package, else the package. */
function runtimeSpecifier(project, wovenPackage, file) {
  const { points, specifier } = project.runtime;
  const isOwn = posix(points).startsWith(`${posix(join(wovenPackage.folder, wovenPackage.root))}/`);
  if (!isOwn) return specifier;
  const path = posix(relative(dirname(file.fileName), points)).replace(/\.ts$/, '.js');
  return path.startsWith('.') ? path : `./${path}`;
}

/**
 * Writes texts to their files, and removes other files from the woven folders.
 * @param {import('./project.mjs').WovenPackage[]} packages
 * @param {Map<string, string>} texts
 * @returns {number} files written or removed
 */
export function writeTexts(packages, texts) {
  let changed = 0;
  for (const { folder } of packages) {
    for (const path of filesBelow(join(folder, 'woven'))) {
      if (texts.has(path)) continue;
      rmSync(path);
      changed += 1;
    }
  }
  for (const [path, text] of texts) {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    changed += 1;
  }
  return changed;
}

/** The source of a woven file: `packages/x/src/a.ts` for `packages/x/woven/stepped/a.ts`. */
export function sourceOfWoven(wovenPackage, path) {
  const [, build] = posix(relative(join(wovenPackage.folder, 'woven'), path)).match(/^(\w+)\//) ?? [];
  const inside = relative(join(wovenPackage.folder, 'woven', build), path);
  const source = join(wovenPackage.folder, wovenPackage.root, inside);
  const plain = `${PLAIN_POINTS}.ts`;
  if (basename(path) === plain) return join(dirname(source), 'point.ts');
  const isWritten = basename(path) === 'point.ts' && existsSync(join(dirname(path), plain));
  return isWritten ? join(wovenPackage.folder, WRITTEN, 'point.ts') : source;
}
