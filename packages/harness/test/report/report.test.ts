/**
 * The report as text: what is said, what is escaped, and what happens when numbers are missing.
 */
import { expect } from 'chai';

import type { AnatomyResult, PolicyResult, RunDocument } from '#src/run/document.js';
import { phaseSpans, placeSamples } from '#src/report/html/curves.js';
import { scaleFor, spread } from '#src/report/html/chart.js';
import { headline, paragraphs } from '#src/report/html/facts.js';
import { markup } from '#src/report/html/markup.js';
import { renderReport } from '#src/report/html/report.js';

import { sampleDocument, sampleResult } from '../cli/sample-document.js';
import { GOLDEN_POLICIES, goldenDocument } from './golden-shapes.js';

const NOTHING = { live: 0, stored: 0, stale: 0, comprBytes: 0, poolPages: 0 };
const VOID_ELEMENTS = new Set(['meta', 'link', 'rect', 'line', 'circle', 'path']);

function both(changes: Partial<RunDocument> = {}): RunDocument {
  return { ...sampleDocument([sampleResult('none'), sampleResult('notify')]), ...changes };
}

/** The text of a page without its tags, blanks made equal. */
function textOf(page: string): string {
  return page
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/[\s\u00a0]+/g, ' ');
}

/** Elements that are closed in the wrong order or not at all. */
function nestingErrors(page: string): string[] {
  const open: string[] = [];
  const errors: string[] = [];
  const body = page.replace(/<style>.*<\/style>/s, '').replace(/<!doctype html>/, '');
  for (const [tag, slash, name = ''] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (slash === '/') {
      const last = open.pop();
      if (last !== name) errors.push(`</${name}> closes <${last ?? ''}>`);
    } else if (!tag.endsWith('/>') && !['meta', 'link'].includes(name)) open.push(name);
    else if (!VOID_ELEMENTS.has(name)) errors.push(`${tag} is not an empty element`);
  }
  return [...errors, ...open.map((name) => `<${name}> is not closed`)];
}

