import { expect } from 'chai';
import fc from 'fast-check';

import { CODEC_NAMES, type Codec, createCodec } from '#src/codec/codec.js';

import { GuardedWindow, PROPERTY_SEEDS, memoryLike } from './inputs.js';

/** Largest input of a property, in bytes. */
const MAX_BYTES = 20_000;

/** Compresses and decompresses on one shared array with guards around each window; gives the stream. */
function roundTrip(codec: Codec, work: Int32Array, input: Uint8Array): Uint8Array {
  const packed = new GuardedWindow(codec.maxCompressedBytes(input.length));
  const packedBytes = codec.compress(
    input,
    0,
    input.length,
    packed.array,
    packed.offset,
    packed.capacity,
    work,
    0,
  );
  expect(packedBytes).to.be.within(0, packed.capacity);
  expect(packed.intact()).to.equal(true);
  const back = new GuardedWindow(input.length);
  const result = codec.decompress(
    packed.array,
    packed.offset,
    packedBytes,
    back.array,
    back.offset,
    back.capacity,
  );
  expect(result).to.equal(input.length);
  expect(Buffer.compare(back.bytes(input.length), input)).to.equal(0);
  expect(back.intact()).to.equal(true);
  return packed.bytes(packedBytes);
}

/** Decodes anything and checks that the answer is well formed and the guards are whole. */
function decodeAnything(codec: Codec, stream: Uint8Array, capacity: number): void {
  const window = new GuardedWindow(capacity);
  // The stream lies at the very end of its array: a read beyond it would give undefined and spoil the output.
  const progress = new Int32Array(1);
  const result = codec.decompressSafe(
    stream,
    0,
    stream.length,
    window.array,
    window.offset,
    capacity,
    progress,
    0,
  );
  expect(result).to.be.within(-8, capacity);
  expect(progress[0]).to.be.within(0, capacity);
  if (result >= 0) {
    expect(progress[0]).to.equal(result);
  }
  expect(window.intact()).to.equal(true);
}

for (const name of CODEC_NAMES) {
  const runs = name === 'deflate' ? 40 : 150;
  describe(`codec ${name}: properties`, () => {
    const codec = createCodec(name);
    const work = new Int32Array(new SharedArrayBuffer(codec.workBytes));
    const input = fc.oneof(memoryLike(MAX_BYTES), fc.uint8Array({ maxLength: MAX_BYTES }));

    for (const seed of PROPERTY_SEEDS) {
      it(`gives back what it was given, inside its windows (seed ${String(seed)})`, () => {
        fc.assert(
          fc.property(input, (bytes) => {
            roundTrip(codec, work, bytes);
          }),
          { seed, numRuns: runs },
        );
      });

      it(`compresses into an output that just fits and refuses one byte less (seed ${String(seed)})`, () => {
        fc.assert(
          fc.property(memoryLike(6000), (bytes) => {
            const stream = roundTrip(codec, work, bytes);
            const exact = new GuardedWindow(stream.length);
            const args = [exact.array, exact.offset] as const;
            expect(codec.compress(bytes, 0, bytes.length, ...args, stream.length, work, 0)).to.equal(
              stream.length,
            );
            expect(Buffer.compare(exact.bytes(stream.length), stream)).to.equal(0);
            expect(exact.intact()).to.equal(true);
            if (stream.length > 0) {
              const tight = new GuardedWindow(stream.length - 1);
              expect(
                codec.compress(bytes, 0, bytes.length, tight.array, tight.offset, tight.capacity, work, 0),
              ).to.equal(-5);
              expect(tight.intact()).to.equal(true);
            }
          }),
          { seed, numRuns: runs },
        );
      });

      it(`survives random bytes as a stream (seed ${String(seed)})`, () => {
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(6000), (stream, capacity) => {
            decodeAnything(codec, stream, capacity);
          }),
          { seed, numRuns: 4 * runs },
        );
      });

      it(`survives streams with changed, cut and added bytes (seed ${String(seed)})`, () => {
        const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
        fc.assert(
          fc.property(
            memoryLike(5000),
            edits,
            fc.nat(20),
            fc.boolean(),
            fc.integer({ min: -5, max: 5 }),
            (bytes, changes, cut, grow, room) => {
              const stream = roundTrip(codec, work, bytes);
              for (const [at, value] of changes) {
                if (stream.length > 0) {
                  stream[at % stream.length] = value;
                }
              }
              const damaged = grow
                ? Uint8Array.from([...stream, ...new Uint8Array(cut)])
                : stream.slice(0, Math.max(0, stream.length - cut));
              decodeAnything(codec, damaged, Math.max(0, bytes.length + room));
            },
          ),
          { seed, numRuns: 2 * runs },
        );
      });
    }
  });
}
