// Bundles the body of a swapper's thread into one file, packages/harness/dist/swappers/worker.bundle.js: a thread that loads one file starts
// with half the work of one that loads a hundred. Run after the compiler (`npm run build`, scripts/prepare.mjs); works on its output.
//
// The harness uses the bundle only while it is not older than the build it was made of (packages/harness/src/run/worker-file.ts), so a
// bundle that was forgotten costs time, never truth.
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'packages', 'harness', 'dist', 'swappers');
const outfile = join(folder, 'worker.bundle.js');

/** Licences of the packages from outside, which must travel with their code. */
function licencesOf(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (name !== undefined) packages.add(name);
  }
  return [...packages]
    .sort()
    .map((name) => {
      const text = readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8').trim();
      return `/*!\nContains ${name}:\n\n${text.replaceAll('*/', '* /')}\n*/\n`;
    })
    .join('');
}

/**
 * Makes constants constant again: the bundler writes `var` for each `const` of a module, and the engine puts the value of a constant into the code
 * that uses it, but has to load that of a variable each time. In the kernel's hot paths that is a tenth of the time of a page.
 */
function restoreConstants(code) {
  return code.replace(/^var (?=[A-Z][A-Z0-9_]* = |\{)/gm, 'const ');
}

// What is written while the bundle is being made must count as newer than it.
const start = new Date();
const options = {
  absWorkingDir: root,
  entryPoints: [join(folder, 'worker.js')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
};
try {
  const { metafile } = await build({ ...options, write: false });
  await build({ ...options, banner: { js: licencesOf(Object.keys(metafile.inputs)) } });
  writeFileSync(outfile, restoreConstants(readFileSync(outfile, 'utf8')));
  utimesSync(outfile, start, start);
} catch (error) {
  // esbuild has said what is wrong.
  if (!('errors' in error)) throw error;
  process.exitCode = 1;
}