describe('the report of a run as a page', () => {
  it('is the same text for the same document, in one piece that asks for nothing', () => {
    const page = renderReport(goldenDocument());
    expect(renderReport(goldenDocument())).to.equal(page);
    expect(page).to.match(/^<!doctype html>\n<html lang="en">/);
    expect(page).to.match(/<\/html>\n$/);
    expect(page).to.not.match(/https?:|<script|src=|@import|url\(|<iframe|<img/i);
    expect(page).to.not.match(/undefined|NaN|Infinity|\[object/);
  });

  it('is well nested, and every id is there once and every reference to one leads somewhere', () => {
    for (const document of [goldenDocument(), both(), sampleDocument([])]) {
      const page = renderReport(document);
      expect(nestingErrors(page)).to.deep.equal([]);
      const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id ?? '');
      expect(ids).to.have.lengthOf(new Set(ids).size);
      const references = [...page.matchAll(/ aria-labelledby="([^"]*)"/g)].flatMap(([, list]) =>
        (list ?? '').split(' '),
      );
      expect(ids).to.include.members(references);
    }
  });

  it('has the charts of every policy with title, description and table, and the one of all', () => {
    const page = renderReport(goldenDocument());
    for (const policy of GOLDEN_POLICIES) {
      for (const kind of ['slots', 'memory'])
        expect(page).to.include(`data-chart="${kind}" data-policy="${policy}"`);
      expect(page).to.include(`>Slots under ${policy}</title><desc`);
      expect(page).to.include(`<caption>Slots and memory under ${policy} at each checkpoint</caption>`);
    }
    expect(page).to.include('data-chart="overlay"');
    expect(page).to.include('<caption>Compressed bytes at each checkpoint</caption>');
  });

  it('draws all policies on one scale', () => {
    const page = renderReport(goldenDocument());
    const scales = new Set(
      [...page.matchAll(/data-chart="slots".*?<\/svg>/gs)].map(([chart]) =>
        [...chart.matchAll(/class="value"[^>]*>([^<]*)</g)].map(([, text]) => text).join(),
      ),
    );
    expect([...scales]).to.deep.equal(['0,5,000,10,000,15,000,20,000']);
  });

  it('says in the headline what notify saved against none, from the numbers', () => {
    // 2,422 pages of 4 KiB are 9.46 MiB.
    expect(headline(both()).replaceAll('\u00a0', ' ')).to.match(
      /^Told of every freed slot, the device gave back all of the 9\.46 MiB it keeps when nobody tells it, and held \d\d % less on the way there\.$/,
    );
    const rest = sampleResult('notify', {
      final: { ...NOTHING, stored: 3, stale: 3, comprBytes: 5000, poolPages: 2 },
    });
    expect(headline(both({ policies: [sampleResult('none'), rest] }))).to.match(
      /ended with 8\.00\sKiB of RAM in use instead of 9\.46\sMiB/,
    );
    const [worse, better] = [
      sampleResult('notify', { final: sampleResult('none').final }),
      sampleResult('none', { final: NOTHING }),
    ];
    expect(headline(both({ policies: [better, worse] }))).to.match(/^Telling the device saved nothing here/);
    expect(headline(both({ policies: [better, sampleResult('notify')] }))).to.match(/the same 0\sB of RAM/);
  });

  it('does not call frees told when some went missing', () => {
    const area = {
      type: 'ramzswap',
      device: '/dev/ramzswap0',
      allocated: 9,
      freed: 9,
      notified: 7,
      freedBeforeHook: 0,
      missed: 2,
    };
    const missing = sampleResult('notify', { areas: [area] });
    expect(headline(both({ policies: [sampleResult('none'), missing] }))).to.match(/^Told of freed slots, /);
  });

  it('tells the story in three paragraphs with the numbers of the run', () => {
    const [ran = '', unknown = '', told = ''] = paragraphs(goldenDocument()).map(({ text }) =>
      text.replaceAll('\u00a0', ' '),
    );
    expect(ran).to.include('4 worker threads use 15.0 MiB of memory').and.to.include('8 policies');
    expect(unknown).to.include(
      'never more than 7,680 slots were in use at a checkpoint, yet up to 15,360 were stored',
    );
    expect(unknown).to.include('the number of stored slots never fell');
    expect(unknown).to.include(
      'In the phase “free the rest” it stored 15,360 slots while 920 were in use, 17 for each.',
    );
    expect(told).to.include(
      'Under discard-slot, notify, chain, bdev-op and address-space not one slot was stale',
    );
    expect(told)
      .to.include('Not so under discard (')
      .and.to.include('discard-cluster (up to 14,970 stale, 260 left at the end)');
    expect(told).to.include('took 0.37 µs under notify and 10.2 µs under discard-slot, 28 times as long.');
    expect(told).to.include('Under discard-slot 3 block requests could not be made.');
  });

  it('does not say that stored slots never fell when they did', () => {
    const none = sampleResult('none');
    const samples = none.samples.map((sample, index) =>
      index === 12 ? { ...sample, stored: sample.stored - 1000 } : sample,
    );
    const [, unknown] = paragraphs(both({ policies: [{ ...none, samples }] }));
    expect(unknown?.text).to.include('were stored.').and.to.not.include('never fell');
  });

  it('escapes everything that comes from outside', () => {
    const evil = `</style><script>alert("1")</script> & 'x'\u0000`;
    const area = {
      type: 'x',
      device: evil,
      allocated: 1,
      freed: 1,
      notified: 1,
      freedBeforeHook: 0,
      missed: 0,
    };
    const result = sampleResult('notify', {
      policy: evil as 'notify',
      areas: [area],
      reports: [evil],
      integrityErrors: 1,
      locks: sampleResult('none').locks.map((lock) => ({ ...lock, class: evil })),
      samples: sampleResult('none').samples.map((sample) => ({ ...sample, phase: evil as 'fill' })),
    });
    const options = { ...sampleDocument([]).options, extra: evil };
    const page = renderReport(
      both({ policies: [result], pagesDescription: evil, command: evil, pagesHash: evil, options }),
    );
    expect(page)
      .to.not.match(/<script|"1"/)
      .and.to.not.include('\u0000');
    expect(page.match(/&lt;\/style&gt;&lt;script&gt;alert\(&quot;1&quot;\)/g)?.length).to.be.greaterThan(20);
    expect(nestingErrors(page)).to.deep.equal([]);
    expect(markup`<i title="${'"<&>\''}">${['<', markup`<b>`, null, 1]}</i>`.source).to.equal(
      '<i title="&quot;&lt;&amp;&gt;&#39;">&lt;<b>1</i>',
    );
  });

  it('says what is missing: samples, locks, the cost of a free, areas', () => {
    const bare = sampleResult('notify', {
      samples: [],
      locks: [],
      areas: [],
      freeCost: { usPerSlot: null, bios: 0, bioFailures: 0 },
      seconds: 0,
      ops: 0,
    });
    const page = renderReport(both({ policies: [bare] }));
    expect(textOf(page))
      .to.include('no curve can be drawn')
      .and.to.include('Lock statistics were switched off');
    expect(textOf(page)).to.match(
      /Cost per freed slot Median time to tell the device of one free, in the thread that frees\. not measured/,
    );
    expect(page)
      .to.not.match(/undefined|NaN|Infinity/)
      .and.to.not.include('data-chart');
    expect(nestingErrors(page)).to.deep.equal([]);
  });

  it('looks into the pools: what they hold, what would do, and why pages stay', () => {
    const anatomyOf = (policy: 'none' | 'notify'): AnatomyResult => {
      const { anatomy } = sampleResult(policy);
      if (anatomy === null) throw new Error('no anatomy');
      return anatomy;
    };
    const { checkpoints, ...rest } = anatomyOf('notify');
    const worst = {
      ...checkpoints[6]!,
      poolPages: 1000,
      packedPages: 300,
      pinnedPages: 123,
      dataBytes: 1_024_000,
      freeBytes: 2_867_200,
      lostBytes: 204_800,
      largestFreeBytes: 3333,
      fill: [700, 0, 0, 0, 0, 0, 0, 0, 0, 300],
    };
    const anatomy = { ...rest, checkpoints: checkpoints.with(6, worst), examples: ['Page frame <9> stays.'] };
    const page = renderReport(
      both({ policies: [sampleResult('none'), sampleResult('notify', { anatomy })] }),
    );
    const text = textOf(page);
    expect(text).to.contain('furthest behind under notify at checkpoint 7 (');
    expect(text).to.contain(
      '1,000 pages where 300 would do, 123 of them kept by a single object of at most 1,024 bytes',
    );
    expect(text).to.contain('25 % were data, 70 % free and 5.00 % lost');
    expect(text).to.contain('the largest free block had 3,333 bytes');
    expect(text).to.contain(
      'Under none 2,422 pages were left after the last process had exited, all because of stale slots',
    );
    expect(text).to.not.contain('Under notify 0 pages');
    expect(text).to.match(/90 to 100 % of the page \d+ 300 /);
    expect(page).to.contain('<b>notify</b> Page frame &lt;9&gt; stays.');
    expect(page.match(/data-chart="pages"/g)).to.have.length(4);
  });

  it('says that pools were not behind, and nothing where nobody has looked', () => {
    const tight = sampleResult('notify');
    const checkpoints = tight.anatomy!.checkpoints.map((counts) => ({
      ...counts,
      packedPages: counts.poolPages,
    }));
    const page = renderReport(
      sampleDocument([{ ...tight, anatomy: { ...tight.anatomy!, checkpoints, examples: [] } }]),
    );
    expect(textOf(page)).to.contain('no pool held more pages at a checkpoint than its data needed');
    expect(page).to.not.contain('Why some of these pages');
    // A document of an earlier version has no such field.
    const { anatomy: _, ...older } = tight;
    for (const result of [{ ...tight, anatomy: null }, older as PolicyResult]) {
      const silent = renderReport(sampleDocument([result]));
      expect(silent).to.not.contain('Inside the pools');
      expect(nestingErrors(silent)).to.deep.equal([]);
    }
  });

  it('shows one policy alone without comparing it', () => {
    const page = textOf(renderReport(both({ policies: [sampleResult('notify')] })));
    expect(page).to.include('Under notify, the device ended with 0 B of RAM in use.');
    expect(page).to.not.match(/under none|instead of/);
    expect(textOf(renderReport(both({ policies: [sampleResult('none')] })))).to.include(
      'No policy that tells the device ran to its end.',
    );
  });

  it('says that a run was interrupted, and how far it came', () => {
    const half = textOf(
      renderReport(both({ policies: [sampleResult('none')], interrupted: true, options: both().options })),
    );
    expect(half).to.match(/Interrupted: 1 of \d policies ended/);
    const empty = renderReport(both({ policies: [], interrupted: true }));
    expect(textOf(empty))
      .to.include('No policy ran to its end: there is nothing to show.')
      .and.to.include('Nothing was checked');
    expect(textOf(empty)).to.match(/Interrupted: 0 of \d policies ended/);
    expect(empty).to.not.include('Every check passed').and.to.not.include('data-chart');
    expect(textOf(renderReport(both()))).to.not.include('Interrupted');
  });

  it('is green when all checks passed, red with reports when one failed', () => {
    const sound = renderReport(both());
    expect(sound)
      .to.include('class="verdict good"')
      .and.to.not.include('class="verdict bad"')
      .and.to.not.include('What went wrong');
    const wrong = sampleResult('notify', {
      statDrift: 2,
      reports: Array.from({ length: 25 }, (_, index) => `counter ${String(index)} is off`),
    });
    const page = renderReport(both({ policies: [sampleResult('none'), wrong] }));
    expect(textOf(page))
      .to.include('2 checks failed')
      .and.to.include('counter 19 is off')
      .and.to.include('and 5 more');
    expect(page)
      .to.include('<td class="bad">')
      .and.to.not.include('counter 20 is off')
      .and.to.not.include('verdict good');
  });

  it('repeats configuration, seed, hash, pages and command, also options it has no words for', () => {
    const options = { ...both().options, spinlock: 'ticket' as const };
    const page = textOf(
      renderReport(both({ options, pagesHash: 'abc123', command: 'npx swaplab run --seed 42' })),
    );
    for (const text of [
      'npx swaplab run --seed 42',
      'Seed 42',
      'abc123',
      'made up of many words',
      'spinlock ticket',
      'Codec lzo1x-2010',
    ]) {
      expect(page).to.include(text);
    }
  });

  it('puts the locks that matter first and all of them into the table', () => {
    const page = renderReport(goldenDocument());
    expect([...page.matchAll(/data-lock="([^"]*)"/g)].map(([, name]) => name)).to.deep.equal([
      'swap_lock',
      'rzs_lock',
    ]);
    const table = page.slice(page.indexOf('<caption>All lock classes'));
    const order = ['swap_lock', 'rzs_lock', 'lru_lock', 'page_table_lock'].map((name) =>
      table.indexOf(`<code>${name}</code>`),
    );
    expect(order)
      .to.deep.equal([...order].sort((a, b) => a - b))
      .and.to.not.include(-1);
  });
});

