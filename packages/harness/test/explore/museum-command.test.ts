/**
 * `swaplab museum` as a process of its own: the list, a room with its story, and all rooms.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOMS } from '@swaplab/museum';
import { expect } from 'chai';

import { randomSeed, swaplab } from '../run/support.js';
import { replayed, visited, withFolder } from './support.js';

const IS_LONG = (process.env['SWAPLAB_LONG'] ?? '') !== '';
/** Schedules of each fixed form. */
const FIXED = IS_LONG ? '2000' : '60';

describe('swaplab museum', function () {
  this.timeout(IS_LONG ? 900_000 : 120_000);

  it('lists the rooms', async () => {
    const { code, out } = await swaplab(['museum']);
    expect(code).to.equal(0);
    for (const { id, title } of ROOMS) expect(out).to.match(new RegExp(`^${id} +${title}$`, 'm'));
    const json = JSON.parse((await swaplab(['museum', '--json'])).out) as {
      schema: string;
      rooms: unknown[];
    };
    expect(json.schema).to.equal('swaplab.museum-rooms/1');
    expect(json.rooms).to.have.lengthOf(ROOMS.length);
  });

  it('tells the story of a room, finds its bug, and shows that the mended code is clean', () =>
    withFolder(async (folder) => {
      const [html, save] = [join(folder, 'room.html'), join(folder, 'room.json')];
      const words = ['museum', 'd05', '--seed', '1', '--fixed', '50', '--html', html, '--save', save];
      const { code, out, err } = await swaplab(words);
      expect(err).to.equal('');
      expect(out).to.match(/^d05: The callback that only tried$/m);
      expect(out).to.match(/^Replay: npx swaplab replay sl1\./m);
      expect(out).to.match(/^Found after \d+ schedules? in /m);
      expect(out).to.match(/^On real threads: 10 of 10 replays fail alike, step for step\.$/m);
      expect(out).to.match(/^The fixed form: clean over 50 schedules\.$/m);
      expect(code).to.equal(0);
      expect(readFileSync(html, 'utf8')).to.contain('The callback that only tried');
      const { document } = await replayed(save, '--times', '5');
      expect(document).to.deep.include({ variants: ['d05'], reproduced: true });
    }));

  it(`finds every bug within its time, the canary apart (seed ${String(randomSeed)})`, async () => {
    // The child lives 40 s at most, so on a busy machine a few rooms have to do.
    const rooms = IS_LONG ? ROOMS.map(({ id }) => id) : ['d01', 'd14', 'c01', 'canary'];
    for (const id of rooms) {
      const { code, document } = await visited(
        id,
        '--seconds',
        '20',
        '--fixed',
        FIXED,
        '--seed',
        String(randomSeed),
      );
      const room = document.bugs[0] ?? document.canary;
      expect(room?.unexpected, id).to.equal(null);
      expect(room, id).to.deep.include({ id, found: true, confirmed: 100 });
      expect(room?.token?.length, id).to.be.at.most(200);
      expect(room?.onThreads, id).to.deep.equal({ confirmed: 10, difference: null });
      expect(document, id).to.deep.include({ schema: 'swaplab.museum/1', ok: true, interrupted: false });
      expect(code, id).to.equal(0);
      if (id === 'canary') {
        expect(document.bugs).to.deep.equal([]);
        expect(room?.fixedClean).to.equal(null);
      } else {
        expect(document.canary).to.equal(null);
        expect(room).to.deep.include({ fixedClean: true, fixedSchedules: Number(FIXED) });
      }
    }
  });

  it('ends with the rooms that are done when it is interrupted', async () => {
    const { code, out } = await swaplab(['museum', '--all', '--json', '--seed', '1'], (child) =>
      setTimeout(() => child.kill('SIGINT'), 3000),
    );
    expect(code).to.equal(130);
    if (out === '') return;
    const document = JSON.parse(out) as { interrupted: boolean; ok: boolean; bugs: { id: string }[] };
    expect(document).to.deep.include({ interrupted: true, ok: false });
    expect(document.bugs.map(({ id }) => id)).not.to.contain('canary');
  });

  it('answers wrong words with a sentence and exit code 2', async () => {
    const wrong: readonly (readonly [string[], RegExp])[] = [
      [['d99'], /room "d99" is not known; (?:did you mean "d\d\d"\? )?allowed: d01, /],
      [['d01', '--all'], /--all visits every room: give it or d01, not both/],
      [['--all', '--html', 'a.html'], /--html and --save are for one room/],
      [['d01', '--fixed', '-1'], /fixed -1 is not possible/],
      [['d01', '--engine', 'both'], /engine "both" is not known; allowed: threads, stepped/],
    ];
    for (const [words, sentence] of wrong) {
      const { code, out, err } = await swaplab(['museum', ...words]);
      expect(err).to.match(sentence);
      expect(out).to.equal('');
      expect(code).to.equal(2);
    }
  });
});
