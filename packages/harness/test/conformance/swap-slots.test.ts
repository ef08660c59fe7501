import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { runConformance } from '#src/conformance/conformance.js';
import type { Difference } from '#src/conformance/document.js';
import { COMMITTED_SELECTION, readLines } from '#src/conformance/golden-files.js';
import { SLOT_OPERATION_NAMES } from '#src/conformance/slots-operations.js';
import { replaySlotsTrace } from '#src/conformance/slots-replay.js';
import { EnvironmentError } from '#src/errors.js';

const SELECTION = join(COMMITTED_SELECTION, 'swap-slots');
/** Operations of the format. */
const OPERATIONS = 22;

function selected(number: string): string[] {
  const name = readdirSync(SELECTION).find((one) => one.startsWith(number));
  return readLines(join(SELECTION, name ?? number));
}

/** An area of 15 slots that is switched on. */
const SWAPON = {
  op: 'swapon',
  args: [
    { last_page: 15, prio: null, nonrot: false, discard: false, random32: 0, badpages: [], extents: null },
  ],
  result: 0,
};
const GET = (slot: number | null) => ({
  op: 'get_swap_page',
  args: [],
  result: slot === null ? null : [0, slot],
});
const END = { areas: [{ type: 0 }], end: true };

describe('conformance of slots', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-slots-'));
    mkdirSync(join(folder, 'swap-slots'));
    file = join(folder, 'swap-slots', 'a.jsonl.gz');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const replayLines = (lines: readonly string[]): Difference | null => {
    writeFileSync(file, gzipSync(lines.map((line) => `${line}\n`).join('')));
    return replaySlotsTrace(file, undefined);
  };

  /** Replays operations, with a header in front and a snapshot behind. */
  const replay = (operations: readonly object[], header: object = {}, end: object = END): Difference | null =>
    replayLines(
      [{ ops: operations.length, ...header }, ...operations, { snap: operations.length, ...end }].map(
        (line) => JSON.stringify(line),
      ),
    );

  const refusal = (lines: readonly string[]): string => {
    try {
      replayLines(lines);
    } catch (error) {
      expect(error).to.be.instanceOf(EnvironmentError).and.to.include({ exitCode: 3 });
      return (error as Error).message;
    }
    throw new Error('nothing was refused');
  };

  it('has every operation in the committed selection', () => {
    const names = new Set<string>();
    for (const name of readdirSync(SELECTION)) {
      for (const line of readLines(join(SELECTION, name))) {
        const found = /^\{"op":"([^"]+)"/.exec(line);
        if (found !== null) names.add(found[1] ?? '');
      }
    }
    expect([...names]).to.have.members(SLOT_OPERATION_NAMES);
    expect(names.size).to.equal(OPERATIONS);
  });

  it('takes plain files as well as compressed ones', () => {
    const plain = join(folder, 'swap-slots', 'b.jsonl');
    writeFileSync(plain, `${selected('27').join('\n')}\n`);
    expect(replaySlotsTrace(plain, undefined)).to.equal(null);
  });

  const changes: readonly [
    trace: string,
    from: string,
    to: string,
    operation: RegExp,
    expected: unknown,
    actual: unknown,
  ][] = [
    ['03', '"result":[0,5]', '"result":[0,6]', /^operation 5, get_swap_page \[\]: result/, [0, 6], [0, 5]],
    [
      '29',
      '[[0,1,53,9]]',
      '[[0,1,53,8]]',
      /, swapcache_free \[0,1\]: freed/,
      [[0, 1, 53, 8]],
      [[0, 1, 53, 9]],
    ],
    ['29', '"freed":[[0,2,53,9]]', '"freed":[]', /, swapcache_free \[0,2\]: freed/, [], [[0, 2, 53, 9]]],
    ['29', '"log":["Unused_offset"]', '"log":[]', /, swap_free \[0,1\]: log/, [], ['Unused_offset']],
    ['29', '"log":["Bad_file"]', '"log":["Unused_file"]', /: log/, ['Unused_file'], ['Bad_file']],
    ['21', '[0,40000,8]', '[0,40000,16]', /^operation 0, swapon .*: discards/, undefined, undefined],
    ['29', '"least_priority":-1', '"least_priority":-2', /^snapshot 10: least_priority/, -2, -1],
    ['29', '"inuse_pages":8', '"inuse_pages":9', /^snapshot 10: area 1: inuse_pages/, 9, 8],
    ['29', '"map":"3f0000', '"map":"3f0001', /^snapshot 10: area 0: map/, /^3f0001/, /^3f0000/],
    ['29', '"map_sha256":"d349', '"map_sha256":"e349', /^snapshot 10: area 0: map_sha256/, /^e349/, /^d349/],
    ['24', '"cont":{"3":[1]}', '"cont":{"3":[2]}', /: area 0: cont/, { 3: [2] }, { 3: [1] }],
    ['24', '"cont_pages":[1]', '"cont_pages":[2]', /: area 0: cont_pages/, [2], [1]],
    ['24', ',"cont_pages":[1]', '', /: area 0: cont_pages/, 'nothing', [1]],
    ['24', '"cont_pages_live":1', '"cont_pages_live":0', /: cont_pages_live/, 0, 1],
    ['24', '"freed_total":1', '"freed_total":2', /^freed_total of the header/, 2, 1],
    ['24', '"freed_sha256":"bd5d', '"freed_sha256":"cd5d', /^freed_sha256 of the header/, /^cd5d/, /^bd5d/],
    ['24', '"discards_total":0', '"discards_total":1', /^discards_total of the header/, 1, 0],
    ['24', '"swap_free":201', '"swap_free":202', /^op_counts.swap_free of the header/, 202, 201],
  ];
  for (const [trace, from, to, operation, expected, actual] of changes) {
    it(`finds ${from} turned into ${to === '' ? 'nothing' : to}`, () => {
      const lines = selected(trace);
      const index = lines.findIndex((line) => line.includes(from));
      expect(index, from).to.be.at.least(0);
      const found = replayLines(lines.map((line, at) => (at === index ? line.replace(from, to) : line)));
      expect(found).to.include({ file, line: index + 1 });
      expect(found?.operation).to.match(operation);
      for (const [got, wanted] of [
        [found?.actual, actual],
        [found?.expected, expected],
      ]) {
        if (wanted instanceof RegExp) expect(got).to.match(wanted);
        else if (wanted !== undefined) expect(got).to.deep.equal(wanted);
      }
    });
  }

  it('names the way of searching in which the difference was found, the readable one first', () => {
    expect(replay([SWAPON, GET(2)])).to.deep.equal({
      file,
      line: 3,
      operation: 'operation 1, get_swap_page []: result, with the plain scan',
      expected: [0, 2],
      actual: [0, 1],
    });
  });

  it('counts a repeated operation once and does it so many times', () => {
    const duplicate = { op: 'swap_duplicate', args: [0, 1], result: 0 };
    const cont = { '1': [0x80, 0x01] };
    const area = { inuse_pages: 1, map: `3fc0${'00'.repeat(14)}`, cont, cont_pages: [2] };
    const header = { op_counts: { swapon: 1, get_swap_page: 1, swap_duplicate: 1 } };
    const end = { areas: [area], end: true };
    expect(replay([SWAPON, GET(1), { ...duplicate, repeat: 8064 }], header, end)).to.equal(null);
    const found = replay([SWAPON, GET(1), { ...duplicate, repeat: 8064, result: -12 }], header, end);
    expect(found?.operation).to.equal(
      'operation 2, swap_duplicate [0,1]: result, time 1 of 8064, with the plain scan',
    );
  });

  it('replays areas of a million slots', () => {
    const [area] = SWAPON.args;
    const big = { ...SWAPON, args: [{ ...area, last_page: 1_048_575 }] };
    const end = { areas: [{ max: 1_048_576, inuse_pages: 1 }], end: true };
    expect(
      replay([big, GET(1), { op: 'count_swap_pages', args: [0, 1], result: 1_048_574 }], {}, end),
    ).to.equal(null);
  }).timeout(10_000);

  it('answers for entries beyond all slots that an entry can name', () => {
    const free = { op: 'swap_free', args: [0, 2 ** 40], result: null, log: ['Bad_offset'] };
    expect(replay([SWAPON, free])).to.equal(null);
  });

  it('reports an allocation that would go round for ever as a difference', () => {
    const [area] = SWAPON.args;
    const free = (slot: number, left: number, used: number) => ({
      op: 'swapcache_free',
      args: [0, slot],
      result: null,
      freed: [[0, slot, left, used]],
    });
    // Slot 1 is free, but 2.6.34 does not look at it; all others are held by the cache, and cannot be reclaimed.
    const found = replay([
      { ...SWAPON, args: [{ ...area, last_page: 7 }] },
      ...[GET(1), free(1, 7, 0), GET(2), free(2, 7, 0)],
      ...[3, 4, 5, 6, 7, 1].map(GET),
      ...[free(1, 2, 5), GET(2), GET(null)],
    ]);
    expect(found).to.include({ line: 15, expected: 'no broken invariant' });
    expect(found?.operation).to.equal('operation 13, get_swap_page [], with the plain scan');
    expect(found?.actual).to.match(/^scanSwapMap goes round for ever: /);
  });

  it('refuses lines that make no sense with one sentence that names them', () => {
    const lines = selected('24');
    const header = lines[0] ?? '';
    const on = lines[1] ?? '';
    const damages: readonly [readonly string[], RegExp][] = [
      [['[]'], /line 1 is no header/],
      [['{"ops":"1"}'], /line 1 is no header/],
      [['{"ops":1,"page_cluster":99}'], /line 1 is no header/],
      [[header, '17'], /line 2 is no operation and no snapshot/],
      [[header, '{"op":"no_such_call","args":[],"result":0}'], /line 2 is no operation/],
      [[header, '{"op":"swap_free","args":[0],"result":null}'], /line 2 is no operation/],
      [[header, '{"op":"swap_free","args":[0,-1],"result":null}'], /line 2 is no operation/],
      [[header, '{"op":"swap_free","args":[32,1],"result":null}'], /line 2 is no operation/],
      [[header, '{"op":"swap_free","args":["0","1"],"result":null}'], /line 2 is no operation/],
      [[header, '{"op":"swap_free","args":[0,1]}'], /line 2 is no operation/],
      [[header, '{"op":"swap_free","args":[0,1],"result":null,"repeat":0}'], /line 2 is no operation/],
      [[header, '{"op":"swap_free","args":[0,1],"result":null,"colour":1}'], /line 2 is no operation/],
      [[header, '{"op":"find_next_to_unuse","args":[0,0],"result":0}'], /line 2 is no operation/],
      [[header, '{"op":"map_swap_entry","args":[0,1],"result":0}'], /line 2 is no operation/],
      [[header, '{"op":"cache_page_add","args":[0,1,2,0,0],"result":0}'], /line 2 is no operation/],
      [[header, '{"op":"swapon","args":[{}],"result":0}'], /line 2 switches on what is no area/],
      [[header, on.replace('"last_page":63', '"last_page":0')], /line 2 switches on what is no area/],
      [[header, on.replace('"extents":null', '"extents":[[1,2]]')], /line 2 switches on what is no area/],
      [[header, on.replace('"last_page":63', '"last_page":4294967295')], /do not fit into a machine/],
      [[header, '{"snap":0,"areas":[],"colour":1}'], /line 2 has an unknown field 'colour'/],
      [[header, on, '{"snap":1,"areas":[{"colour":1}]}'], /line 3 has an unknown field 'colour'/],
      [[header, '{"snap":0}'], /line 2 is no operation and no snapshot/],
      [[...lines, on], /comes after the last snapshot/],
      [lines.slice(0, -1), /its last snapshot is missing/],
      [lines.slice(0, 20), /it ends after \d+ of 418 operations/],
    ];
    for (const [content, message] of damages) {
      const text = refusal(content);
      expect(text).to.match(message).and.to.include(file).and.not.to.match(/\n/);
    }
  });

  it('stops at a signal within a trace', () => {
    writeFileSync(file, gzipSync(`${selected('25').join('\n')}\n`));
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    expect(() => replaySlotsTrace(file, stop.signal)).to.throw('enough');
  });

  it('goes on with the next trace after a difference', async () => {
    const lines = selected('27');
    writeFileSync(file, gzipSync(`${lines.join('\n')}\n`));
    writeFileSync(join(folder, 'swap-slots', 'b.jsonl'), `${lines.join('\n').replace('[0,4]', '[0,5]')}\n`);
    const { ok, sets } = await runConformance({ directories: [folder] });
    expect(ok).to.equal(false);
    expect(sets['swap-slots']).to.include({ total: 2, passed: 1, failed: 1, skipped: 0 });
  });
});
