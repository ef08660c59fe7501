import { expect } from 'chai';

import { createCodec } from '#src/codec/codec.js';

import {
  type BlockLine,
  GuardedWindow,
  PAGE_BYTES,
  type StreamLine,
  type VectorLine,
  fixtureBytes,
  fixtureLines,
  fromHex,
  sha256,
} from './inputs.js';

const codec = createCodec('lzo1x-2010');

/** Compresses with a work area that is never cleared between calls, decodes again and gives `[length, hash]`. */
function makeRecorder(): (input: Uint8Array) => [number, string] {
  const work = new Int32Array(new SharedArrayBuffer(codec.workBytes));
  return (input) => {
    const window = new GuardedWindow(codec.maxCompressedBytes(input.length));
    const result = codec.compress(
      input,
      0,
      input.length,
      window.array,
      window.offset,
      window.capacity,
      work,
      0,
    );
    expect(window.intact()).to.equal(true);
    const back = new GuardedWindow(input.length);
    expect(
      codec.decompress(window.array, window.offset, result, back.array, back.offset, back.capacity),
    ).to.equal(input.length);
    expect(back.intact()).to.equal(true);
    expect(Buffer.compare(back.bytes(input.length), input)).to.equal(0);
    return [result, sha256(window.bytes(result))];
  };
}

describe('lzo1x-2010: recorded data of the original', () => {
  it('every page becomes the recorded stream and comes back', () => {
    const pages = fixtureBytes('pages.bin.gz');
    const lines = fixtureLines('vectors.jsonl.gz') as VectorLine[];
    expect(lines.length).to.equal(62);
    expect(pages.length).to.equal(lines.length * PAGE_BYTES);
    const record = makeRecorder();
    for (const { i, group, clen, csha256 } of lines) {
      const page = pages.slice(i * PAGE_BYTES, (i + 1) * PAGE_BYTES);
      expect(record(page), `page ${String(i)}, ${group}`).to.deep.equal([clen, csha256]);
    }
  });

  it('every block of 0 to 300 bytes becomes the recorded stream and comes back', () => {
    const blocks = fixtureBytes('blocks.bin.gz');
    const lines = fixtureLines('blocks.jsonl.gz') as BlockLine[];
    expect(lines.length).to.equal(56);
    const record = makeRecorder();
    for (const { i, off, len, clen, csha256 } of lines) {
      expect(record(blocks.slice(off, off + len)), `block ${String(i)}, ${String(len)} bytes`).to.deep.equal([
        clen,
        csha256,
      ]);
    }
  });

  it('every damaged stream gives the recorded result, count and bytes', () => {
    const lines = fixtureLines('decompress-errors.jsonl.gz') as StreamLine[];
    expect(lines.length).to.equal(96);
    const progress = new Int32Array(3);
    for (const line of lines) {
      const stream = fromHex(line.in);
      const window = new GuardedWindow(line.max_out);
      progress.fill(-77);
      const result = codec.decompressSafe(
        stream,
        0,
        stream.length,
        window.array,
        window.offset,
        window.capacity,
        progress,
        1,
      );
      const what = `stream ${String(line.i)}`;
      expect([...progress], what).to.deep.equal([-77, line.out_len, -77]);
      expect(result, what).to.equal(line.ret === 0 ? line.out_len : line.ret);
      expect(sha256(window.bytes(line.out_len)), what).to.equal(line.out_sha256);
      expect(window.intact(), what).to.equal(true);
    }
  });
});
