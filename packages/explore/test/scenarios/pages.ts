/**
 * A thread that takes a page, uses it and gives it back, beside another one that does so too: in which order, the address of the module says
 * (`?form=NAME`).
 */
import { GFP_KERNEL, PAGE_SIZE, type Kernel } from '@swaplab/kernel-mm';
import { defineScenario, thread, type ScenarioEnv } from '@swaplab/explore';

type Body = (kernel: Kernel) => void;

function use({ core, frames }: Kernel): void {
  const page = frames.allocPage(GFP_KERNEL);
  core.cells.clearPage(frames.addressOf(page));
  frames.freePage(page);
}

const FORMS: Readonly<Record<string, Body>> = {
  'in order': use,
  'too late': ({ core, frames }) => {
    const page = frames.allocPage(GFP_KERNEL);
    frames.freePage(page);
    core.cells.clearPage(frames.addressOf(page));
  },
  'one cell, too late': ({ core, frames }) => {
    const page = frames.allocPage(GFP_KERNEL);
    frames.freePage(page);
    core.cells.ld32(frames.addressOf(page) + 64);
  },
  'given back twice': ({ frames }) => {
    const page = frames.allocPage(GFP_KERNEL);
    frames.freePage(page);
    frames.freePage(page);
  },
};

const body = FORMS[new URL(import.meta.url).searchParams.get('form') ?? '']!;

export default defineScenario({
  name: 'pages',
  about: 'Two threads take a page each, use it, and give it back.',
  machine: {
    ramBytes: 16 * PAGE_SIZE,
    tableBytes: 8 * PAGE_SIZE,
    traceRecords: 32,
    ramDisks: [],
    addressSpaces: 1,
  },
  threads: [
    thread('first', ({ view }: ScenarioEnv<undefined, undefined>) => body(view.kernel)),
    thread('second', ({ view }: ScenarioEnv<undefined, undefined>) => use(view.kernel)),
  ],
});
