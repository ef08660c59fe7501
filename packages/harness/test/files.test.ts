import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { EnvironmentError } from '#src/errors.js';
import { assertFileWritable, writeFileAtomically } from '#src/files.js';

const REPORT = { what: 'the report' } as const;

describe('a file that is written whole or not at all', () => {
  let folder = '';
  const path = (name: string): string => join(folder, name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-atomic-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('has the text or the bytes that were given, also those of shared memory, and nothing is beside it', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(3));
    shared.set([1, 2, 3]);
    writeFileAtomically(path('text'), 'Zürich\n', REPORT);
    writeFileAtomically(path('bytes'), shared, REPORT);
    writeFileAtomically(path('empty'), '', REPORT);
    expect(readFileSync(path('text'), 'utf8')).to.equal('Zürich\n');
    expect([...readFileSync(path('bytes'))]).to.deep.equal([1, 2, 3]);
    expect(statSync(path('empty')).size).to.equal(0);
    expect(readdirSync(folder).sort()).to.deep.equal(['bytes', 'empty', 'text']);
  });

  it('takes the place of the one that was there, behind a link too, with the permissions asked for', function () {
    if (process.platform === 'win32') this.skip();
    writeFileSync(path('old'), 'old', { mode: 0o644 });
    symlinkSync('old', path('link'));
    writeFileAtomically(path('link'), 'new', { ...REPORT, mode: 0o600 });
    expect(readlinkSync(path('link'))).to.equal('old');
    expect(readFileSync(path('old'), 'utf8')).to.equal('new');
    expect(statSync(path('old')).mode & 0o777).to.equal(0o600);
  });

  const impossible: readonly (readonly [string, string, RegExp])[] = [
    ['in a folder that is not there', 'missing/file', /no such file or directory \(ENOENT\)$/],
    ['where a directory is', 'folder', /it is a directory \(EISDIR\)$/],
    ['below a file', 'file/file', /(ENOTDIR|ENOENT)\)$/],
    ['under a name that is too long', 'x'.repeat(300), /its name is too long \(ENAMETOOLONG\)$/],
  ];
  for (const [where, name, reason] of impossible) {
    it(`is not written ${where}, and nothing is left`, function () {
      if (process.platform === 'win32') this.skip();
      mkdirSync(path('folder'));
      writeFileSync(path('file'), 'kept');
      for (const attempt of [
        () => {
          writeFileAtomically(path(name), 'x', REPORT);
        },
        () => {
          assertFileWritable(path(name), REPORT);
        },
      ]) {
        expect(attempt)
          .to.throw(EnvironmentError, reason)
          .with.property('message')
          .that.contains(`the report cannot be written to ${path(name)}: `);
      }
      expect(readdirSync(folder).sort()).to.deep.equal(['file', 'folder']);
      expect(readdirSync(path('folder'))).to.deep.equal([]);
      expect(readFileSync(path('file'), 'utf8')).to.equal('kept');
    });
  }

  it('leaves what was there, and no part of the new one, when the disk is full', function () {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) this.skip();
    const disk = path('disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      // Not in every container may root mount something.
      this.skip();
    }
    try {
      writeFileSync(join(disk, 'file'), 'old');
      expect(() => {
        writeFileAtomically(join(disk, 'file'), Buffer.alloc(1 << 20, 1), REPORT);
      }).to.throw(EnvironmentError, /there is no space left on the device \(ENOSPC\)$/);
      expect(readdirSync(disk)).to.deep.equal(['file']);
      expect(readFileSync(join(disk, 'file'), 'utf8')).to.equal('old');
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it('is written into a device, which stays one', function () {
    if (process.platform !== 'linux') this.skip();
    writeFileAtomically('/dev/null', 'x', REPORT);
    expect(() => {
      writeFileAtomically('/dev/full', 'x', REPORT);
    }).to.throw(EnvironmentError, 'the report cannot be written to /dev/full: there is no space left');
    expect(statSync('/dev/null').isCharacterDevice()).to.equal(true);
    expect(statSync('/dev/full').isCharacterDevice()).to.equal(true);
  });

  it('can be tried beforehand without a trace', () => {
    assertFileWritable(path('new'), REPORT);
    writeFileSync(path('old'), 'old');
    assertFileWritable(path('old'), REPORT);
    expect(readdirSync(folder)).to.deep.equal(['old']);
    expect(readFileSync(path('old'), 'utf8')).to.equal('old');
  });
});
