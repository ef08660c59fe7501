/**
 * Files that fio and blkparse write themselves. Skipped where the tool is not there.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'chai';

import { openTrace } from '#src/replay/formats/trace-file.js';

import { replay, TraceFolder } from './support.js';

function has(tool: string, flag: string): boolean {
  const { error, status } = spawnSync(tool, [flag], { stdio: 'ignore' });
  return error === undefined && status === 0;
}

/** An action, and what kind of request it is about. @kernel include/uapi/linux/blktrace_api.h */
const ACTIONS = { Q: [1, 0x10], G: [4, 0x10], D: [7, 0x40], C: [8, 0x80] } as const;
const READ = 0x1;
const WRITE = 0x2;
const FLUSH = 0x4;
const SYNC = 0x8;
const DISCARD = 0x2000 | WRITE;
const MAGIC_AND_VERSION = 0x6561_7407;
const DEVICE = 8 << 20;

interface Event {
  readonly action: keyof typeof ACTIONS;
  readonly kind: number;
  readonly sector: number;
  readonly sectors: number;
  readonly minor?: number;
}

/** Records as the kernel hands them to blktrace, the events a microsecond apart. */
function blktrace(events: readonly Event[]): Buffer {
  const records = events.map(({ action, kind, sector, sectors, minor = 0 }, index) => {
    const [number, category] = ACTIONS[action];
    const record = Buffer.alloc(48);
    record.writeUInt32LE(MAGIC_AND_VERSION, 0);
    record.writeUInt32LE(index + 1, 4);
    record.writeBigUInt64LE(BigInt(1000 * (index + 1)), 8);
    record.writeBigUInt64LE(BigInt(sector), 16);
    record.writeUInt32LE(sectors * 512, 24);
    record.writeUInt32LE((number | ((category | kind) << 16)) >>> 0, 28);
    record.writeUInt32LE(697, 32);
    record.writeUInt32LE(DEVICE | minor, 36);
    return record;
  });
  return Buffer.concat(records);
}

describe('files of other tools', function () {
  this.timeout(60_000);
  const folder = new TraceFolder();
  after(() => folder.remove());

  it('an iolog that fio has written is replayed', async function () {
    if (!has('fio', '--version')) {
      process.stdout.write('      skipped: there is no fio (Debian: apt-get install fio)\n');
      return this.skip();
    }
    const log = join(folder.path, 'write.iolog');
    const disk = join(folder.path, 'a disk');
    execFileSync(
      'fio',
      [
        '--name=job',
        '--ioengine=sync',
        '--rw=randrw',
        '--bs=4k',
        '--size=256k',
        '--randseed=1',
        '--fsync=8',
        `--filename=${disk}`,
        `--write_iolog=${log}`,
        '--output=/dev/null',
      ],
      { timeout: 30_000, cwd: folder.path },
    );
    const lines = readFileSync(log, 'utf8').split('\n');
    expect(lines[0]).to.match(/^fio version [23] iolog$/);
    const [writes, reads] = ['write', 'read'].map(
      (action) => lines.filter((line) => line.includes(` ${action} `)).length,
    );
    expect(writes! + reads!).to.equal(64);
    for (const slots of ['ours', 'recorded'] as const) {
      const { policies, trace } = await replay(log, { slots, policies: ['none', 'notify'] });
      expect(trace).to.include({
        format: 'fio',
        device: disk,
        written: writes,
        unaligned: 0,
        otherDevices: 0,
      });
      for (const { counts, reports, final } of policies) {
        expect(reports).to.deep.equal([]);
        expect(counts.writes).to.equal(writes);
        expect(counts.reads + counts.skippedReads).to.equal(reads);
        expect(final.live).to.equal(trace?.distinct);
      }
    }
  });

  it('the text that blkparse prints of a recording is replayed', async function () {
    if (!has('blkparse', '-V')) {
      process.stdout.write('      skipped: there is no blkparse (Debian: apt-get install blktrace)\n');
      return this.skip();
    }
    const request = (kind: number, sector: number, sectors: number): Event[] =>
      (['Q', 'G', 'D', 'C'] as const).map((action) => ({ action, kind, sector, sectors }));
    const events = [
      ...request(WRITE | SYNC, 80, 8),
      ...request(WRITE, 88, 32),
      ...request(READ, 80, 16),
      ...request(DISCARD, 88, 16),
      { action: 'Q', kind: WRITE | FLUSH, sector: 0, sectors: 0 },
      ...request(WRITE, 81, 2),
      { action: 'Q', kind: WRITE, sector: 8, sectors: 8, minor: 16 },
    ] as const satisfies readonly Event[];
    folder.write('sda.blktrace.0', blktrace(events));
    const text = execFileSync('blkparse', ['-i', 'sda'], {
      cwd: folder.path,
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(text).to.match(/^CPU0 \(sda\):/m);
    const file = folder.write('sda.txt.gz', text);
    const trace = await openTrace(file, { format: null, device: null }, undefined);
    const rows: string[] = [];
    await trace.forEachRow(undefined, ({ op, slot, n }) => rows.push(`${op}${String(slot)}+${String(n)}`));
    expect(rows).to.deep.equal(['W10+1', 'W11+4', 'R10+2', 'D11+2', 'W10+1']);
    const { policies, trace: facts } = await replay(file, { policies: ['notify'] });
    expect(facts).to.include({ format: 'blkparse', device: '8,0', unaligned: 1, otherDevices: 1 });
    expect(policies[0]!.counts).to.include({ writes: 6, rewrites: 1, reads: 2, frees: 2 });
    expect(policies[0]!.final).to.include({ live: 3, stored: 3 });
  });
});
