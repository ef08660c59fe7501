import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

const BUILD = fileURLToPath(new URL('../../../../tools/wasm/build.mjs', import.meta.url));

describe('the committed WASM modules', () => {
  // Where the compiler is installed (npm run wasm), this also rebuilds them and compares every byte.
  it('were built from the sources as they are', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [BUILD, '--check'], { timeout: 60_000 });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.split(':')[0])).to.deep.equal([
      'packages/kernel-mm/src/arena/page-bytes-wasm.ts',
      'packages/kernel-mm/src/swap/shared-slots-wasm.ts',
      'packages/ramzswap/src/codec/lzo1x-wasm-builds.ts',
      'packages/ramzswap/src/codec/lzo1x-current-wasm-builds.ts',
      'packages/ramzswap/src/codec/lzo-rle-wasm-builds.ts',
      'packages/ramzswap/src/codec/lz4-wasm-builds.ts',
      'packages/ramzswap/src/xvmalloc/xvmalloc-wasm-builds.ts',
    ]);
  }).timeout(70_000);
});
