// Puts the fixtures into a folder of their own, as a small repository: packages with sources, found through node_modules.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root folder of the repository. */
export const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const fixtures = join(dirname(fileURLToPath(import.meta.url)), 'fixtures');

/** What each case may use without importing it. */
const NAMES = ['Guard', 'Lock', 'Memory', 'NOSITE', 'block', 'loadFrom', 'type Site'];

/**
 * One case of a list.
 *
 * @typedef {object} Case
 * @property {string} title without its codes
 * @property {string[]} codes that the weaver must find
 * @property {string[]} texts that it must say
 * @property {string} file name of its module, without an ending
 * @property {string} code
 */

/**
 * Reads a list of cases.
 * @param {string} name `automatic` or `forbidden`
 * @returns {Case[]}
 */
export function casesOf(name) {
  const sections = readFileSync(join(fixtures, `${name}.md`), 'utf8')
    .split(/^## /m)
    .slice(1);
  return sections.map((section, index) => {
    const [heading = ''] = section.split('\n', 1);
    const code = /```ts\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
    const file = `case-${String(index + 1).padStart(2, '0')}`;
    return {
      title: heading.replace(/\bSTEP\d+\s*/g, ''),
      codes: heading.match(/\bSTEP\d+/g) ?? [],
      texts: [...section.matchAll(/^`([^`].*)`$/gm)].map(([, text]) => text),
      file,
      code: code.replaceAll('SELF', file),
    };
  });
}

/** The text of the module of a case: the names it uses stand in its first line, so that it keeps its own lines. */
function moduleOf({ code }) {
  const used = NAMES.filter((name) => new RegExp(`\\b${name.replace('type ', '')}\\b`).test(code));
  return `import { ${used.join(', ')} } from '@fixture/kernel';\n${code}`;
}

/**
 * Makes a repository of fixtures.
 * @param {string} name `automatic` or `forbidden`
 * @returns {{ folder: string, cases: Case[], options: import('../project.mjs').ProjectOptions }}
 */
export function makeRepository(name) {
  const folder = mkdtempSync(join(tmpdir(), 'swaplab-weave-'));
  const cases = casesOf(name);
  cpSync(fixtures, join(folder, 'packages'), { recursive: true });
  const sources = join(folder, 'packages', 'cases', 'src');
  mkdirSync(sources, { recursive: true });
  for (const each of cases) writeFileSync(join(sources, `${each.file}.ts`), moduleOf(each));
  const own = { name: '@fixture/cases', type: 'module', dependencies: { '@fixture/kernel': '1' } };
  writeFileSync(join(folder, 'packages', 'cases', 'package.json'), JSON.stringify(own));
  mkdirSync(join(folder, 'node_modules', '@fixture'), { recursive: true });
  for (const part of ['kernel', 'engine']) {
    symlinkSync(join(folder, 'packages', part), join(folder, 'node_modules', '@fixture', part), 'junction');
  }
  const tsconfig = join(folder, 'tsconfig.json');
  const settings = JSON.parse(
    readFileSync(join(root, 'tsconfig.base.json'), 'utf8').replace(/^\s*\/\/.*$/gm, ''),
  );
  writeFileSync(tsconfig, JSON.stringify(settings));
  const kernel = join(folder, 'packages', 'kernel');
  const options = {
    base: folder,
    tsconfig,
    packages: [
      { name: '@fixture/kernel', folder: kernel, root: 'src' },
      { name: '@fixture/cases', folder: join(folder, 'packages', 'cases'), root: 'src' },
    ],
    runtime: {
      points: join(kernel, 'src', 'sync', 'point.ts'),
      // The very file of the real kernel.
      stepped: join(root, 'packages', 'kernel-mm', 'src-stepped', 'point.ts'),
      specifier: '@fixture/kernel/stepped',
    },
  };
  return { folder, cases, options };
}
