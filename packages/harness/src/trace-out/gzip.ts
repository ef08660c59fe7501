/**
 * Compressing a file piece by piece, without ever waiting: one gzip member, made of pieces that are deflated each for itself.
 *
 * The streams of `node:zlib` give their output later, from another thread: what a command holds in hand when it is interrupted would be lost.
 * Here each call gives its bytes at once. Each piece ends on a byte border and knows nothing of the one before, which costs a percent or so
 * where the pieces are some 100 KB and more.
 */
import { constants, crc32, deflateRawSync } from 'node:zlib';

/** Speed before size: the text of a trace shrinks to a tenth all the same. */
const LEVEL = 1;

/** Magic number, deflate, no flags, no time, no extra flags, made on any system. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
/** A last block, with nothing in it. */
const LAST_BLOCK = Uint8Array.of(3, 0);

/** Makes one gzip file of what it is given. */
export class GzipPieces {
  readonly #write: (bytes: Uint8Array) => void;
  #crc = 0;
  #bytes = 0;
  #begun = false;

  /** @param write - takes the compressed bytes */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** Takes the next bytes, the more the better: each call makes a piece of its own. */
  push(bytes: Uint8Array): void {
    if (!this.#begun) this.#write(HEADER);
    this.#begun = true;
    this.#crc = crc32(bytes, this.#crc);
    this.#bytes += bytes.length;
    this.#write(deflateRawSync(bytes, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH }));
  }

  /** Ends the file; nothing can be pushed any more. At least one piece was. */
  end(): void {
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#bytes % 2 ** 32, 4);
    this.#write(LAST_BLOCK);
    this.#write(trailer);
  }
}
