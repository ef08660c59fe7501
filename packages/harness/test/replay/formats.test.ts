import { readFileSync, writeFileSync } from 'node:fs';

import { expect } from 'chai';

import { EnvironmentError, UsageError } from '#src/errors.js';
import { forEachLine } from '#src/replay/formats/lines.js';
import { openTrace, type TraceFile } from '#src/replay/formats/trace-file.js';
import type { TraceFormat } from '#src/replay/formats/row.js';

import { TraceFolder } from './support.js';

const AUTO = { format: null, device: null } as const;

describe('traces in their formats', () => {
  const folder = new TraceFolder();
  after(() => folder.remove());

  const open = (
    path: string,
    format: TraceFormat | null = null,
    device: string | null = null,
  ): Promise<TraceFile> => openTrace(path, { format, device }, undefined);

  /** Rows as short text, and what was odd. */
  async function rowsOf(trace: TraceFile): Promise<{ rows: string[]; odd: Record<string, number> }> {
    const rows: string[] = [];
    const odd = await trace.forEachRow(undefined, ({ tUs, op, slot, n, unmap }) => {
      rows.push(`${String(tUs)} ${op}${String(slot)}+${String(n)}${unmap ? ' u' : ''}`);
    });
    return { rows, odd: { ...odd } };
  }

  async function failureOf(work: Promise<unknown>): Promise<Error & { exitCode?: number }> {
    try {
      await work;
    } catch (error) {
      return error as Error;
    }
    throw new Error('nothing was wrong');
  }

  describe('lines', () => {
    it('come with their numbers, whatever their ends are and however they are compressed', async () => {
      const text = 'one\r\n\ntwo\nlong ' + 'x'.repeat(50_000) + '\nlast';
      for (const name of ['lines.txt', 'lines.txt.gz', 'looks-plain']) {
        const path = folder.write(name, text);
        const seen: [number, number][] = [];
        await forEachLine(path, undefined, (line, number) => {
          seen.push([number, line.length]);
          return true;
        });
        expect(seen, name).to.deep.equal([
          [1, 3],
          [2, 0],
          [3, 3],
          [4, 50_005],
          [5, 4],
        ]);
      }
    });

    it('of more than one piece are the same as of one, and letters are never cut in two', async () => {
      const lines = Array.from(
        { length: 30_000 },
        (_, index) => `${String(index)} ä${'ö'.repeat(index % 7)}`,
      );
      const path = folder.write('many.txt.gz', lines.join('\n'));
      const seen: string[] = [];
      await forEachLine(path, undefined, (line) => {
        seen.push(line);
        return true;
      });
      expect(seen).to.deep.equal(lines);
    });

    it('end where the visitor has seen enough, and where the signal says so', async () => {
      const path = folder.write('stop.txt', 'a\nb\nc\n'.repeat(50_000));
      let seen = 0;
      await forEachLine(path, undefined, () => ++seen < 2);
      expect(seen).to.equal(2);
      const abort = new AbortController();
      const failure = await failureOf(
        forEachLine(path, abort.signal, () => {
          abort.abort(new Error('enough'));
          return true;
        }),
      );
      expect(failure.message).to.equal('enough');
    });

    it('that have no end are refused before they fill the memory', async () => {
      const path = folder.write('endless.gz', 'x'.repeat(1 << 20));
      const { message } = await failureOf(forEachLine(path, undefined, () => true));
      expect(message).to.match(/endless\.gz:1: a line of more than 65536 characters/);
    });

    it('of a file that was cut short end with its name, a line and the reason', async () => {
      const whole = folder.write('whole.csv.gz', `t_us,op,slot\n${'1,W,77\n2,F,77\n'.repeat(30_000)}`);
      const bytes = readFileSync(whole);
      const cut = folder.write('cut', '');
      writeFileSync(cut, bytes.subarray(0, bytes.length - 9));
      const failure = await failureOf(rowsOf(await open(cut)));
      expect(failure).to.be.instanceOf(EnvironmentError);
      expect(failure.message).to.match(/cut:\d+: the file cannot be decompressed from here on/);
    });

    it('of something that is no file are refused', async () => {
      expect((await failureOf(open(folder.path))).message).to.match(/is no regular file/);
      const missing = await failureOf(open(`${folder.path}/missing`));
      expect(missing).to.be.instanceOf(EnvironmentError);
      expect(missing.message).to.match(/missing cannot be read: there is no such file/);
    });
  });

  describe('columns', () => {
    it('may come in any order, with others between them; n is 1 where nothing is said', async () => {
      const path = folder.write(
        'order.csv',
        '\uFEFFslot,why,extra,op,n,t_us\n5,,x,W,,0\n5,,x,R,1,10\r\n\n5,x,x,F,3,10.5\n9,u,x,F,2,20\n',
      );
      const trace = await open(path);
      expect(trace.format).to.equal('csv');
      expect((await rowsOf(trace)).rows).to.deep.equal(['0 W5+1', '10 R5+1', '10.5 F5+3', '20 F9+2 u']);
      const bare = folder.write('bare.csv', 't_us,op,slot\n-3,D,0\n');
      expect((await rowsOf(await open(bare))).rows).to.deep.equal(['-3 D0+1']);
    });

    it('can be read twice, with the same rows', async () => {
      const trace = await open(folder.csv('twice.csv.gz', ['W 1', 'F 1 1 d']));
      expect(await rowsOf(trace)).to.deep.equal(await rowsOf(trace));
    });

    const bad: readonly (readonly [string, RegExp])[] = [
      ['t_us,op,slot\n1,W\n', /:2: 2 columns where the header has 3/],
      ['t_us,op,slot\n1,w,3\n', /:2: op "w" is not known; allowed: W, R, F, D/],
      ['t_us,op,slot\n1,W,3\n1,W,-3\n', /:3: slot "-3" is not a whole number/],
      ['t_us,op,slot\n1,W,0x3\n', /:2: slot "0x3" is not a whole number/],
      ['t_us,op,slot\n1,W,9999999999999\n', /:2: slot "9999999999999" is not a whole number from 0 to/],
      ['t_us,op,slot,n\n1,F,1099511627775,2\n', /:2: slots up to 1099511627776: no device is so large/],
      ['t_us,op,slot,n\n1,F,3,0\n', /:2: n "0" is not a whole number from 1/],
      ['t_us,op,slot\nsoon,W,3\n', /:2: t_us "soon" is not a number of microseconds/],
      ['t_us,op,slot\n,W,3\n', /:2: t_us "" is not a number of microseconds/],
    ];
    for (const [text, message] of bad) {
      it(`that are wrong are refused with file and line: ${JSON.stringify(text)}`, async () => {
        const failure = await failureOf(rowsOf(await open(folder.write('bad.csv', text))));
        expect(failure).to.be.instanceOf(EnvironmentError);
        expect(failure.message)
          .to.match(/bad\.csv:\d+: /)
          .and.to.match(message);
      });
    }

    it('without one that is needed are refused when the format is given', async () => {
      const path = folder.write('no-slot.csv', 't_us,op\n1,W\n');
      const failure = await failureOf(rowsOf(await open(path, 'csv')));
      expect(failure.message).to.match(/:1: the header "t_us,op" has no column slot/);
    });

    it('have one device only', async () => {
      const failure = await failureOf(open(folder.csv('one.csv', ['W 1']), null, '8,0'));
      expect(failure).to.be.instanceOf(UsageError);
    });
  });

  const BLKPARSE = `  8,0    0        1     0.000000000   697  Q  WS 80 + 8 [kswapd0]
  8,0    0        2     0.000001500   697  G  WS 80 + 8 [kswapd0]
  8,0    0        3     0.000003000   697  P   N [kswapd0]
  8,0    0        4     0.000004000   697  U   N [kswapd0] 1
  8,0    0        5     0.000005000   697  D  WS 80 + 8 [kswapd0]
  8,0    0        6     0.000006000     0  C  WS 80 + 8 [0]
  8,16   1        1     0.000007000   700  Q   R 160 + 16 [a name + 8 with blanks]
  8,0    1        2     0.000008000   700  Q  RA 164 + 16 [cat]
  8,0    1        3     0.000009000   700  Q   D 800 + 24 [fstrim]
  8,0    1        4     0.000010000   700  Q  FW [sync]
  8,0    1        5     1.000010000   700  Q FWFS 96 + 8 [sync]
  8,0    1        0     1.000011000     0  m   N cfq697 hello + 8 [x]
  8,0    1        6     1.000012000   700  A   W 100 + 8 <- (8,1) 37
  8,0    1        7     1.000013000   700  X   W 100 / 104 [dd]
CPU0 (sda):
 Reads Queued:           1,        8KiB	 Writes Queued:           4,       17KiB

Total (sda):
 Reads Queued:           1,        8KiB
Events (sda): 21 entries
Skips: 0 forward (0 -   0.0%)
`;

  describe('the text of blkparse', () => {
    it('gives the queued requests of the first device, rounded outwards to slots, and skips the rest', async () => {
      const trace = await open(folder.write('sda.txt', BLKPARSE));
      expect([trace.format, trace.device]).to.deep.equal(['blkparse', '8,0']);
      const { rows, odd } = await rowsOf(trace);
      expect(rows).to.deep.equal(['0 W10+1', '8 R20+3', '9 D100+3', '1000010 W12+1']);
      expect(odd).to.deep.equal({ otherDevices: 1, unaligned: 1 });
    });

    it('gives those of another device when asked, and says which there are', async () => {
      const path = folder.write('devices.txt.gz', BLKPARSE);
      expect((await rowsOf(await open(path, null, '8,16'))).rows).to.deep.equal(['7 R20+2']);
      const failure = await failureOf(open(path, null, '7,0'));
      expect(failure).to.be.instanceOf(UsageError);
      expect(failure.message).to.match(/device 7,0 is not in .*; it has the devices 8,0, 8,16/);
    });

    it('gives issued or completed requests where none is queued', async () => {
      const withoutQueued = BLKPARSE.split('\n').filter((line) => !/ {2}Q /.test(line));
      const issued = folder.write('issued.txt', withoutQueued.join('\n'));
      expect((await rowsOf(await open(issued))).rows).to.deep.equal(['5 W10+1']);
      const completed = folder.write(
        'completed.txt',
        withoutQueued.filter((line) => !/ {2}D {2}WS/.test(line)).join('\n'),
      );
      expect((await rowsOf(await open(completed))).rows).to.deep.equal(['6 W10+1']);
    });

    it('with a line that is none of it is refused with its number', async () => {
      const lines = BLKPARSE.split('\n');
      lines.splice(2, 0, 'what is this?');
      const failure = await failureOf(open(folder.write('odd.txt', lines.join('\n'))));
      expect(failure).to.be.instanceOf(EnvironmentError);
      expect(failure.message).to.match(/odd\.txt:3: "what is this\?" is no line of blkparse's default text/);
    });

    it('without any request is refused', async () => {
      const path = folder.write('idle.txt', '  8,0    0        3     0.000003000   697  P   N [kswapd0]\n');
      expect((await failureOf(open(path))).message).to.match(/has no read, write or discard/);
    });
  });

  describe('iologs of fio', () => {
    it('of version 2 have times where they wait', async () => {
      const path = folder.write(
        'v2.log',
        'fio version 2 iolog\n/dev/a b add\n/dev/a b open\n/dev/a b write 0 8192\n/dev/a b wait 250 0\n/dev/c add\n/dev/c write 0 4096\n' +
          '/dev/a b sync\n/dev/a b datasync 0 0\n/dev/a b read 4096 100\n/dev/a b wait 50\n/dev/a b trim 0 8192\n/dev/a b write 0 0\n/dev/a b close\n',
      );
      const trace = await open(path);
      expect([trace.format, trace.device]).to.deep.equal(['fio', '/dev/a b']);
      const { rows, odd } = await rowsOf(trace);
      expect(rows).to.deep.equal(['0 W0+2', '250 R1+1', '300 D0+2']);
      expect(odd).to.deep.equal({ otherDevices: 1, unaligned: 1 });
      expect((await rowsOf(await open(path, null, '/dev/c'))).rows).to.deep.equal(['250 W0+1']);
    });

    it('of version 3 have a time on each line', async () => {
      const path = folder.write(
        'v3.log.gz',
        'fio version 3 iolog\n12 /tmp/x add\n13 /tmp/x open\n20 /tmp/x write 4096 4096\n31 /tmp/x trim 4096 4096\n40 /tmp/x close\n',
      );
      expect((await rowsOf(await open(path))).rows).to.deep.equal(['20 W1+1', '31 D1+1']);
    });

    const bad: readonly (readonly [string, RegExp])[] = [
      [
        'fio version 1 iolog\n',
        /:1: .* is not the first line of an iolog; allowed: fio version 2 iolog, fio/,
      ],
      ['fio version 3 iolog\n/tmp/x write 0 4096\n', /:2: .* has no time before it/],
      ['fio version 3 iolog\n1 /tmp/x wait 100 0\n', /:2: .*there is no wait in version 3/],
      ['fio version 2 iolog\n/tmp/x scribble 0 4096\n', /:2: .* is no line of an iolog of version 2/],
      ['fio version 2 iolog\n/tmp/x write 999999999999999 4096\n/tmp/x write 9999999999999999 1\n', /:3: /],
    ];
    for (const [text, message] of bad) {
      it(`that are wrong are refused with file and line: ${JSON.stringify(text)}`, async () => {
        const failure = await failureOf(open(folder.write('bad.log', text)));
        expect(failure).to.be.instanceOf(EnvironmentError);
        expect(failure.message).to.match(message);
      });
    }
  });

  it('that are something else are refused, with what they begin with', async () => {
    const page = folder.write('page.html', '\n<!doctype html>\n');
    expect((await failureOf(openTrace(page, AUTO, undefined))).message).to.match(
      /page\.html:2: "<!doctype html>" is the beginning of no trace that is known; allowed: csv, blkparse, fio/,
    );
    const bytes = folder.write('bytes', new Uint8Array(4000).fill(7));
    expect((await failureOf(openTrace(bytes, AUTO, undefined))).message).to.match(
      /is the beginning of no trace/,
    );
    const empty = folder.write('empty.csv', '\n\n');
    expect((await failureOf(openTrace(empty, AUTO, undefined))).message).to.match(/is empty/);
  });
});
