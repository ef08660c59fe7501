// Makes the working tree ready to run: installs and builds, each only when needed, and is silent when neither is.
//
// Used by `npm start` and `npm test`, so that both work on a fresh clone with nothing but Node and npm. It has no
// dependencies, because it runs before there are any. By hand: `node scripts/prepare.mjs`.
//
//   install   when node_modules is missing, incomplete or older than package-lock.json: `npm ci`
//   weave     when a source of what is woven, a setting or the weaver is another one than at the last time, or an output is missing:
//             tools/weave, which makes the builds dist-sited/ and dist-stepped/ of the packages. Before the build, which uses their types.
//   build     when a source or a setting of the compiler is newer than the last build, when files came or went, or
//             when an output is missing: `tsc -b`. Outputs whose source is gone are removed, or old tests would run on.
//             Then the swappers' bundle, by scripts/bundle.mjs.
//
// One line per step. When a step fails its whole output is printed and the exit code is 1; 3 when Node is too old.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { hashInputs, isFresh } from '../tools/weave/cache.mjs';
import { run, runNode } from './children.mjs';

/** The root folder of the repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

// npm writes this file at the very end of an install: an interrupted install has none.
const installStamp = join(root, 'node_modules', '.package-lock.json');
const buildStamp = join(root, 'node_modules', '.cache', 'swaplab-build.txt');
const bundle = join(root, 'packages', 'harness', 'dist', 'swappers', 'worker.bundle.js');
const compiler = join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');

/** A step that did not succeed. `exitCode` is what the process should end with. */
export class PrepareError extends Error {
  name = 'PrepareError';
  exitCode;

  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Installs and builds what is missing or old. Throws {@link PrepareError}. */
export async function prepare() {
  checkNode();
  if (installIsNeeded()) await step('installing packages (npm ci)', install);
  if (!isFresh(root, hashInputs(root))) await step('weaving (tools/weave)', weave);
  const project = findSources();
  if (buildIsNeeded(project)) await step('building (tsc -b)', () => build(project));
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new PrepareError(`Node ${process.versions.node} is too old: swaplab needs Node 20.19 or newer`, 3);
  }
}

async function step(title, work) {
  const start = performance.now();
  process.stderr.write(`swaplab: ${title} ...`);
  const { code, output } = await work();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  process.stderr.write(code === 0 ? ` done in ${seconds} s\n` : ' failed\n');
  if (code !== 0) throw new PrepareError(`${output}\nswaplab: ${title} ended with code ${code}`);
}

function weave() {
  return runNode(join(root, 'tools', 'weave', 'cli.mjs'), [], { cwd: root });
}

/** Time of the last change of a file, in milliseconds; 0 when there is no such file. */
function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function installIsNeeded() {
  return changedAt(installStamp) < changedAt(join(root, 'package-lock.json')) || !existsSync(compiler);
}

async function install() {
  // The tools that build and test are development packages: they are wanted even under NODE_ENV=production.
  const npmArguments = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env['npm_execpath'];
  const result = npm?.endsWith('.js')
    ? await runNode(npm, npmArguments, { cwd: root })
    : await run('npm', npmArguments, { cwd: root, shell: process.platform === 'win32' });
  if (result.code === 0) {
    const now = new Date();
    utimesSync(installStamp, now, now);
  }
  return result;
}

/** All files below a folder, node_modules and test data left out. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  const files = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'fixtures') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...filesBelow(path));
    else files.push(path);
  }
  return files;
}

/**
 * Looks at every package: which files decide about the build, and which outputs must and must not be there.
 *
 * `inputs` are the sources and compiler settings, `missing` the outputs that are not there, `orphans` outputs
 * without a source.
 */
function findSources() {
  const inputs = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.base.json'].map((name) =>
    join(root, name),
  );
  const missing = [];
  const orphans = [];
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = join(root, 'packages', name);
    if (!existsSync(join(folder, 'tsconfig.json'))) continue;
    inputs.push(join(folder, 'package.json'), join(folder, 'tsconfig.json'));
    for (const [sourceName, outputName] of [
      ['src', 'dist'],
      ['test', 'dist-test'],
    ]) {
      const sourceFolder = join(folder, sourceName);
      const outputFolder = join(folder, outputName);
      const stems = new Set();
      for (const path of filesBelow(sourceFolder)) {
        if (path.endsWith('tsconfig.json')) inputs.push(path);
        if (!path.endsWith('.ts')) continue;
        inputs.push(path);
        if (path.endsWith('.d.ts')) continue;
        const stem = relative(sourceFolder, path).slice(0, -'.ts'.length);
        stems.add(stem);
        if (!existsSync(join(outputFolder, `${stem}.js`))) missing.push(join(outputFolder, `${stem}.js`));
      }
      for (const path of filesBelow(outputFolder)) {
        const emitted = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(relative(outputFolder, path));
        if (emitted && !stems.has(emitted[1]) && !path.startsWith(bundle)) orphans.push(path);
      }
    }
  }
  inputs.sort();
  return { inputs, missing, orphans };
}

/** The names of all inputs: compared with those of the last build, so that a removed file is noticed. */
function describeInputs(project) {
  return project.inputs.map((path) => `${relative(root, path)}\n`).join('');
}

function buildIsNeeded(project) {
  if (project.missing.length > 0 || project.orphans.length > 0) return true;
  if (!existsSync(bundle) || !existsSync(buildStamp)) return true;
  const builtAt = changedAt(buildStamp);
  if (project.inputs.some((path) => changedAt(path) >= builtAt)) return true;
  return readFileSync(buildStamp, 'utf8') !== describeInputs(project);
}

async function build(project) {
  // A file that is edited while the compiler runs must count as newer than this build.
  const start = new Date();
  for (const path of project.orphans) rmSync(path);
  // The compiler trusts its notes about earlier builds and would not see that an output was deleted.
  const force = project.missing.length > 0 ? ['--force'] : [];
  let result = await runNode(compiler, ['-b', ...force], { cwd: root });
  if (result.code === 0) result = await runNode(join(root, 'scripts', 'bundle.mjs'), [], { cwd: root });
  if (result.code === 0) {
    mkdirSync(dirname(buildStamp), { recursive: true });
    writeFileSync(buildStamp, describeInputs(project));
    utimesSync(buildStamp, start, start);
  }
  return result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await prepare();
  } catch (error) {
    if (!(error instanceof PrepareError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}
