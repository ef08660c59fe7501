/**
 * Replaying the driver: what is recorded must be repeated to the last number, and what is damaged must be said.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { PAGE_SIZE, SECTORS_PER_PAGE } from '@swaplab/kernel-mm';
import { expect } from 'chai';
import type { Difference } from '#src/conformance/document.js';
import { COMMITTED_SELECTION, readLines, traceFilesOf } from '#src/conformance/golden-files.js';
import { ReplayDevice } from '#src/conformance/ramzswap-machine.js';
import { replayRamzswapTrace } from '#src/conformance/ramzswap-replay.js';
import { EnvironmentError } from '#src/errors.js';

const SELECTION = join(COMMITTED_SELECTION, 'ramzswap-dev');
const PAGES = join(SELECTION, 'pages.bin.gz');

function selected(number: string): string[] {
  const file = traceFilesOf(SELECTION).find((path) => path.includes(`/${number}-`));
  return readLines(file ?? number);
}

describe('conformance of the driver', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-driver-'));
    mkdirSync(join(folder, 'ramzswap-dev'));
    file = join(folder, 'ramzswap-dev', 'a.jsonl.gz');
    copyFileSync(PAGES, join(folder, 'ramzswap-dev', 'pages.bin.gz'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const replay = (lines: readonly string[]): Difference | null => {
    writeFileSync(file, gzipSync(lines.map((line) => `${line}\n`).join('')));
    return replayRamzswapTrace(file, undefined);
  };

  const refusal = (lines: readonly string[]): string => {
    try {
      replay(lines);
    } catch (error) {
      expect(error).to.be.instanceOf(EnvironmentError).and.to.include({ exitCode: 3 });
      return (error as Error).message;
    }
    throw new Error('nothing was refused');
  };

  /** A trace with one change, of the first line that has what is to be changed. */
  const changed = (number: string, from: string | RegExp, to: string): string[] => {
    const lines = selected(number);
    const index = lines.findIndex((line) =>
      typeof from === 'string' ? line.includes(from) : from.test(line),
    );
    expect(index, String(from)).to.be.greaterThan(-1);
    lines[index] = (lines[index] ?? '').replace(from, to);
    return lines;
  };

  it('has every operation and every result in the committed selection', () => {
    const seen = new Set<string>();
    for (const path of traceFilesOf(SELECTION)) {
      for (const line of readLines(path)) {
        const { op, result } = JSON.parse(line) as { op?: string; result?: string };
        if (op !== undefined) seen.add(`${op} ${String(result)}`);
      }
    }
    expect([...seen]).to.have.members([
      ...['lzo', 'raw', 'zero', 'error', 'forward'].map((result) => `write ${result}`),
      ...['ok', 'untouched', 'forward'].map((result) => `read ${result}`),
      'raw_io error',
      'slot_free_notify null',
      'fail_pages null',
    ]);
  });

  const changes: readonly [number: string, from: string | RegExp, to: string, operation: RegExp][] = [
    ['01', '"stored":[1,4,1285]', '"stored":[1,8,1285]', /^write of page \d+ to 1 \(WASM\)$/],
    ['01', '"result":"raw"', '"result":"lzo"', /^write of page/],
    ['01', /"sha256":"./, '"sha256":"z', /^read of 0/],
    ['01', '"result":"untouched"', '"result":"ok"', /^read of 5/],
    ['02', '"result":"error"', '"result":"ok"', /^raw_io write 128 4096 0 1/],
    ['02', '"invalid_io":8', '"invalid_io":9', /^invalid_io of snapshot 10/],
    ['06', '"result":"error"', '"result":"raw"', /^write of page/],
    ['07', '"result":"forward"', '"result":"raw"', /^(write|read) of/],
  ];
  for (const [number, from, to, operation] of changes) {
    it(`sees ${String(from)} changed to ${to} in trace ${number}`, () => {
      expect(replay(selected(number))).to.equal(null);
      const difference = replay(changed(number, from, to));
      expect(difference?.operation).to.match(operation);
      expect(difference?.file).to.equal(file);
    });
  }

  it('looks at every field of a snapshot', () => {
    const lines = selected('07');
    const index = lines.findIndex((line) => line.startsWith('{"snap"'));
    const snapshot = JSON.parse(lines[index] ?? '') as Record<string, number>;
    expect(Object.keys(snapshot)).to.have.lengthOf(23);
    for (const field of Object.keys(snapshot)) {
      const other = [...lines];
      other[index] = JSON.stringify({ ...snapshot, [field]: (snapshot[field] ?? 0) + 1 });
      expect(replay(other)?.operation, field).to.match(new RegExp(`^${field} of snapshot`));
    }
  });

  it('keeps the table of the compressor from page to page when the trace says so', () => {
    /** Lengths of 40 pages of a small alphabet, as a device stores them. */
    const lengths = (dictionary: 'cleared' | 'kept', wasm: boolean): number[] => {
      const device = new ReplayDevice({ diskPages: 41, memlimit: 0, backing: false, dictionary, wasm });
      const stored: number[] = [];
      for (let slot = 1; slot <= 40; slot++) {
        let state = slot * 7919;
        for (let index = 0; index < PAGE_SIZE; index++) {
          state = (Math.imul(state, 1103515245) + 12345) >>> 0;
          device.bytes[index] = 0x61 + ((state >>> 16) % 6);
        }
        expect(device.request('write', slot * SECTORS_PER_PAGE)).to.equal('ok');
        stored.push(device.storedAt(slot)[2]);
      }
      return stored;
    };
    const kept = lengths('kept', true);
    const cleared = lengths('cleared', true);
    expect(kept).to.deep.equal(lengths('kept', false));
    expect(cleared).to.deep.equal(lengths('cleared', false));
    expect(kept[0]).to.equal(cleared[0]);
    expect(kept).to.not.deep.equal(cleared);
  });

  it('finds the pages in the neighbour folder lzo1x, too', () => {
    rmSync(join(folder, 'ramzswap-dev', 'pages.bin.gz'));
    expect(refusal(selected('01'))).to.match(/damaged: there is no 'pages.bin' beside it/);
    mkdirSync(join(folder, 'lzo1x'));
    writeFileSync(join(folder, 'lzo1x', 'pages.bin'), gunzipSync(readFileSync(PAGES)));
    expect(replay(selected('01'))).to.equal(null);
  });

  it('says what is damaged', () => {
    const good = selected('01');
    const [header = '', ...rest] = good;
    const cases: readonly [lines: readonly string[], message: RegExp][] = [
      [['[]', ...rest], /line 1 is no header/],
      [['{}', ...rest], /line 1 has no 'ops'/],
      [[header.replace('"disk_pages":64', '"disk_pages":1e9'), ...rest], /line 1 has no 'disk_pages'/],
      [[header.replace('"disk_pages":64', '"disk_pages":1'), ...rest], /line 1 is no header/],
      [
        [header.replace('"backing":false', '"backing":true'), ...rest],
        /line 1 has a memory limit below a page/,
      ],
      [[header.replace('"backing":false', '"backing":0'), ...rest], /line 1 is no header/],
      [[header, '{"op":"write","args":[1,1]', ...rest], /line 2 is no JSON/],
      [[header, '{"op":"write","args":[64,1],"result":"lzo"}', ...rest], /line 2 is no operation/],
      [[header, '{"op":"write","args":[1,99999],"result":"lzo"}', ...rest], /line 2 names a page that/],
      [[header, '{"op":"write","args":[1,-2],"result":"lzo"}', ...rest], /line 2 names a page that/],
      [[header, '{"op":"read","args":"x"}', ...rest], /line 2 is no operation/],
      [[header, '{"op":"erase","args":[1]}', ...rest], /line 2 is no operation/],
      [[header, '{"op":"raw_io","args":["erase",0,0,0,0]}', ...rest], /line 2 is no operation/],
      [[header, '{"op":"fail_pages","args":[-1]}', ...rest], /line 2 is no operation/],
      [[header, '{"snap":0,"pages":1}', ...rest], /line 2 has an unknown field 'pages'/],
      [good.slice(0, -1), /its last snapshot is missing/],
      [good.slice(0, 20), /it ends after \d+ of 120 operations/],
      [[...good, '{"op":"read","args":[5],"result":"untouched"}'], /is no operation/],
    ];
    for (const [lines, message] of cases) expect(refusal(lines)).to.match(message);
  });

  it('stops when it is told to', () => {
    writeFileSync(
      file,
      gzipSync(
        selected('03')
          .map((line) => `${line}\n`)
          .join(''),
      ),
    );
    expect(() => replayRamzswapTrace(file, AbortSignal.abort())).to.throw(/abort/i);
  });
});
