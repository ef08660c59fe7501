// Runs the examples of README.md against the packed packages, as an importer would: each package is packed, the tarballs
// are installed in an empty folder, and each example runs there twice, the second time without SharedArrayBuffer.
//
// An example is the code between `<!-- importer-example:NAME -->` and `<!-- importer-example:end -->`.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const EXAMPLE =
  /<!-- importer-example:(?!end)(\S+) -->\s+```ts\n([\s\S]*?)```\s+<!-- importer-example:end -->/g;

/** What each example needs installed. */
const PACKAGES = { 'kernel-mm': ['kernel-mm'], ramzswap: ['kernel-mm', 'ramzswap'] };
const LIMIT_MS = 120_000;

const WITHOUT_SHARED_MEMORY = `delete globalThis.SharedArrayBuffer;
if (typeof SharedArrayBuffer !== 'undefined') throw new Error('SharedArrayBuffer is still there');
await import('./plain.mjs');
`;

async function pack(folder) {
  const { stdout } = await run(
    'npm',
    [
      'pack',
      '--json',
      '--pack-destination',
      folder,
      ...['kernel-mm', 'ramzswap'].flatMap((name) => ['-w', `packages/${name}`]),
    ],
    { cwd: root, timeout: LIMIT_MS },
  );
  const tarballs = {};
  for (const { name, filename } of Object.values(JSON.parse(stdout)))
    tarballs[name.replace('@swaplab/', '')] = join(folder, filename);
  return tarballs;
}

async function tryExample(name, code, tarballs, scratch) {
  const folder = mkdtempSync(join(scratch, `${name}-`));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const wanted = PACKAGES[name].map((part) => tarballs[part]);
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...wanted], {
    cwd: folder,
    timeout: LIMIT_MS,
  });
  writeFileSync(join(folder, 'shared.mjs'), code);
  writeFileSync(join(folder, 'plain.mjs'), code.replace('createMachine({', 'createMachine({ shared: false,'));
  writeFileSync(join(folder, 'without.mjs'), WITHOUT_SHARED_MEMORY);
  for (const file of ['shared.mjs', 'without.mjs']) {
    const { stdout } = await run(process.execPath, [file], { cwd: folder, timeout: LIMIT_MS });
    if (stdout.trim() === '') throw new Error(`the example '${name}' printed nothing (${file})`);
    process.stdout.write(
      `${name} (${file === 'shared.mjs' ? 'shared memory' : 'without SharedArrayBuffer'}):\n${stdout}`,
    );
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'swaplab-packed-'));
try {
  const examples = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(EXAMPLE)];
  const names = examples.map(([, name]) => name);
  for (const name of Object.keys(PACKAGES)) {
    if (!names.includes(name)) throw new Error(`README.md has no example '${name}'`);
  }
  const tarballs = await pack(scratch);
  for (const [, name, code] of examples) await tryExample(name, code, tarballs, scratch);
} catch (error) {
  process.stderr.write(`${error.stderr ?? ''}\n${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
