// `npm run wasm`: compiles the AssemblyScript sources into WASM modules and writes them, as base64, into TypeScript files that are committed.
// So nobody but who changes a module needs the compiler (114 MB), which is installed here, apart from the workspaces, when it is missing.
//
//   node tools/wasm/build.mjs            installs the compiler if need be, builds, writes
//   node tools/wasm/build.mjs --check    writes nothing: compares the committed files with the sources they name, and, when the compiler is
//                                        installed, with a new build; exit code 1 when anything differs
//
// Each module is built twice, because the declaration of an imported memory says whether it is shared. A module has no memory, data or
// globals of its own, or it would write into the machine it is instantiated on; it must stay below 4 KB, the most that all browsers compile
// at once on their main thread. Both are checked here.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { run, runNode } from '../../scripts/children.mjs';

const tools = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(tools));
const compiler = join(tools, 'node_modules', 'assemblyscript', 'dist', 'asc.js');

const MODULE_BYTES_MAX = 4095;
const LINE_CHARACTERS = 100;

/** The sources that several codec modules share. */
const CODEC_PARTS = [
  'copy',
  'dictionary',
  'lzo1x-decode',
  'lzo1x-emit',
  'lzo1x-format',
  'lzo1x-search',
  'results',
].map((name) => `packages/ramzswap/assembly/${name}.ts`);

/** What is built: `name` is the exported constant, `parts` what the source imports. */
const MODULES = [
  {
    name: 'PAGE_BYTES_WASM',
    what: 'The bytes of pages',
    source: 'packages/kernel-mm/assembly/page-bytes.ts',
    parts: [],
    target: 'packages/kernel-mm/src/arena/page-bytes-wasm.ts',
    type: "import type { WasmBuilds } from './wasm.js';",
  },
  {
    name: 'SHARED_SLOTS_WASM',
    what: 'The short way of the counts of shared slots',
    source: 'packages/kernel-mm/assembly/shared-slots.ts',
    parts: [],
    target: 'packages/kernel-mm/src/swap/shared-slots-wasm.ts',
    type: "import type { WasmBuilds } from '../arena/wasm.js';",
  },
  {
    name: 'LZO1X_WASM',
    what: 'The codec `lzo1x-2010`',
    source: 'packages/ramzswap/assembly/lzo1x.ts',
    parts: CODEC_PARTS,
    target: 'packages/ramzswap/src/codec/lzo1x-wasm-builds.ts',
    type: "import type { WasmBuilds } from '@swaplab/kernel-mm';",
  },
  {
    name: 'LZO1X_CURRENT_WASM',
    what: 'The codec `lzo1x-current`',
    source: 'packages/ramzswap/assembly/lzo1x-current.ts',
    parts: CODEC_PARTS,
    target: 'packages/ramzswap/src/codec/lzo1x-current-wasm-builds.ts',
    type: "import type { WasmBuilds } from '@swaplab/kernel-mm';",
  },
  {
    name: 'LZO_RLE_WASM',
    what: 'The codec `lzo-rle`',
    source: 'packages/ramzswap/assembly/lzo-rle.ts',
    parts: CODEC_PARTS,
    target: 'packages/ramzswap/src/codec/lzo-rle-wasm-builds.ts',
    type: "import type { WasmBuilds } from '@swaplab/kernel-mm';",
  },
  {
    name: 'LZ4_WASM',
    what: 'The codec `lz4`',
    source: 'packages/ramzswap/assembly/lz4.ts',
    parts: CODEC_PARTS,
    target: 'packages/ramzswap/src/codec/lz4-wasm-builds.ts',
    type: "import type { WasmBuilds } from '@swaplab/kernel-mm';",
  },
  {
    name: 'XVMALLOC_WASM',
    what: 'The short way of xvmalloc',
    source: 'packages/ramzswap/assembly/xvmalloc.ts',
    parts: [],
    target: 'packages/ramzswap/src/xvmalloc/xvmalloc-wasm-builds.ts',
    type: "import type { WasmBuilds } from '@swaplab/kernel-mm';",
  },
];

/** 32768 pages are 2 GiB, more than any arena has. */
const OPTIONS = [
  ...['-O3', '--runtime', 'stub', '--noAssert', '--noExportMemory', '--importMemory'],
  ...['--initialMemory', '1', '--maximumMemory', '32768'],
  ...['--enable', 'simd', '--enable', 'bulk-memory', '--enable', 'threads'],
];
const BUILDS = { shared: ['--sharedMemory'], unshared: [] };

/** Hash of everything a build depends on. */
function hashInputs(module) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(tools, 'package.json'), 'utf8'));
  const text = [module.source, ...module.parts]
    .map((path) => readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n'))
    .join('');
  const versions = { ...dependencies, ...devDependencies };
  return createHash('sha256')
    .update(JSON.stringify([text, OPTIONS, BUILDS, versions]))
    .digest('hex');
}

