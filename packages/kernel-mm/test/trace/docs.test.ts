import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { KERNEL_EVENT_TYPES } from '#src/trace/events.js';

const PAGE = readFileSync(new URL('../../../../docs/architecture.md', import.meta.url), 'utf8');

describe('the table of events in docs/architecture.md', () => {
  it('has all of them, in order', () => {
    const section = PAGE.slice(PAGE.indexOf('\n## Events\n'));
    const rows = section.slice(0, section.indexOf('\n## ', 4)).matchAll(/^\| `(\w+)` +\|/gm);
    expect([...rows].map(([, type]) => type)).to.deep.equal(KERNEL_EVENT_TYPES);
  });
});
