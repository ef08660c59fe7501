import { expect } from 'chai';
import fc from 'fast-check';
import { LZ4, LZO1X_2010, LZO1X_CURRENT, LZO_RLE, type StreamFormat } from '#src/codec/stream-format.js';
import {
  fixtureBytes,
  fixtureLines,
  fromHex,
  memoryLike,
  PAGE_BYTES,
  type StreamLine,
} from '../codec/inputs.js';
import { DecoderTarget } from './decoder-target.js';
import { fuzz, FUZZ_SEEDS, fuzzTimeout } from './effort.js';
import { corpus, Dice, mutate } from './mutations.js';

const FORMATS: readonly StreamFormat[] = [LZO1X_2010, LZO1X_CURRENT, LZO_RLE, LZ4];
const PLACES = ['input', 'output', 'none'] as const;
const ROUNDS = 1500;
/** Decoders and seeds, and the two fuzzers of the driver, share the time of a long run. */
const SHARES = FORMATS.length * FUZZ_SEEDS.length + 2;
/** Streams that are tried again with more damage: those that came farther than most. */
const KEPT_MAX = 400;

/** Streams of recorded pages, and for LZO1X the recorded damaged ones. */
function goodStreams(target: DecoderTarget, format: StreamFormat): Uint8Array[] {
  const pages = fixtureBytes('pages.bin.gz');
  const streams: Uint8Array[] = [];
  for (let at = 0; at + PAGE_BYTES <= pages.length; at += 5 * PAGE_BYTES)
    streams.push(target.compress(pages.slice(at, at + PAGE_BYTES)));
  if (format !== LZ4) {
    for (const line of fixtureLines('decompress-errors.jsonl.gz') as StreamLine[]) {
      const stream = fromHex(line.in);
      if (stream.length < 9000) streams.push(stream);
    }
  }
  return streams;
}

describe('fuzzing the decoders', () => {
  for (const format of FORMATS) {
    it(`${format.name}: what is in the corpus`, () => {
      const target = new DecoderTarget(format);
      const files = corpus(format === LZ4 ? 'lz4' : 'lzo');
      expect(files).to.have.length.of.at.least(5);
      for (const [, stream] of files) {
        for (const place of PLACES)
          for (const capacity of [0, 1, 100, 4096, 20_000]) target.decode(stream, capacity, place);
      }
    });

    for (const seed of FUZZ_SEEDS) {
      it(`${format.name}: damaged recordings (seed ${String(seed)})`, () => {
        const target = new DecoderTarget(format);
        const dice = new Dice(seed);
        const good = goodStreams(target, format);
        const kept: Uint8Array[] = [];
        const seen = new Set<number>();
        const results = new Set<number>();
        fuzz(ROUNDS, SHARES, () => {
          const start = kept.length > 0 && dice.roll(2) === 0 ? dice.pick(kept) : dice.pick(good);
          const stream = mutate(start, dice, good);
          const capacity = dice.pick([
            PAGE_BYTES,
            PAGE_BYTES,
            2 * PAGE_BYTES,
            dice.roll(PAGE_BYTES),
            dice.roll(40),
          ]);
          const { result, count } = target.decode(stream, capacity, dice.pick(PLACES));
          results.add(Math.min(result, 1));
          // How it ended and how far it came: what is new here is worth more damage.
          const mark = Math.min(result, 1) * 65_536 + count;
          if (seen.has(mark)) return;
          seen.add(mark);
          if (kept.length < KEPT_MAX) kept.push(stream);
          else kept[dice.roll(KEPT_MAX)] = stream;
        });
        // A fuzzer that reaches nothing finds nothing.
        expect([...results]).to.include.members(format === LZ4 ? [1, -4, -5, -6] : [1, -4, -5, -6, -7, -8]);
      }).timeout(fuzzTimeout(SHARES));

      it(`${format.name}: any bytes, and good streams in any room (seed ${String(seed)})`, () => {
        const target = new DecoderTarget(format);
        fc.assert(
          fc.property(
            fc.uint8Array({ maxLength: 500 }),
            fc.nat(5000),
            fc.constantFrom(...PLACES),
            (bytes, room, place) => {
              target.decode(bytes, room, place);
            },
          ),
          { seed, numRuns: 400 },
        );
        fc.assert(
          fc.property(memoryLike(6000), fc.nat(20_000), fc.constantFrom(...PLACES), (input, room, place) => {
            const { result, count } = target.decode(target.compress(input), room, place);
            if (room >= input.length) expect(result).to.equal(input.length);
            else expect(result).to.equal(-5);
            expect(count).to.be.at.most(room);
          }),
          { seed, numRuns: 100 },
        );
      }).timeout(60_000);
    }
  }
});
