/**
 * The scenarios find nothing on the sound machine: one thread after the other, and under schedules of two strategies. The stepped engine plays them;
 * that the other one does the same is in `equality.test.ts`.
 */
import { readdirSync } from 'node:fs';
import { PCT, RANDOM_WALK, REPLAY, WATCH_ALL } from '@swaplab/explore';
import { ROOMS, SOUND_SCENARIOS } from '@swaplab/museum';
import { expect } from 'chai';
import { failureOf, schedules, withEngine } from './support/scenarios.js';

const SEED = 1;
const SCHEDULES = 150;
const DEPTH = 3;
const ANY_SEED = Math.floor(Math.random() * 2 ** 32);
const LIMIT_MS = 60_000;
const ANY_SCHEDULES = 30;

/** Those that are wrong by themselves. */
const WRONG = ['counting', 'dining'];

describe('the scenarios', function () {
  this.timeout(LIMIT_MS);

  it('are all named: those that must find nothing, and those that are wrong by themselves', () => {
    const folder = new URL('./dist/scenarios/', import.meta.resolve('@swaplab/museum/package.json'));
    const modules = readdirSync(folder)
      .filter((file) => file.endsWith('.js'))
      .map((file) => file.slice(0, -'.js'.length));
    expect([...SOUND_SCENARIOS, ...WRONG]).to.include.members(ROOMS.map(({ scenario }) => scenario));
    expect(modules).to.include.members([...SOUND_SCENARIOS, ...WRONG]);
    for (const name of SOUND_SCENARIOS) expect(WRONG).to.not.include(name);
  });

  for (const scenario of SOUND_SCENARIOS) {
    it(`${scenario} finds nothing in ${2 * SCHEDULES} schedules, and ${ANY_SCHEDULES} of seed ${ANY_SEED}`, async () => {
      await withEngine('stepped', { scenario }, async ({ engine }) => {
        expect(
          await failureOf(engine, schedules({ seed: 0, strategy: REPLAY, schedules: 1, decisions: [] })),
          'one thread after the other',
        ).to.equal('');
        const walks = schedules({ seed: SEED, strategy: RANDOM_WALK, schedules: SCHEDULES });
        expect(await failureOf(engine, walks)).to.equal('');
        const pct = { strategy: PCT, parameter: DEPTH };
        expect(await failureOf(engine, schedules({ ...pct, seed: SEED, schedules: SCHEDULES }))).to.equal('');
        const watched = { ...pct, seed: ANY_SEED, schedules: ANY_SCHEDULES, flags: WATCH_ALL };
        expect(await failureOf(engine, schedules(watched))).to.equal('');
      });
    });
  }
});
