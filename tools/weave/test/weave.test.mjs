// The weaver on its fixtures: each automatic case behaves in all builds as it does unwoven, each forbidden one gives its errors and no other.
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNode } from '../../../scripts/children.mjs';
import { buildSettings, compile } from '../compile.mjs';
import { hashSite } from '../sites.mjs';
import { verify } from '../verify.mjs';
import { weave, writeTexts } from '../weave.mjs';
import { analyse, diagnose } from '../weaver.mjs';
import { runCase } from './builds.mjs';
import { casesOf, makeRepository, root } from './fixtures.mjs';

const LIMIT_MS = 60_000;
const LIB = ['ES2023', 'ESNext.Disposable'];
const BUILDS = ['sited', 'stepped'];
const COMPILER = join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');

/** Writes what was woven, with the settings of the compiler, and compiles it. */
function writeAndCompile({ folder, options }, texts) {
  const [kernel, cases] = options.packages;
  for (const build of BUILDS) {
    for (const [wovenPackage, references] of [
      [kernel, []],
      [cases, [kernel.folder]],
    ]) {
      const settings = buildSettings(wovenPackage, build, {
        tsconfig: options.tsconfig,
        references,
        lib: LIB,
      });
      texts.set(join(wovenPackage.folder, 'woven', build, 'tsconfig.json'), settings);
    }
  }
  writeTexts(options.packages, texts);
  return compile(options.packages, { base: folder, compiler: COMPILER });
}

/** Compiles the sources as they are. */
async function compilePlain({ folder, options }) {
  const projects = options.packages.map(({ folder: packageFolder }, index) => {
    const settings = {
      extends: options.tsconfig,
      compilerOptions: {
        rootDir: 'src',
        outDir: 'dist',
        tsBuildInfoFile: 'dist/tsconfig.tsbuildinfo',
        lib: LIB,
      },
      include: ['src'],
      references: index === 0 ? [] : [{ path: '../kernel' }],
    };
    writeFileSync(join(packageFolder, 'tsconfig.json'), JSON.stringify(settings));
    return packageFolder;
  });
  const { code, output } = await runNode(COMPILER, ['-b', '--pretty', 'false', ...projects], { cwd: folder });
  expect(code, output).to.equal(0);
}

const withoutSites = (operations) => operations.map(([kind, object]) => [kind, object]);

