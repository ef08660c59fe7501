/**
 * Swap storm: processes whose pages are all on a compressed-RAM disk read them, write to some of them, drop others, and exit, while memory is being
 * reclaimed.
 */
import { defineScenario, type ScenarioEnv } from '@swaplab/explore';
import { PAGE_SIZE } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';
import { checkEnd, freeFrames } from '../support/checks.js';
import { machineFor } from '../support/machine.js';
import { expectPage, processOf, rewritePage, startProcess } from '../support/processes.js';

const READER_PAGE = 0x11;
const WRITER_PAGES = [0x21, 0x22];
const REWRITTEN = 0x29;

interface Shared {
  readonly reader: number;
  readonly writer: number;
  readonly frames: number;
}

type Env = ScenarioEnv<undefined, Shared>;

const READER = [
  {
    name: 'reads its page',
    run: ({ view, shared }: Env): void => expectPage(view, processOf(view, shared.reader), 0, READER_PAGE),
  },
  { name: 'exits', run: ({ view, shared }: Env): void => processOf(view, shared.reader).exit() },
];

const WRITER = [
  {
    name: 'rewrites a page',
    run: ({ view, shared }: Env): void => {
      const space = processOf(view, shared.writer);
      rewritePage(space, 0, REWRITTEN);
      expectPage(view, space, 0, REWRITTEN);
    },
  },
  {
    name: 'drops another one',
    run: ({ view, shared }: Env): void => processOf(view, shared.writer).unmap(PAGE_SIZE, PAGE_SIZE),
  },
  { name: 'exits', run: ({ view, shared }: Env): void => processOf(view, shared.writer).exit() },
];

const RECLAIMER = [
  {
    name: 'reclaims a page',
    run: ({ view }: Env): void => {
      view.reclaimPages(1);
    },
  },
];

export default defineScenario<undefined, Shared>({
  name: 'swap-storm',
  about: 'Processes read, rewrite and drop pages that are in swap, and exit, while a page is reclaimed.',
  machine: (variants) => machineFor(variants, { addressSpaces: 2 }),
  drivers: { ramzswap },
  /** @quiescent */
  setup({ view }: ScenarioEnv<undefined, undefined>): Shared {
    view.swapon('/dev/ramzswap0');
    const frames = freeFrames(view);
    const reader = startProcess(view, [READER_PAGE]);
    const writer = startProcess(view, WRITER_PAGES);
    view.reclaimPages(1 + WRITER_PAGES.length);
    return { reader, writer, frames };
  },
  threads: [
    { name: 'reader', operations: READER },
    { name: 'writer', operations: WRITER },
    { name: 'reclaimer', operations: RECLAIMER },
  ],
  /** @quiescent */
  check({ view, shared }: Env): void {
    checkEnd(view, { frames: shared.frames });
  },
});
