// `npm run weave`: makes the two woven builds of the packages, dist-sited/ and dist-stepped/, from their sources.
//
//   node tools/weave/cli.mjs            weaves and compiles what has changed; silent when nothing has
//   node tools/weave/cli.mjs --check    analyses only: says what cannot be woven, writes nothing
//   node tools/weave/cli.mjs --verify   also walks over the written twin: every call of a generator must be run (error STEP90)
//   node tools/weave/cli.mjs --force    weaves and compiles everything
//
// Exit code 1 when something cannot be woven. docs/stepped-twin.md has the method, the tags and the codes of the errors.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { hashInputs, isFresh, remember, stampFile } from './cache.mjs';
import { LIBRARIES, packagesOf, referencesOf, runtimeOf } from './packages.mjs';
import { BUILDS } from './sources.mjs';

const base = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const tsconfig = join(base, 'tsconfig.base.json');
const compiler = join(base, 'node_modules', '@typescript', 'native', 'bin', 'tsc');

function say(text) {
  process.stderr.write(`weave: ${text} (${process.uptime().toFixed(1)} s)\n`);
}

function fail(lines) {
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exitCode = 1;
}

/** Weaves and compiles; false when something is wrong, which is said then. */
async function make(packages, { force, checkOnly }) {
  // The old compiler is loaded only when there is something to do.
  const { analyse, diagnose } = await import('./weaver.mjs');
  const { weave, writeTexts } = await import('./weave.mjs');
  const { buildSettings, compile, writeSiteTables } = await import('./compile.mjs');
  const hash = hashInputs(base);
  const analysis = analyse({ base, packages, runtime: runtimeOf(base), tsconfig, lib: LIBRARIES });
  const findings = diagnose(analysis);
  for (const { isWarning, line } of findings) if (isWarning) process.stderr.write(`${line}\n`);
  const errors = findings.filter(({ isWarning }) => !isWarning);
  if (errors.length > 0) fail(errors.map(({ line }) => line));
  if (errors.length > 0 || checkOnly) return errors.length === 0;
  const { sites, texts } = weave(analysis);
  for (const wovenPackage of packages) {
    const references = referencesOf(packages, wovenPackage).map(({ folder }) => folder);
    for (const build of BUILDS) {
      const path = join(wovenPackage.folder, 'woven', build, 'tsconfig.json');
      texts.set(path, buildSettings(wovenPackage, build, { tsconfig, references, lib: wovenPackage.lib }));
    }
  }
  rmSync(stampFile(base), { force: true });
  writeTexts(packages, texts);
  say(`${sites.count} sites woven`);
  const wrong = await compile(packages, { base, compiler, force });
  if (wrong.length > 0) {
    fail(wrong);
    return false;
  }
  writeSiteTables(packages);
  remember(base, hash);
  say('both builds compiled');
  return true;
}

async function main(flags) {
  const packages = packagesOf(base);
  const force = flags.has('--force');
  const checkOnly = flags.has('--check');
  const isDone = !force && !checkOnly && isFresh(base, hashInputs(base));
  if (!isDone && !(await make(packages, { force, checkOnly }))) return;
  if (!flags.has('--verify') || checkOnly) return;
  const { verify } = await import('./verify.mjs');
  const found = verify({ base, packages, tsconfig, lib: LIBRARIES });
  if (found.length > 0) fail(found);
  else say('every generator of the twin is run');
}

await main(new Set(process.argv.slice(2)));
