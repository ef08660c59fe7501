/**
 * `swaplab run --pages` and `--pages-out` as a process of its own: real pages in, the same pages out and in again, and what is said when that is
 * not possible.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import type { RunDocument } from '#src/run/document.js';
import { swaplab, type CommandOutcome } from '../run/support.js';

const SMALL = [
  'run',
  '--policy',
  'notify',
  '--swappers',
  '2',
  '--ops',
  '301',
  '--codec',
  'none',
  '--seed',
  '1',
];

const PROGRAM = fileURLToPath(
  new URL('bin/swaplab.js', import.meta.resolve('@swaplab/harness/package.json')),
);

function documentOf({ code, out, err }: CommandOutcome): RunDocument {
  expect(code, err).to.equal(0);
  return JSON.parse(out) as RunDocument;
}

describe('real pages on the command line', function () {
  this.timeout(45_000);
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-real pages-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('come from a process, are kept, and come again from the file, with the same hash', async function () {
    if (process.platform !== 'linux') this.skip();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("ready")'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const kept = join(folder, 'kept');
    const pid = String(child.pid);
    const first = await swaplab([...SMALL, '--json', '--pages', `pid:${pid}`, '--pages-out', kept]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    if (first.code === 3 && first.err.includes('permission is denied')) this.skip();
    const document = documentOf(first);
    expect(document.pagesDescription).to.match(new RegExp(`^1,024 of [\\d,]+ pages of process ${pid} \\(`));
    expect(document.policies[0]?.integrityErrors).to.equal(0);
    expect(document.pagesHash).to.equal(createHash('sha256').update(readFileSync(kept)).digest('hex'));
    expect(document.command).to.contain(` --pages '${kept}' `);
    const again = documentOf(await swaplab([...SMALL, '--json', '--pages', kept, '--seed', '2']));
    expect(again.pagesHash).to.equal(document.pagesHash);
    expect(again.pagesDescription).to.equal(`1,024 pages of the file ${kept}`);
  });

  it('are the same under all policies, and few are enough', async () => {
    writeFileSync(join(folder, 'file'), 'one page, and not even a whole one');
    const words = [...SMALL, '--policy', 'none,notify', '--json', '--quiet', '--pages', join(folder, 'file')];
    const outcome = await swaplab(words);
    const document = documentOf(outcome);
    expect(document.policies.map(({ integrityErrors }) => integrityErrors)).to.deep.equal([0, 0]);
    expect(outcome.err, 'quiet').to.equal('');
  });

  it('are refused with one sentence and exit code 3 when they cannot be had or kept', async function () {
    if (process.platform !== 'linux') this.skip();
    const refused: readonly (readonly [string[], RegExp])[] = [
      [['--pages', join(folder, 'nothing')], /no such file or directory \(ENOENT\)/],
      [['--pages', 'pid:2147483647'], /there is no process with this number/],
      [
        ['--pages-out', '/dev/full'],
        /^swaplab: the pages cannot be written to \/dev\/full: there is no space left/,
      ],
      [['--pages-out', folder], /it is a directory \(EISDIR\)/],
      [['--pages-out', join(folder, 'no', 'file')], /no such file or directory \(ENOENT\)/],
    ];
    for (const [words, sentence] of refused) {
      const { code, out, err } = await swaplab([...SMALL, '--json', '--pages', 'synthetic', ...words]);
      expect(code, err).to.equal(3);
      expect(out).to.equal('');
      expect(err)
        .to.match(sentence)
        .and.to.match(/^swaplab: [^\n]*\n$/);
    }
    expect(readdirSync(folder)).to.deep.equal([]);
    expect(statSync('/dev/full').isCharacterDevice()).to.equal(true);
  });

  it('are refused to a user who may not read the memory of the process', function () {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) this.skip();
    const asNobody = { uid: 65_534, gid: 65_534, encoding: 'utf8', timeout: 40_000 } as const;
    const run = (...words: string[]): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, [PROGRAM, ...words], asNobody);
    // Not everywhere may other users read the program.
    if (run('--version').status !== 0) this.skip();
    const { status, stdout, stderr } = run(...SMALL, '--pages', `pid:${String(process.pid)}`);
    expect(status, String(stderr)).to.equal(3);
    expect(stdout).to.equal('');
    expect(stderr).to.match(
      /^swaplab: the memory of process \d+ cannot be read: permission is denied, since it belongs to user 0 and not to user 65534; root may\n$/,
    );
  });

  it('leave out what the user may not read, and count it', function () {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) this.skip();
    const asNobody = { uid: 65_534, gid: 65_534, encoding: 'utf8', timeout: 40_000 } as const;
    if (spawnSync(process.execPath, [PROGRAM, '--version'], asNobody).status !== 0) this.skip();
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'closed'));
    writeFileSync(join(folder, 'closed', 'inner'), 'unseen');
    writeFileSync(join(folder, 'secret'), 'unseen', { mode: 0o600 });
    writeFileSync(join(folder, 'open'), 'seen');
    chmodSync(join(folder, 'closed'), 0o700);
    const run = (path: string): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, [PROGRAM, ...SMALL, '--json', '--pages', path], asNobody);
    const { status, stdout, stderr } = run(folder);
    expect(status, String(stderr)).to.equal(0);
    expect((JSON.parse(String(stdout)) as RunDocument).pagesDescription).to.equal(
      `1 page of 1 file below ${folder}; left out: 2 entries that cannot be read`,
    );
    for (const name of ['closed', 'secret']) {
      const refused = run(join(folder, name));
      expect(refused.status).to.equal(3);
      expect(refused.stderr).to.equal(
        `swaplab: pages cannot be read from ${join(folder, name)}: permission is denied (EACCES)\n`,
      );
    }
  });

  it('do not hide that the disk behind the output is full', function () {
    if (process.platform !== 'linux') this.skip();
    const full = openSync('/dev/full', 'w');
    try {
      const { status, stderr } = spawnSync(
        process.execPath,
        [PROGRAM, ...SMALL, '--pages', 'synthetic', '--quiet', '--json'],
        { stdio: ['ignore', full, 'pipe'], encoding: 'utf8', timeout: 40_000 },
      );
      expect(status, stderr).to.equal(3);
      expect(stderr).to.equal(
        'swaplab: the output cannot be written: there is no space left on the device (ENOSPC)\n',
      );
    } finally {
      closeSync(full);
    }
  });
});
