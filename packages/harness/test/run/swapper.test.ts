/**
 * The check of contents: what is broken on purpose between two steps of a swapper must be found by its reads, and nothing else may be.
 */
import { expect } from 'chai';

import { RUN_CODECS } from '#src/run/options.js';
import { RunControl, RunStopped } from '#src/swappers/control.js';
import { SoloRun } from './support.js';

/** In the phase that reads; most pages are swapped out then, and are read back later. */
const WHILE_READING = 3;

describe('the check of page contents', () => {
  for (const codec of RUN_CODECS) {
    it(`finds nothing in a sound run with the codec ${codec}`, () => {
      const run = new SoloRun({ codec });
      run.runToCheckpoint(20);
      const end = run.finish();
      expect(run.swapper.integrityReports).to.deep.equal([]);
      expect(run.swapper.integrityErrors).to.equal(0);
      expect(run.swapper.ops).to.equal(1500);
      expect(end.broken).to.deep.equal([]);
      expect(end.drift).to.deep.equal([]);
    });

    it(`sees one changed byte in each stored page, with the codec ${codec}`, () => {
      const run = new SoloRun({ codec });
      run.runToCheckpoint(WHILE_READING);
      const { cells } = run.kernel.core;
      const entries = run.storedEntries();
      expect(entries).to.not.be.empty;
      for (const entry of entries) {
        const offset = cells.ld16(entry + 4);
        cells.arena.u8[run.frames.addressOf(cells.ldu32(entry)) + offset + 8]! ^= 0x55;
      }
      run.runToEnd();
      expect(run.swapper.integrityErrors).to.be.greaterThan(0);
      expect(run.swapper.integrityReports[0]).to.match(
        /^swapper 0: (page \d+ of process 0, version \d+: found |read: EIO)/,
      );
    });
  }

  it('counts a page that the device cannot read any more, and says which call failed', () => {
    const run = new SoloRun({ codec: 'lzo1x-2010' });
    run.runToCheckpoint(WHILE_READING);
    const { cells } = run.kernel.core;
    for (const entry of run.storedEntries()) {
      const start = run.frames.addressOf(cells.ldu32(entry)) + cells.ld16(entry + 4);
      // No stream begins with 16 zeros; a page that is stored as it is only gets other contents.
      cells.arena.u8.fill(0, start, start + 16);
    }
    run.runToEnd();
    expect(run.device.readStats().failedReads).to.be.greaterThan(0);
    expect(run.swapper.integrityErrors).to.be.at.least(run.device.readStats().failedReads);
    expect(run.swapper.integrityReports.join('\n')).to.match(
      /^swapper 0: (read|write): EIO: 4096 bytes at \d+/m,
    );
  });

  it('sees pages that have changed places, though each of them is whole', () => {
    const run = new SoloRun({ codec: 'none' });
    run.runToCheckpoint(WHILE_READING);
    const { i32 } = run.kernel.core.cells.arena;
    const entries = run.storedEntries();
    for (let index = 0; index + 1 < entries.length; index += 2) {
      const [one, other] = [(entries[index] ?? 0) >> 2, (entries[index + 1] ?? 0) >> 2];
      [i32[one], i32[other]] = [i32[other] ?? 0, i32[one] ?? 0];
    }
    run.runToEnd();
    expect(run.swapper.integrityErrors).to.be.greaterThan(0);
    expect(run.swapper.integrityReports.join('\n')).to.match(
      /page \d+ of process 0, version \d+: found page \d+ of process 0, version \d+, in its place/,
    );
  });

  it('sees pages that the device has lost', () => {
    const run = new SoloRun({ codec: 'none' });
    run.runToCheckpoint(WHILE_READING);
    for (const entry of run.storedEntries()) run.kernel.core.cells.arena.u8.fill(0, entry, entry + 8);
    run.runToEnd();
    expect(run.swapper.integrityErrors).to.be.greaterThan(0);
  });

  it('sees a page in memory that changed without being written', () => {
    const run = new SoloRun({ codec: 'none' });
    run.runToCheckpoint(WHILE_READING);
    const { spaces } = run.kernel.vm;
    const [mm = 0] = spaces.list();
    let changed = 0;
    for (let page = 0; page < spaces.pagesOf(mm); page++) {
      const pte = spaces.pte(mm, page);
      if (pte === 0 || (pte & 1) === 0) continue;
      run.kernel.core.cells.arena.u8[run.frames.addressOf(spaces.pageOf(pte)) + 4095]! ^= 1;
      changed++;
    }
    expect(changed).to.be.greaterThan(0);
    run.runToEnd();
    expect(run.swapper.integrityErrors).to.be.greaterThan(0);
    expect(run.swapper.integrityReports[0]).to.match(
      /its own stamp, but 1 of 4096 bytes differ, the first at 4095/,
    );
  });

  it('counts all errors and keeps only the first ones in words', () => {
    const run = new SoloRun({ codec: 'none' });
    run.runToCheckpoint(WHILE_READING);
    const { cells } = run.kernel.core;
    for (const entry of run.storedEntries()) {
      cells.arena.u8[run.frames.addressOf(cells.ldu32(entry)) + 100]! ^= 1;
    }
    run.runToEnd();
    expect(run.swapper.integrityErrors).to.be.greaterThan(10);
    expect(run.swapper.integrityReports).to.have.length(10);
  });
});

describe('a swapper whose process is ended for lack of memory', () => {
  it('goes on with a new process to its last step, and nothing is read wrong or left behind', () => {
    // Incompressible pages, twice as many as there is memory for.
    const run = new SoloRun({
      policies: ['notify'],
      codec: 'none',
      ops: 9000,
      pages: 'synthetic:ratio=1,zero=0,same=0',
      mapped: 8 << 20,
      limit: 1 << 20,
      ram: (1 << 20) + 576 * 4096,
    });
    run.runToCheckpoint(20);
    const end = run.finish();
    expect(run.kernel.vm.events.sums().kills).to.be.greaterThan(0);
    expect(run.swapper.ops).to.equal(9000);
    expect(run.swapper.integrityReports).to.deep.equal([]);
    expect(end.broken).to.deep.equal([]);
    expect(end.drift).to.deep.equal([]);
    expect(end.final).to.deep.equal({ live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 });
  });
});

describe('what the swappers share', () => {
  it('lets nobody pass a barrier before all are there, and nobody wait when the run is stopped', () => {
    const alone = new RunControl(1, 1);
    alone.barrier(0);
    alone.barrier(0);
    const two = new RunControl(2, 1);
    two.stop();
    expect(() => {
      two.barrier(1);
    }).to.throw(RunStopped);
    two.setOpsDone(0, 77);
    expect(two.describe().split('\n')).to.deep.equal([
      '  swapper 0: workload steps done: 77, checkpoints passed: 0',
      '  swapper 1: workload steps done: 0, checkpoints passed: 0; waits for the others to come to the next',
    ]);
    expect(() => {
      two.check();
    }).to.throw(RunStopped);
  });

  it('stops a swapper between two steps', () => {
    const run = new SoloRun();
    run.runToCheckpoint(1);
    const done = run.swapper.ops;
    run.control.stop();
    expect(() => {
      run.runToEnd();
    }).to.throw(RunStopped);
    expect(run.swapper.ops).to.equal(done);
  });
});
