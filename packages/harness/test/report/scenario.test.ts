/**
 * What the reports say of a scenario: in a terminal, and on the page.
 */
import { expect } from 'chai';

import { scenarioList, scenarioListJson } from '#src/cli/scenario-list.js';
import { renderReport } from '#src/report/html/report.js';
import { renderRun, runIsSound } from '#src/report/table.js';
import { wrap } from '#src/report/wrap.js';
import { RUN_SCENARIOS } from '#src/run/options.js';

import { sampleDocument, sampleResult } from '../cli/sample-document.js';
import { FIRST_KILL_AFTER, squeezeDocument } from './squeeze-shapes.js';

const PLAIN = { colour: false, unicode: true };

/** The charts of who has the frames. */
function frameCharts(page: string): string[] {
  return [...page.matchAll(/<svg[^>]*data-chart="frames".*?<\/svg>/gs)].map(([chart]) => chart);
}

describe('the report of a scenario in a terminal', () => {
  const text = renderRun(squeezeDocument(), PLAIN);

  it('says after the figures what it is about and what came of it', () => {
    const [figures = '', words = ''] = text.split('Why: memory-squeeze\n');
    expect(figures).to.match(/processes killed +9,000 +0\n/);
    expect(figures).to.match(/pages that reclaim looked at +44,000 +61,000\n/);
    expect(figures).to.match(/most pages of RAM for stale slots +[1-9][\d,]+ +0\n/);
    expect(words.replace(/\s+/g, ' ')).to.match(
      /^ There is RAM for what is resident .* - none: 9,000 processes were killed .* - notify: no process was killed\..* What was seen/,
    );
    expect(words).not.to.contain('What went wrong');
  });

  it('is not there without a scenario, nor are figures about memory', () => {
    const plain = renderRun(sampleDocument([sampleResult('none')]), PLAIN);
    expect(plain).not.to.contain('Why:').and.not.to.contain('processes killed  ');
  });

  it('fails a run in which something expected did not come, and says what', () => {
    expect(runIsSound(squeezeDocument())).to.equal(true);
    const document = squeezeDocument(['notify'], false);
    expect(runIsSound(document)).to.equal(false);
    expect(renderRun(document, PLAIN).replace(/\s+/g, ' ')).to.contain(
      'What went wrong - notify: expected of the scenario memory-squeeze: no process is killed under notify: 1 was',
    );
  });

  it('has only ASCII where nothing else can be shown', () => {
    expect(renderRun(squeezeDocument(), { colour: false, unicode: false })).to.match(/^[\n\x20-\x7e]+$/);
    expect(wrap('- ', 'a 100\u00a0% of it', 8)).to.deep.equal(['- a', '  100 %', '  of it']);
  });
});

describe('the list of scenarios', () => {
  it('has each of them with what it is about and assumes, in lines that fit', () => {
    const list = scenarioList({ ...PLAIN, columns: 70 });
    for (const name of RUN_SCENARIOS) expect(list).to.match(new RegExp(`^${name}$`, 'm'));
    expect(list.match(/assumes: --workload /g)).to.have.length(RUN_SCENARIOS.length);
    expect(Math.max(...list.split('\n').map((line) => line.length))).to.be.at.most(70);
    const { schema, scenarios } = JSON.parse(scenarioListJson()) as {
      schema: string;
      scenarios: { name: string; options: { workload: string; seed?: number } }[];
    };
    expect(schema).to.equal('swaplab.scenarios/1');
    expect(scenarios.map(({ name }) => name)).to.deep.equal(RUN_SCENARIOS);
    expect(scenarios.find(({ name }) => name === 'two-tiers')?.options.workload).to.equal('hot-cold');
    expect(scenarios[0]?.options.seed).to.equal(undefined);
  });
});

describe('the report of a scenario as a page', () => {
  const page = renderReport(squeezeDocument());

  it('has a section with its words, escaped, and what was expected', () => {
    expect(page).to.contain('<h2 id="h-scenario">Why: memory-squeeze</h2>');
    expect(page).to.contain('&lt;all&gt; of them for stale slots.').and.not.to.contain('<all>');
    expect(page.match(/<b class="met"/g)).to.have.length(2);
    expect(page).not.to.contain('class="unmet"');
    expect(page).to.contain('<dt>Scenario</dt><dd>memory-squeeze</dd>');
    expect(page).to.contain('Every check passed');
  });

  it('shows what was expected and is not so, and counts it as a check that failed', () => {
    const failed = renderReport(squeezeDocument(['notify'], false));
    expect(failed).to.contain('class="unmet"').and.to.contain('1 check failed');
    expect(failed).to.contain(
      'expected of the scenario memory-squeeze: no process is killed under notify: 1 was',
    );
  });

  it('draws who has the frames, one band on the other, up to all there are', () => {
    const charts = frameCharts(page);
    expect(charts.map((chart) => /data-policy="(\w+)"/.exec(chart)?.[1])).to.deep.equal([
      'none',
      'none',
      'notify',
      'notify',
    ]);
    for (const chart of charts) {
      expect([...chart.matchAll(/<path class="area (\w+)"/g)].map(([, band]) => band)).to.deep.equal([
        'resident',
        'held',
        'wasted',
        'unused',
      ]);
      // The uppermost line is level: all frames have somebody, or nobody.
      const top = /<g class="curve unused"><path class="line" d="([^"]*)"/.exec(chart)?.[1] ?? '';
      const heights = new Set([...top.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => y));
      expect(heights.size).to.equal(1);
      expect(chart).not.to.match(/NaN|undefined|Infinity/);
    }
  });

  it('marks the first kill by name and later ones without, and none where nobody was killed', () => {
    const [none = '', , notify = ''] = frameCharts(page);
    expect(none.match(/>first kill</g)).to.have.length(1);
    expect(none.match(/<line class="mark"/g)).to.have.length(20 - FIRST_KILL_AFTER - 2);
    expect(notify).not.to.contain('class="mark');
    expect(page).to.contain('9,000 processes were killed, the first one after 0.95 s.');
    expect(page).to.contain('No process was killed.');
  });

  it('is not there for a run without a scenario in which nobody was killed, but for one with kills', () => {
    const plain = sampleDocument([sampleResult('none')]);
    expect(renderReport(plain)).not.to.contain('h-scenario');
    const [killed] = squeezeDocument().policies;
    const withKills = renderReport({ ...plain, policies: [{ ...killed!, scenario: null }] });
    expect(withKills).to.contain('Memory was short').and.to.contain('data-chart="frames"');
  });

  it('can be drawn of a document from a version that did not count frames', () => {
    const old = squeezeDocument();
    const policies = old.policies.map((result) => ({
      ...result,
      samples: result.samples.map(({ t, quiescent, phase, live, stored, stale, comprBytes, poolPages }) => ({
        ...{ t, quiescent, phase },
        ...{ live, stored, stale, comprBytes, poolPages },
      })),
    }));
    const drawn = renderReport({ ...old, policies });
    expect(drawn).to.contain('Why: memory-squeeze').and.not.to.contain('data-chart="frames"');
  });
});
