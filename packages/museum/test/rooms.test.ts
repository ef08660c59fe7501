/**
 * The rooms: each bug is found within a bounded number of schedules, shows as it should, and is played again from its token in both engines; without
 * it, nothing is found.
 */
import { KEEP_HASHES, parseToken, PORTFOLIO, replayOnce, WATCH_ALL } from '@swaplab/explore';
import { VARIANTS } from '@swaplab/kernel-mm';
import { roomOf, ROOMS } from '@swaplab/museum';
import { DRIVER_VARIANTS } from '@swaplab/ramzswap';
import { expect } from 'chai';
import { ENGINES, failureOf, schedules, withEngine } from './support/scenarios.js';

const SEED = 1;
/** A few times what the slowest room needs on average. */
const SCHEDULES_MOST = 2000;
const FIXED_SCHEDULES = 500;
const REPLAYS = 20;
const LIMIT_MS = 60_000;
const TOKEN_LENGTH_MOST = 200;
const ANY_SEED = Math.floor(Math.random() * 2 ** 32);

describe('the museum', function () {
  this.timeout(LIMIT_MS);

  it('has the rooms of the first visit, each with a name of its own', () => {
    const ids = ROOMS.map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
    expect(ids).to.include.members(['d01', 'd02', 'd03', 'd04', 'd05', 'd13', 'd14', 'd17', 'd28', 'c01']);
    expect(ids.at(-1)).to.equal('canary');
    expect(roomOf('d17')?.title).to.equal('Freed by two');
    expect(roomOf('d99')).to.equal(undefined);
  });

  it('tells a story in each room, and where it is from', () => {
    const variants = [...VARIANTS, ...DRIVER_VARIANTS].map(({ id }) => id);
    for (const { id, story, sources, expects, detector, variants: wrong } of ROOMS) {
      const words = story.join(' ').split(' ').length;
      expect(words, id).to.be.within(80, 200);
      expect(sources, id).to.have.length.greaterThan(0);
      expect(expects, id).to.have.length.greaterThan(0);
      expect(detector, id).to.not.equal('');
      expect(variants).to.include.members([...wrong]);
    }
  });

  for (const room of ROOMS) {
    describe(`room ${room.id}`, () => {
      it(`is found by seed ${SEED}, and by seed ${ANY_SEED}`, async () => {
        for (const seed of [SEED, ANY_SEED]) {
          await withEngine('stepped', room, async ({ engine }) => {
            const job = schedules({ seed, strategy: PORTFOLIO, schedules: SCHEDULES_MOST });
            const { failure } = await engine.run(job);
            expect(failure, `seed ${seed}`).to.not.equal(null);
            expect(room.expects, failure!.sentence).to.include(failure!.kind);
          });
        }
      });

      for (const name of ENGINES) {
        it(`fails ${REPLAYS} times of ${REPLAYS} from its token, in the engine ${name}`, async () => {
          const { scenario, decisions, dropped = [], traceHash } = parseToken(room.token);
          expect(room.token.length).to.be.at.most(TOKEN_LENGTH_MOST);
          await withEngine(name, room, async ({ engine, hash }) => {
            expect(hash).to.equal(scenario);
            const memory = new Set<number>();
            for (let time = 0; time < REPLAYS; time++) {
              const spec = { decisions, dropped };
              const { failure, divergence } = await replayOnce(engine, spec, WATCH_ALL | KEEP_HASHES);
              expect(divergence).to.equal(null);
              expect(failure).to.not.equal(null);
              expect(room.expects, failure!.sentence).to.include(failure!.kind);
              expect(failure!.traceHash >>> 0).to.equal(traceHash);
              memory.add(failure!.memoryHash);
            }
            expect(memory.size).to.equal(1);
          });
        });
      }

      if (room.hasFixedForm) {
        it(`is empty in ${FIXED_SCHEDULES} schedules without the bug`, async () => {
          await withEngine(
            'stepped',
            { scenario: room.scenario, faults: room.faults },
            async ({ engine }) => {
              const job = schedules({ seed: SEED, strategy: PORTFOLIO, schedules: FIXED_SCHEDULES });
              expect(await failureOf(engine, job)).to.equal('');
            },
          );
        });
      }
    });
  }
});
