import { expect } from 'chai';

import { createProgressLine, policyEndText, progressText } from '#src/cli/progress.js';
import { decideLook, type Terminal } from '#src/cli/terminal.js';
import type { RunProgress } from '#src/run/document.js';
import { sampleResult } from './sample-document.js';

describe('how output looks', () => {
  const look = (
    environment: Record<string, string>,
    outIsTerminal = true,
    errIsTerminal = true,
  ): ReturnType<typeof decideLook> => decideLook({ environment, outIsTerminal, errIsTerminal });

  it('is coloured on a terminal only, unless it is forced or forbidden', () => {
    expect(look({}).colour).to.equal(true);
    expect(look({}, false).colour).to.equal(false);
    expect(look({ NO_COLOR: '1' }).colour).to.equal(false);
    expect(look({ NO_COLOR: '' }).colour).to.equal(true);
    expect(look({ TERM: 'dumb' }).colour).to.equal(false);
    expect(look({ FORCE_COLOR: '1' }, false).colour).to.equal(true);
    expect(look({ FORCE_COLOR: '0' }, false).colour).to.equal(false);
    expect(look({ FORCE_COLOR: '1', NO_COLOR: '1' }).colour).to.equal(false);
  });

  it('has block characters unless the locale cannot show them', () => {
    expect(look({}).unicode).to.equal(true);
    expect(look({ LANG: 'C' }).unicode).to.equal(false);
    expect(look({ LANG: 'en_US.UTF-8' }).unicode).to.equal(true);
    expect(look({ LANG: 'en_US.UTF-8', LC_ALL: 'POSIX' }).unicode).to.equal(false);
    expect(look({ LANG: 'en_US.UTF-8', TERM: 'dumb' }).unicode).to.equal(false);
  });

  it('is redrawn only on a terminal that somebody looks at', () => {
    expect(look({}).liveErr).to.equal(true);
    expect(look({}, true, false).liveErr).to.equal(false);
    expect(look({ CI: 'true' }).liveErr).to.equal(false);
    expect(look({ TERM: 'dumb' }).liveErr).to.equal(false);
  });
});

describe('the line of progress', () => {
  const progress: RunProgress = {
    policy: 'none',
    policyIndex: 0,
    policyCount: 2,
    checkpoint: 10,
    checkpoints: 20,
    phase: 'churn',
    opsDone: 30_000,
    ops: 60_000,
    lap: 0,
    duration: null,
    sample: sampleResult('none').samples[10] ?? expect.fail('no sample'),
  };
  const terminalOf = (written: string[], liveErr: boolean): Terminal => ({
    out: () => expect.fail('progress is not data'),
    err: (text) => written.push(text),
    colour: false,
    unicode: true,
    liveErr,
    columns: 40,
    debug: false,
  });

  it('is drawn over itself, cut to the terminal, and taken away', () => {
    const written: string[] = [];
    const line = createProgressLine(terminalOf(written, true));
    line.draw('x'.repeat(100));
    line.clear();
    line.clear();
    expect(written).to.deep.equal([`\r\u001b[2K${'x'.repeat(39)}`, '\r\u001b[2K']);
  });

  it('is not drawn where lines cannot be redrawn', () => {
    const written: string[] = [];
    const line = createProgressLine(terminalOf(written, false));
    line.draw('x');
    line.clear();
    expect(written).to.deep.equal([]);
  });

  it('says how far the run is and what it sees', () => {
    expect(progressText(progress, true)).to.equal(
      'none 1/2 ██████░░░░░░ churn: 2,610 live, 2,900 stored, 290 stale',
    );
    expect(progressText({ ...progress, checkpoint: 20 }, false)).to.contain('#'.repeat(12));
    expect(policyEndText(progress)).to.equal(
      'none: 30,000 steps done in 1.0 s; 2,610 slots live, 2,900 stored, 290 stale\n',
    );
  });
});
