import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { bundleOrModule, swapperWorkerUrl } from '#src/run/worker-file.js';

describe("the file of a swapper's thread", () => {
  let folder: string;
  let moduleUrl: string;
  let bundleUrl: string;
  let notes: URL[];

  /** Writes a file that was changed so many seconds after some fixed moment. */
  function write(name: string, second: number): URL {
    const path = join(folder, name);
    writeFileSync(path, '');
    utimesSync(path, 1_000_000 + second, 1_000_000 + second);
    return pathToFileURL(path);
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swaplab-worker-file-'));
    moduleUrl = write('worker.js', 10).href;
    bundleUrl = write('worker.bundle.js', 20).href;
    notes = [write('first.tsbuildinfo', 12), write('second.tsbuildinfo', 20)];
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('is the bundle when no build is newer', () => {
    expect(bundleOrModule(moduleUrl, notes)).to.equal(bundleUrl);
  });

  it('is the bundle in a published package, which has no notes about builds', () => {
    expect(bundleOrModule(moduleUrl, [new URL('missing.tsbuildinfo', moduleUrl)])).to.equal(bundleUrl);
  });

  it('is the module when any package was built after the bundle', () => {
    write('second.tsbuildinfo', 21);
    expect(bundleOrModule(moduleUrl, notes)).to.equal(moduleUrl);
  });

  it('is the module when there is no bundle', () => {
    rmSync(join(folder, 'worker.bundle.js'));
    expect(bundleOrModule(moduleUrl, notes)).to.equal(moduleUrl);
  });

  it('is a module that gives the body of the thread, whichever it is', async () => {
    for (const url of new Set([swapperWorkerUrl(true), swapperWorkerUrl(false)])) {
      const body = (await import(url)) as { default: unknown; workerSource: unknown };
      expect(body.default).to.be.a('function');
      expect(body.workerSource).to.equal(url);
    }
    expect(swapperWorkerUrl(false)).not.to.contain('bundle');
  });
});
