/**
 * Pages of a process: a child of the tests, which fills memory with pages that can be told apart.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { expect } from 'chai';

import { EnvironmentError } from '#src/errors.js';
import { harvestPages } from '#src/pages/corpus.js';
import { PageRoom, type Gathering } from '#src/pages/gathering.js';
import { PAGE_BYTES } from '#src/pages/generate.js';
import { gatherProcess, parseRegions } from '#src/pages/process-pages.js';
import { Random } from '#src/random.js';

/** Pages that only the child has: a mark, then their number. */
const MARK = 0x5eed_face;
const MARKED_PAGES = 3000;
const CHILD = `
  const words = new Uint32Array(${String(MARKED_PAGES)} * 1024);
  for (let page = 0; page < ${String(MARKED_PAGES)}; page++)
    for (let at = 0; at < 1024; at += 2) { words[page * 1024 + at] = ${String(MARK)}; words[page * 1024 + at + 1] = page; }
  globalThis.kept = words;
  setInterval(() => {}, 1000);
  process.stdout.write('ready');
`;

function finish<Result>(steps: Gathering<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

describe('the mappings of a process', () => {
  it('are taken when they are private, readable, and memory of the process', () => {
    const maps = [
      '00400000-00401000 r-xp 00000000 08:01 131 /usr/bin/some program',
      '00600000-00601000 ---p 00000000 08:01 131 /usr/bin/some program',
      '00602000-00603000 rw-s 00000000 08:01 131 /srv/shared',
      '00604000-00605000 -wxp 00000000 00:00 0 ',
      '01000000-01004000 rw-p 00000000 00:00 0                          [heap]',
      '7f0000000000-7f0000002000 rw-p 00000000 00:00 0 ',
      '7f0000002000-7f0000003000 rw-p 00000000 00:00 0                  [anon:name]',
      '7f0000003000-7f0000004000 r--p 00000000 00:06 5                  /dev/mem',
      '7f0000004000-7f0000005000 rw-p 00000000 00:06 5                  /dev/zero (deleted)',
      '7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                  [stack]',
      '7ffc00030000-7ffc00034000 r--p 00000000 00:00 0                  [vvar]',
      '7ffc00034000-7ffc00036000 r-xp 00000000 00:00 0                  [vdso]',
      'ffffffffff600000-ffffffffff601000 r-xp 00000000 00:00 0          [vsyscall]',
      'ffffffffff700000-ffffffffff701000 r-xp 00000000 00:00 0 ',
      'nonsense',
      '',
    ].join('\n');
    expect(parseRegions(maps)).to.deep.equal([
      { kind: 'file-mapped', start: 0x400000, end: 0x401000 },
      { kind: 'heap', start: 0x1000000, end: 0x1004000 },
      { kind: 'anonymous', start: 0x7f0000000000, end: 0x7f0000002000 },
      { kind: 'anonymous', start: 0x7f0000002000, end: 0x7f0000003000 },
      { kind: 'anonymous', start: 0x7f0000004000, end: 0x7f0000005000 },
      { kind: 'stack', start: 0x7ffc00000000, end: 0x7ffc00021000 },
    ]);
  });
});

describe('pages of a process', () => {
  let child: ChildProcess | null = null;

  async function startChild(): Promise<number> {
    const started = spawn(process.execPath, ['-e', CHILD], { stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    await once(started.stdout, 'data');
    return started.pid ?? expect.fail('the child has no number');
  }

  async function endChild(): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Reads the child's memory, or skips the test where that is forbidden to everybody but root. */
  async function gather(test: Mocha.Context, pages: number, seed = 1): Promise<[PageRoom, string]> {
    if (process.platform !== 'linux') test.skip();
    const pid = await startChild();
    const room = new PageRoom(pages);
    try {
      return [room, finish(gatherProcess(pid, room, new Random(seed)))];
    } catch (error) {
      if (error instanceof EnvironmentError && /permission is denied/.test(error.message)) test.skip();
      throw error;
    }
  }

  afterEach(endChild);

  it('are what is in its memory, not zero, and each page once', async function () {
    const [room, description] = await gather(this, 20_000);
    const pages = room.bytes();
    const words = new Uint32Array(pages.buffer);
    const found = new Set<number>();
    for (let page = 0; page < room.pages; page++) {
      const bytes = pages.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      expect(bytes.some((byte) => byte !== 0)).to.equal(true);
      // An array buffer need not begin with a page: the mark is somewhere near the start.
      for (let at = page * 1024; at < page * 1024 + 8; at++) {
        const number = words[at + 1] ?? 0;
        if (words[at] === MARK && number < MARKED_PAGES) {
          found.add(number);
          break;
        }
      }
    }
    expect(found.size).to.be.within(MARKED_PAGES - 2, MARKED_PAGES);
    expect(description).to.match(
      /^[\d,]+ of [\d,]+ pages of process \d+ \(node.*\): .*[\d,]+ anonymous.*; left out on the way: \d+ all zero, \d+ not readable$/,
    );
    const kinds = [...description.matchAll(/([\d,]+) (?:heap|stack|anonymous|file-mapped)/g)];
    const sum = kinds.reduce((total, [, count]) => total + Number((count ?? '').replaceAll(',', '')), 0);
    expect(sum).to.equal(room.pages);
  }).timeout(30_000);

  it('fill the room exactly when there are more, and say how many there were', async function () {
    const [room, description] = await gather(this, 100);
    expect(room.pages).to.equal(100);
    expect(description).to.match(/^100 of [\d,]{5,} pages of process /);
  }).timeout(30_000);

  it('cannot be read from a process that has ended, and this is said in one sentence', async function () {
    if (process.platform !== 'linux') this.skip();
    const pid = await startChild();
    await endChild();
    expect(() => harvestPages({ kind: 'process', pid }, 1, 10))
      .to.throw(EnvironmentError, `the memory of process ${String(pid)} cannot be read: `)
      .with.property('exitCode', 3);
  }).timeout(30_000);

  for (const [when, pagesBefore] of [
    ['while its page map is read', 0],
    ['while its pages are read', 1],
  ] as const) {
    it(`cannot be read from a process that ends ${when}`, async function () {
      if (process.platform !== 'linux') this.skip();
      const pid = await startChild();
      const room = new PageRoom(10_000);
      const steps = gatherProcess(pid, room, new Random(1));
      try {
        do steps.next();
        while (room.pages < pagesBefore);
      } catch (error) {
        if (error instanceof EnvironmentError && /permission is denied/.test(error.message)) this.skip();
        throw error;
      }
      await endChild();
      expect(() => finish(steps)).to.throw(
        EnvironmentError,
        /^the memory of process \d+ cannot be read: it ended, or began another program, meanwhile$/,
      );
    }).timeout(30_000);
  }

  it('cannot be read where there is no Linux', () => {
    const steps = gatherProcess(1, new PageRoom(1), new Random(1), 'darwin');
    expect(() => finish(steps)).to.throw(
      EnvironmentError,
      'the memory of process 1 cannot be read: that needs /proc/N/mem of Linux, and this is darwin',
    );
  });
});