describe('weaving what needs no word from its author', () => {
  const repository = makeRepository('automatic');
  let analysis;
  let woven;

  before(async function () {
    this.timeout(LIMIT_MS);
    analysis = analyse(repository.options);
    expect(diagnose(analysis).filter(({ isWarning }) => !isWarning)).to.deep.equal([]);
    woven = weave(analysis);
    await compilePlain(repository);
    expect(await writeAndCompile(repository, woven.texts)).to.deep.equal([]);
  });

  after(() => rmSync(repository.folder, { recursive: true, force: true }));

  for (const { title, file } of repository.cases) {
    it(`${title}: the same results and the same operations in all builds`, async () => {
      const { folder } = repository;
      const plain = await runCase(folder, 'dist', file);
      const sited = await runCase(folder, 'dist-sited', file);
      const stepped = await runCase(folder, 'dist-stepped', file);
      expect(plain.operations.length).to.be.greaterThan(0);
      expect(sited.result).to.deep.equal(plain.result);
      expect(stepped.result).to.deep.equal(plain.result);
      expect(withoutSites(sited.operations)).to.deep.equal(withoutSites(plain.operations));
      expect(stepped.operations).to.deep.equal(sited.operations);
      expect(sited.operations.every(([, , site]) => site > 0)).to.equal(true);
    });
  }

  it('asks the engine at each point, before the operation, with its kind and its object', async () => {
    const outside = [/^what runs outside/, /^a place outside/, /^functions handed to an engine/];
    for (const { title, file } of repository.cases) {
      const { operations, decisions, switches } = await runCase(repository.folder, 'dist-stepped', file);
      if (outside.some((each) => each.test(title)))
        expect(decisions.length).to.be.lessThan(operations.length);
      else expect(decisions, title).to.deep.equal(operations);
      expect(switches).to.equal(decisions.length);
    }
  });

  it('keeps every line where it is', () => {
    for (const file of analysis.project.files) {
      if (file.fileName === repository.options.runtime.points) continue;
      for (const build of BUILDS) {
        const text = woven.texts.get(file.fileName.replace('/src/', `/woven/${build}/`));
        expect(text.split('\n').length, file.fileName).to.equal(file.text.split('\n').length);
      }
    }
  });

  it('says of each site where it is', () => {
    const tables = repository.options.packages.map(({ folder }) =>
      JSON.parse(readFileSync(join(folder, 'woven', 'sites.json'), 'utf8')),
    );
    const rows = tables.flatMap((table) => Object.entries(table));
    expect(new Set(rows.map(([id]) => id)).size).to.equal(rows.length);
    for (const [id, { file, line, column, primitive }] of rows) {
      expect(Number(id)).to.be.within(1, 2 ** 30 - 1);
      const name = primitive.split('.').at(-1);
      const lines = readFileSync(join(repository.folder, file), 'utf8').split('\n');
      if (name === 'dispose]') continue;
      expect(lines[line - 1].slice(column - 1).startsWith(name), `${file}:${line}`).to.equal(true);
    }
  });

  it('keeps the ids of all other functions when one is changed', () => {
    const [first, second] = repository.cases;
    const path = join(repository.folder, 'packages', 'cases', 'src', `${first.file}.ts`);
    const before = readFileSync(path, 'utf8');
    const ids = (sites, file) =>
      [...sites.byFile].find(([{ fileName }]) => fileName.includes(file))[1].map(({ id }) => id);
    try {
      const at =
        before.indexOf('export function run(m: Memory): number {\n') +
        'export function run(m: Memory): number {\n'.length;
      writeFileSync(path, `${before.slice(0, at)}  m.load(3);\n${before.slice(at)}`);
      const { sites } = weave(analyse(repository.options));
      expect(ids(sites, second.file)).to.deep.equal(ids(woven.sites, second.file));
      const [old, now] = [ids(woven.sites, first.file), ids(sites, first.file)];
      expect(now.length).to.equal(old.length + 1);
      expect(old.filter((id) => !now.includes(id))).to.deep.equal([]);
    } finally {
      writeFileSync(path, before);
    }
  });

  it('gives the next number to the later one of two places with one hash', () => {
    const { sites } = weave(analysis);
    const [[, rows]] = [...sites.byFile].filter(([, list]) => list.length > 1);
    const { id } = rows[0];
    const again = weave(analysis, { taken: [id] }).sites;
    const [[, moved]] = [...again.byFile].filter(([, list]) => list.length > 1);
    expect(moved[0].id).to.equal(id + 1);
    expect(moved[1].id).to.equal(rows[1].id);
    expect(hashSite('a')).to.not.equal(hashSite('b'));
  });

  it('finds a generator that nobody runs, and one in a place that returns nothing', function () {
    this.timeout(LIMIT_MS);
    const { folder, options } = repository;
    const settings = { base: folder, packages: options.packages, tsconfig: options.tsconfig, lib: LIB };
    expect(verify(settings)).to.deep.equal([]);
    const file = repository.cases.find(({ title }) => title === 'code without semicolons').file;
    const path = join(folder, 'packages', 'cases', 'woven', 'stepped', `${file}.ts`);
    const before = readFileSync(path, 'utf8');
    try {
      const damaged = before.replace(/^ {2}yield\* bump\(m\)$/m, '  bump(m)');
      expect(damaged).to.not.equal(before);
      writeFileSync(
        path,
        `${damaged}\nconst place: { f: () => void } = { f: () => undefined };\nplace.f = function* () { yield* bump(m0); };\ndeclare const m0: Memory;\n`,
      );
      const found = verify(settings);
      expect(found).to.have.lengthOf(2);
      const row = before.split('\n').indexOf('  yield* bump(m)') + 1;
      const place = `packages/cases/src/${file}.ts:${row}:3`;
      expect(found[0]).to.equal(
        `${place} - error STEP90: internal check: 'bump(m)' makes a stepped call that nobody runs.`,
      );
      expect(found[1]).to.include('its place returns nothing');
    } finally {
      writeFileSync(path, before);
    }
  });
});

describe('weaving what cannot be woven', () => {
  const repository = makeRepository('forbidden');
  let analysis;
  let findings;

  before(function () {
    this.timeout(LIMIT_MS);
    analysis = analyse(repository.options);
    findings = diagnose(analysis);
  });

  after(() => rmSync(repository.folder, { recursive: true, force: true }));

  const findingsOf = (file) => findings.filter((finding) => finding.file === `packages/cases/src/${file}.ts`);

  for (const { title, codes, texts, file } of casesOf('forbidden')) {
    if (codes.includes('STEP80')) continue;
    it(`${codes.join(', ')}: ${title}`, () => {
      const found = findingsOf(file);
      // A warning about slowness may stand beside an error.
      const got = new Set(
        found.map(({ code }) => code).filter((code) => code !== 'STEP20' || codes.includes(code)),
      );
      expect([...got]).to.deep.equal(codes);
      for (const text of texts) {
        expect(
          found.some(({ line }) => line.endsWith(`: ${text}`)),
          found.map(({ line }) => line).join('\n'),
        ).to.equal(true);
      }
    });
  }

  it('says nothing about the code they use', () => {
    expect(findings.filter(({ file }) => !file.startsWith('packages/cases/'))).to.deep.equal([]);
  });

  it('STEP80: what fits only the plain code is an error at the line of its source', async function () {
    this.timeout(LIMIT_MS);
    const { file, code } = casesOf('forbidden').find(({ codes }) => codes.includes('STEP80'));
    expect(findingsOf(file)).to.deep.equal([]);
    const wanted = ({ fileName }) => fileName.includes('/kernel/') || fileName.includes(file);
    const lines = await writeAndCompile(repository, weave(analysis, { wanted }).texts);
    const row = code.split('\n').findIndex((line) => line.includes('ReturnType')) + 2;
    expect(lines).to.have.lengthOf(1);
    expect(lines[0]).to.match(
      new RegExp(
        `^packages/cases/src/${file}\\.ts:${row}:14 - error STEP80: the twin does not type-check: .*\\(TS2322\\)$`,
      ),
    );
  });
});
