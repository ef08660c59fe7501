import { expect } from 'chai';
import { htmlReport } from '#src/report/html.js';
import type { PageData } from '#src/report/html/script.js';
import { SiteTable } from '#src/report/sites.js';
import { deadlock, failure, lostUpdate, report, site, step, thread } from './support.js';

const VOID = new Set(['meta', 'link', 'input', 'br']);

/** Takes a page apart, and complains of what a parser would have to guess. */
function parse(page: string): {
  readonly complaints: string[];
  readonly texts: string;
  readonly tags: string[];
} {
  const complaints: string[] = [];
  const open: string[] = [];
  const tags: string[] = [];
  let texts = '';
  const body = page
    .replace(/^<!doctype html>/, '')
    .replace(/<(style|script)([^>]*)>[\s\S]*?<\/\1>/g, '<$1$2></$1>');
  const token = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z][\w:-]*(?:="[^"<>]*")?)*)\s*(\/?)>|([^<]+)|(<)/g;
  for (const [, close, name, , selfClosed, text, stray] of body.matchAll(token)) {
    if (stray !== undefined) complaints.push('a < that is no tag');
    else if (text !== undefined) texts += text;
    else if (close === '/') {
      if (open.pop() !== name) complaints.push(`</${name!}> closes something else`);
    } else {
      tags.push(name!);
      if (selfClosed !== '/' && !VOID.has(name!)) open.push(name!);
    }
  }
  if (open.length > 0) complaints.push(`${open.join(', ')} is not closed`);
  return { complaints, texts, tags };
}

function dataOf(page: string): PageData {
  const text = /<script type="application\/json" id="data">([\s\S]*?)<\/script>/.exec(page)![1]!;
  return JSON.parse(text) as PageData;
}

describe('the report of a failing schedule as a page', () => {
  it('is one well-formed file that asks for nothing', () => {
    for (const model of [deadlock(true), deadlock(false), lostUpdate(true)]) {
      const page = htmlReport(model);
      expect(parse(page).complaints).to.deep.equal([]);
      expect(page).not.to.match(/(?:src|href)="(?!data:)/);
      expect(page).not.to.match(/url\(|@import|https?:/);
    }
  });

  it('has a row for each step, the graph of a deadlock, and the token', () => {
    const page = htmlReport(deadlock(true));
    expect(page.match(/data-step="\d+"/g)).to.have.length(6);
    expect(page.match(/data-graph="cycle"/g)).to.have.length(1);
    expect(page).to.include('<code id="token">sl1.AAAA</code>');
    const { places, steps, spans } = dataOf(page);
    expect(places[steps[0]![2]]!.text).to.equal(
      'packages/kernel-mm/src/swap/counts.ts:120 SlotCounts.swapFree',
    );
    expect(steps).to.have.length(6);
    expect(spans.filter(([kind]) => kind === 1)).to.have.length(2);
  });

  it('has a story above when there is one', () => {
    const story = { title: 'Room d01', paragraphs: ['Once a lock was not there.'] };
    expect(parse(htmlReport(lostUpdate(true), story)).texts).to.include('Once a lock was not there.');
    expect(htmlReport(lostUpdate(true))).not.to.include('class="story"');
  });

  it('escapes whatever comes from outside', () => {
    const evil = `</script><img src=x onerror="alert(1)">'&\u0000`;
    const finding = {
      failure: failure('assertion', evil, {
        report: `${evil}\n${evil}\n    at ${evil} (/x/${evil}.js:1:2)`,
        thread: 0,
        threads: [thread(evil, { state: 'runs' }), thread('second')],
      }),
      trace: [step(0, 1, 192, 8), step(1, 2, 192, 8)],
      dropped: [],
      token: evil,
      schedule: 1,
      strategy: evil,
      minimality: evil,
    };
    const model = report(finding, [evil, 'second'], {
      describe: () => evil,
      sites: new SiteTable([{ '8': site(1, evil, evil, `${evil}.ts`) }]),
      readLine: () => evil,
      engine: evil,
    });
    const page = htmlReport(model, { title: evil, paragraphs: [evil] });
    const { complaints, tags } = parse(page);
    expect(complaints).to.deep.equal([]);
    expect(tags).not.to.include('img');
    expect(page).not.to.include('<img');
    expect(page.match(/<\/script>/g)).to.have.length(2);
    expect(dataOf(page).threads[0]!.name).to.equal(evil);
  });

  it('has no more rows than a browser can bear, and still all ends of the schedule', () => {
    const trace = Array.from({ length: 15_000 }, (_, index) => step(index % 2, 2, 192));
    const finding = {
      failure: failure('livelock', 'They are not through.', { threads: [thread('first'), thread('second')] }),
      trace,
      dropped: [],
      token: 'sl1.H',
    };
    const page = htmlReport(report(finding, ['first', 'second']));
    const rows = [...page.matchAll(/data-step="(\d+)"/g)].map(([, index]) => Number(index));
    expect(rows.length).to.be.within(1000, 4000);
    expect(rows[0]).to.equal(0);
    expect(rows.at(-1)).to.equal(14_999);
  });
});
