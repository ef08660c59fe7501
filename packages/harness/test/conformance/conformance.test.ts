import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import {
  runConformance,
  type ConformanceOptions,
  type ConformanceProgress,
} from '#src/conformance/conformance.js';
import { COMMITTED_SELECTION, readLines } from '#src/conformance/golden-files.js';
import { EnvironmentError, HarnessError, UsageError } from '#src/errors.js';

const SMALL_TRACE = join(COMMITTED_SELECTION, 'xvmalloc', '01-errors.jsonl.gz');

async function failureOf(options: ConformanceOptions): Promise<HarnessError> {
  try {
    await runConformance(options);
  } catch (error) {
    if (error instanceof HarnessError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('conformance', () => {
  let folder: string;
  let environment: string | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-golden-'));
    environment = process.env['SWAPLAB_GOLDEN'];
    delete process.env['SWAPLAB_GOLDEN'];
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
    if (environment !== undefined) process.env['SWAPLAB_GOLDEN'] = environment;
    else delete process.env['SWAPLAB_GOLDEN'];
  });

  /** Writes a trace of these lines as the only one of a set. */
  const writeTrace = (lines: readonly string[], set = 'xvmalloc', name = 'a.jsonl.gz'): string => {
    mkdirSync(join(folder, set), { recursive: true });
    const file = join(folder, set, name);
    writeFileSync(file, gzipSync(lines.map((line) => `${line}\n`).join('')));
    return file;
  };

  it('replays the committed selection without a difference', async () => {
    const { ok, sets } = await runConformance();
    expect(ok).to.equal(true);
    expect(Object.keys(sets)).to.have.members(
      readdirSync(COMMITTED_SELECTION).filter((name) => name !== 'README.md'),
    );
    for (const [set, least] of [
      ['xvmalloc', 8],
      ['swap-slots', 20],
    ] as const) {
      const traces = readdirSync(join(COMMITTED_SELECTION, set)).length;
      expect(traces, set).to.be.at.least(least);
      expect(sets[set], set).to.deep.equal({ total: traces, passed: traces, failed: 0, skipped: 0 });
    }
    for (const counts of Object.values(sets)) expect(counts).to.include({ passed: counts.total, failed: 0 });
  }).timeout(60_000);

  it('comes with a selection of at most 500 kB', () => {
    let bytes = 0;
    for (const entry of readdirSync(COMMITTED_SELECTION, { recursive: true })) {
      const info = statSync(join(COMMITTED_SELECTION, String(entry)));
      if (info.isFile()) bytes += info.size;
    }
    expect(bytes).to.be.within(1, 500_000);
  });

  it('takes a golden root, the folder of a set, several of them, or $SWAPLAB_GOLDEN', async () => {
    mkdirSync(join(folder, 'xvmalloc'));
    copyFileSync(SMALL_TRACE, join(folder, 'xvmalloc', '01-errors.jsonl.gz'));
    mkdirSync(join(folder, 'something-else'));
    const one = { xvmalloc: { total: 1, passed: 1, failed: 0, skipped: 0 } };
    expect((await runConformance({ directories: [folder] })).sets).to.deep.equal(one);
    expect((await runConformance({ directories: [join(folder, 'xvmalloc')] })).sets).to.deep.equal(one);
    const twice = await runConformance({ directories: [folder, join(folder, 'xvmalloc')] });
    expect(twice.sets.xvmalloc).to.include({ total: 2, passed: 2 });
    process.env['SWAPLAB_GOLDEN'] = folder;
    expect((await runConformance()).sets).to.deep.equal(one);
  });

  it('replays only the sets that are asked for', async () => {
    writeTrace(['{}'], 'swap-slots');
    writeTrace(readLines(SMALL_TRACE));
    const document = await runConformance({ directories: [folder], only: ['xvmalloc'] });
    expect(Object.keys(document.sets)).to.deep.equal(['xvmalloc']);
    expect((await failureOf({ directories: [folder], only: ['lzo1x'] })).message).to.match(
      /'lzo1x' is not in/,
    );
    const unknown = await failureOf({ only: ['lzo'] });
    expect(unknown).to.be.instanceOf(UsageError).and.to.include({ exitCode: 2 });
    expect(unknown.message).to.equal(
      "There is no golden set 'lzo'; the sets are xvmalloc, lzo1x, ramzswap-dev, swap-slots.",
    );
  });

  it('shows the first difference in full, whatever differs', async () => {
    const lines = readLines(SMALL_TRACE);
    const changes: readonly [
      from: string,
      to: string,
      operation: RegExp,
      expected: unknown,
      actual: unknown,
    ][] = [
      ['["m",1,0,0,4]', '["m",1,0,0,8]', /^allocate 1 bytes \(WASM\)$/, [0, 0, 8], [0, 0, 4]],
      ['["m",4092,-12]', '["m",4092,0,1,4]', /^allocate 4092 bytes \(WASM\)$/, [0, 1, 4], [-12]],
      ['["f",7,4,7]', '["f",7,4,-1]', /^free the object at offset 4 of page 7 \(WASM\)$/, -1, 7],
      ['["f",6,4,6]', '["f",6,8,6]', /offset 8 of page 6/, 6, 'there is no such object'],
      ['"pages":2,', '"pages":3,', /^pages of snapshot 10 \(WASM\)$/, 3, 2],
      ['"live_bytes":16455', '"live_bytes":16456', /^live_bytes of snapshot 20 \(WASM\)$/, 16456, 16455],
      [
        '[[24,[[0,32]]]',
        '[[24,[[0,36]]]',
        /^freelists of snapshot 40 \(WASM\)$/,
        [
          [24, [[0, 36]]],
          [88, [[0, 3352]]],
        ],
        [
          [24, [[0, 32]]],
          [88, [[0, 3352]]],
        ],
      ],
      ['ecd54a26', 'fcd54a26', /^freelists_sha256 of snapshot 10 \(WASM\)$/, /^fcd5/, /^ecd5/],
    ];
    for (const [from, to, operation, expected, actual] of changes) {
      const index = lines.findIndex((line) => line.includes(from));
      expect(index, from).to.be.at.least(1);
      const file = writeTrace(lines.map((line, at) => (at === index ? line.replace(from, to) : line)));
      const { ok, sets } = await runConformance({ directories: [folder] });
      expect(ok).to.equal(false);
      expect(sets.xvmalloc).to.include({ total: 1, passed: 0, failed: 1, skipped: 0 });
      const difference = sets.xvmalloc?.firstDifference;
      expect(difference).to.include({ file, line: index + 1 });
      expect(difference?.operation).to.match(operation);
      for (const [got, wanted] of [
        [difference?.expected, expected],
        [difference?.actual, actual],
      ]) {
        if (wanted instanceof RegExp) expect(got).to.match(wanted);
        else expect(got).to.deep.equal(wanted);
      }
    }
  });

  it('goes on with the other traces after a difference, and keeps the first', async () => {
    const lines = readLines(SMALL_TRACE);
    const wrong = lines.map((line) => line.replace('["m",1,0,0,4]', '["m",1,0,0,8]'));
    const first = writeTrace(wrong, 'xvmalloc', 'a.jsonl.gz');
    writeTrace(lines, 'xvmalloc', 'b.jsonl.gz');
    writeTrace(wrong, 'xvmalloc', 'c.jsonl.gz');
    const { sets } = await runConformance({ directories: [folder] });
    expect(sets.xvmalloc).to.include({ total: 3, passed: 1, failed: 2 });
    expect(sets.xvmalloc?.firstDifference?.file).to.equal(first);
  });

  it('refuses what is missing with one sentence and exit code 3', async () => {
    for (const [directory, message] of [
      [join(folder, 'nowhere'), /does not exist/],
      [folder, /holds no golden data: it should have a folder named xvmalloc, lzo1x/],
      [SMALL_TRACE, /cannot be read/],
    ] as const) {
      const error = await failureOf({ directories: [directory] });
      expect(error).to.be.instanceOf(EnvironmentError).and.to.include({ exitCode: 3 });
      expect(error.message).to.match(message).and.not.to.match(/\n/);
    }
    mkdirSync(join(folder, 'xvmalloc'));
    expect((await failureOf({ directories: [folder] })).message).to.match(/holds no trace/);
  });

  it('refuses damaged files with one sentence that names the file, and exit code 3', async () => {
    const lines = readLines(SMALL_TRACE);
    const header = lines[0] ?? '';
    const damages: readonly [readonly string[], RegExp][] = [
      [[], /it is empty/],
      [['not json'], /line 1 is no JSON/],
      [['{}'], /line 1 is no header/],
      [['[1]'], /line 1 is no header/],
      [[header, '{"snap":'], /line 2 is no JSON/],
      [[header, '["x",1]'], /line 2 is no operation and no snapshot/],
      [[header, '["m","a",-12]'], /line 2 is no operation/],
      [[header, '["m",1]'], /line 2 is no operation/],
      [[header, '["m",1,0,0]'], /line 2 is no operation/],
      [[header, '["f",1,2]'], /line 2 is no operation/],
      [[header, 'null'], /line 2 is no operation/],
      [[header, '{"snap":0,"colour":1}'], /line 2 has an unknown field 'colour'/],
      [lines.slice(0, -1), /its last snapshot is missing/],
      [lines.slice(0, 20), /it ends after 18 of 49 operations/],
    ];
    for (const [content, message] of damages) {
      const file = writeTrace(content);
      const error = await failureOf({ directories: [folder] });
      expect(error).to.be.instanceOf(EnvironmentError).and.to.include({ exitCode: 3 });
      expect(error.message).to.match(message).and.to.include(file).and.not.to.match(/\n/);
    }
    const cut = writeTrace(lines);
    writeFileSync(cut, gzipSync(lines.join('\n')).subarray(0, 300));
    expect((await failureOf({ directories: [folder] })).message).to.match(/cannot be decompressed/);
    writeFileSync(cut, 'no gzip');
    expect((await failureOf({ directories: [folder] })).message).to.match(/cannot be decompressed/);
  });

  it('tells its progress and stops at a signal', async () => {
    const seen: ConformanceProgress[] = [];
    const stop = new AbortController();
    const running = runConformance(
      { only: ['xvmalloc'] },
      {
        signal: stop.signal,
        onProgress: (progress) => {
          seen.push(progress);
          if (progress.done === 2) stop.abort(new Error('enough'));
        },
      },
    );
    let reason: unknown;
    try {
      await running;
    } catch (error) {
      reason = error;
    }
    expect(reason).to.be.an('error').with.property('message', 'enough');
    expect(seen.map(({ done, file }) => [done, file])).to.deep.equal([
      [1, '01-errors.jsonl.gz'],
      [2, '02-tiny-walk.jsonl.gz'],
    ]);
    expect(seen[0]).to.include({
      set: 'xvmalloc',
      total: readdirSync(join(COMMITTED_SELECTION, 'xvmalloc')).length,
    });
  });
});