describe('the geometry of the charts', () => {
  it('places exact samples on whole checkpoints and the others between them by their time', () => {
    const at = (t: number, quiescent: boolean) => ({ t, quiescent, phase: 'fill' as const, ...NOTHING });
    const placed = placeSamples([
      at(5, false),
      at(2, true),
      at(1, false),
      at(4, true),
      at(3.5, false),
      at(4, false),
    ]);
    expect(placed.map(({ position, sample }) => [sample.t, position])).to.deep.equal([
      [1, 0.5],
      [2, 1],
      [3.5, 1.75],
      [4, 2],
      [4, 2],
    ]);
    expect(placeSamples([at(1, false)])).to.deep.equal([]);
  });

  it('finds the phases between checkpoints', () => {
    const samples = (['fill', 'fill', 'read', 'fill'] as const).map((phase, t) => ({
      t,
      quiescent: true,
      phase,
      ...NOTHING,
    }));
    expect(phaseSpans(samples)).to.deep.equal([
      { name: 'fill', from: 0, to: 2 },
      { name: 'read', from: 2, to: 3 },
      { name: 'fill', from: 3, to: 4 },
    ]);
  });

  it('moves labels apart, keeps their order, and leaves those alone that have room', () => {
    expect(spread([10, 50], 12, 0, 100)).to.deep.equal([10, 50]);
    expect(spread([100, 100, 40, 100], 12, 0, 100)).to.deep.equal([76, 88, 40, 100]);
    expect(spread([-5, 3], 12, 0, 100)).to.deep.equal([0, 12]);
  });

  it('ends a scale on a round number at or above the largest value', () => {
    const ends = (most: number): [number, string] => {
      const { top, ticks } = scaleFor(most, 1, String);
      return [Number(top.toPrecision(6)), ticks.map(({ text }) => text).join()];
    };
    expect(ends(7680)).to.deep.equal([8000, '0,2000,4000,6000,8000']);
    expect(ends(8000)).to.deep.equal([8000, '0,2000,4000,6000,8000']);
    expect(ends(0.3)).to.deep.equal([0.3, '0,0.1,0.2,0.3']);
    expect(ends(0)).to.deep.equal([1, '0,1']);
  });
});
