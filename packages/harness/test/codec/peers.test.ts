import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createCodec, type Codec, type CodecName } from '@swaplab/ramzswap';
import { COMPILER_DEFAULT, CTwin, startTwin } from '#src/bench/c-twin.js';
import { COMMITTED_SELECTION } from '#src/conformance/golden-files.js';

const PAGE_BYTES = 4096;

/** All recorded pages there are: those of `$SWAPLAB_GOLDEN` when it is set, else the committed selection. */
function recordedPages(): Buffer {
  const folder = process.env['SWAPLAB_GOLDEN'] ?? COMMITTED_SELECTION;
  const file = join(folder, 'lzo1x', 'pages.bin.gz');
  return gunzipSync(
    readFileSync(existsSync(file) ? file : join(COMMITTED_SELECTION, 'lzo1x', 'pages.bin.gz')),
  );
}

interface PeerAnswer {
  readonly result: number;
  readonly hex: string;
}

/** Ours and a library's compressor and decoder, each on what the other made. */
class Peers {
  private readonly peer: CTwin;
  private readonly library: 'lzo' | 'lz4';
  private readonly codec: Codec;
  private readonly work: Int32Array;
  private readonly stream: Uint8Array;
  private readonly back = new Uint8Array(PAGE_BYTES);

  constructor(peer: CTwin, library: 'lzo' | 'lz4', name: CodecName) {
    this.peer = peer;
    this.library = library;
    this.codec = createCodec(name);
    this.work = new Int32Array(this.codec.workBytes / 4);
    this.stream = new Uint8Array(this.codec.maxCompressedBytes(PAGE_BYTES));
  }

  async exchange(page: Buffer, what: string): Promise<void> {
    const { codec, library, stream, work, back } = this;
    const bytes = codec.compress(page, 0, PAGE_BYTES, stream, 0, stream.length, work, 0);
    const ours = Buffer.from(stream.subarray(0, bytes)).toString('hex');
    const read = await this.ask(`decompress ${library} ${String(PAGE_BYTES)} ${ours}`);
    expect(read.result, `${what}: the library reads ours`).to.equal(PAGE_BYTES);
    expect(read.hex === page.toString('hex'), `${what}: the library reads ours`).to.equal(true);
    // Less room than the page needs is refused by both.
    const short = await this.ask(`decompress ${library} ${String(PAGE_BYTES - 1)} ${ours}`);
    expect(short.result, what).to.be.below(0);

    const written = Buffer.from((await this.ask(`compress ${library} ${page.toString('hex')}`)).hex, 'hex');
    expect(codec.decompress(written, 0, written.length, back, 0, PAGE_BYTES), what).to.equal(PAGE_BYTES);
    expect(page.compare(back), `${what}: we read the library's`).to.equal(0);
  }

  private async ask(command: string): Promise<PeerAnswer> {
    return (await this.peer.ask(command, undefined)) as PeerAnswer;
  }
}

describe('codecs and the libraries of others', () => {
  let peer: CTwin | string = 'not started';

  before(async () => {
    peer = await startTwin('codec-peers', [], COMPILER_DEFAULT, undefined);
  });

  after(() => {
    if (peer instanceof CTwin) peer.end();
  });

  const pairs: readonly ['lzo' | 'lz4', CodecName][] = [
    ['lzo', 'lzo1x-2010'],
    ['lzo', 'lzo1x-current'],
    ['lz4', 'lz4'],
  ];
  for (const [library, name] of pairs) {
    it(`lib${library === 'lzo' ? 'lzo2' : 'lz4'} and ${name} read what the other wrote, all recorded pages`, async function () {
      this.timeout(120_000);
      if (!(peer instanceof CTwin)) {
        process.stdout.write(`      skipped: ${peer}\n`);
        return this.skip();
      }
      const pages = recordedPages();
      const peers = new Peers(peer, library, name);
      for (let at = 0; at + PAGE_BYTES <= pages.length; at += PAGE_BYTES) {
        await peers.exchange(pages.subarray(at, at + PAGE_BYTES), `page ${String(at / PAGE_BYTES)}`);
      }
    });
  }
});