/** Compiles one build to bytes. */
async function compile(asc, module, buildOptions) {
  let binary = null;
  const { error, stderr } = await asc.main(
    [module.source, ...OPTIONS, ...buildOptions, '--outFile', 'out.wasm'],
    {
      readFile: (name, base) => {
        const path = join(base, name);
        return existsSync(path) ? readFileSync(path, 'utf8') : null;
      },
      writeFile: (_name, contents) => {
        binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || binary === null) throw new Error(`${module.source}: ${error?.message}\n${stderr.toString()}`);
  requireBare(module, binary);
  return binary;
}

/** Refuses a module that brings anything of its own, or is too long. */
function requireBare(module, binary) {
  const compiled = new WebAssembly.Module(binary);
  const imports = WebAssembly.Module.imports(compiled).map(({ module: from, name }) => `${from}.${name}`);
  const exported = WebAssembly.Module.exports(compiled).filter(({ kind }) => kind !== 'function');
  if (imports.join() !== 'env.memory' || exported.length > 0)
    throw new Error(`${module.source}: imports ${imports.join(', ')}; only the memory is allowed`);
  for (const section of sectionsOf(binary)) {
    if (FORBIDDEN_SECTIONS.has(section))
      throw new Error(`${module.source}: the module has a section of ${FORBIDDEN_SECTIONS.get(section)}`);
  }
  if (binary.length > MODULE_BYTES_MAX)
    throw new Error(`${module.source}: ${binary.length} bytes, but at most ${MODULE_BYTES_MAX} are allowed`);
}

const FORBIDDEN_SECTIONS = new Map([
  [5, 'memories'],
  [6, 'globals'],
  [8, 'a start function'],
  [11, 'data'],
]);

/** Ids of the sections of a module. */
function sectionsOf(binary) {
  const ids = [];
  let at = 8;
  while (at < binary.length) {
    ids.push(binary[at++]);
    let bytes = 0;
    let shift = 0;
    let byte;
    do {
      byte = binary[at++];
      bytes |= (byte & 0x7f) << shift;
      shift += 7;
    } while ((byte & 0x80) !== 0);
    at += bytes;
  }
  return ids;
}

/** The TypeScript file of a module. */
function render(module, binaries) {
  const texts = Object.entries(binaries).map(([build, binary]) => {
    const base64 = Buffer.from(binary).toString('base64');
    const lines = base64.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')).map((line) => `    '${line}'`);
    return `  /** ${binary.length} bytes. */\n  ${build}:\n${lines.join(' +\n')},\n`;
  });
  return `/**
 * ${module.what} as WASM. Generated by \`npm run wasm\` from ${module.source}: do not edit.
 * Sources, options and compiler: sha256 ${hashInputs(module)}
 */
${module.type}

/** Base64 of the two builds of ${module.source}. */
export const ${module.name}: WasmBuilds = {
${texts.join('')}};
`;
}

async function build(module) {
  const asc = await import(pathToFileURL(compiler).href);
  const binaries = {};
  for (const [name, options] of Object.entries(BUILDS)) binaries[name] = await compile(asc, module, options);
  return render(module, binaries);
}

async function install() {
  if (existsSync(compiler)) return;
  process.stderr.write('wasm: installing the compiler (npm ci in tools/wasm) ...\n');
  const npm = process.env['npm_execpath'];
  const npmArguments = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = npm?.endsWith('.js')
    ? await runNode(npm, npmArguments, { cwd: tools })
    : await run('npm', npmArguments, { cwd: tools, shell: process.platform === 'win32' });
  if (result.code !== 0) throw new Error(result.output);
}

/** Says for each module whether the committed file is that of its sources. */
async function check() {
  for (const module of MODULES) {
    const committed = readFileSync(join(root, module.target), 'utf8').replaceAll('\r\n', '\n');
    if (!committed.includes(`sha256 ${hashInputs(module)}\n`))
      throw new Error(`${module.target} was not built from ${module.source} as it is now: npm run wasm`);
    if (!existsSync(compiler)) {
      process.stdout.write(`${module.target}: named sources (compiler not installed)\n`);
      continue;
    }
    if ((await build(module)) !== committed)
      throw new Error(`${module.target} is not what its sources give: npm run wasm`);
    process.stdout.write(`${module.target}: rebuilt, same bytes\n`);
  }
}

process.chdir(root);
try {
  if (process.argv.includes('--check')) {
    await check();
  } else {
    await install();
    for (const module of MODULES) {
      const text = await build(module);
      writeFileSync(join(root, module.target), text);
      process.stdout.write(`wrote ${module.target}\n`);
    }
  }
} catch (error) {
  process.stderr.write(`wasm: ${error.message}\n`);
  process.exitCode = 1;
}
