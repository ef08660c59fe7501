// The woven builds of the packages: they behave as the plain one, and as each other.
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LIBRARIES, packagesOf } from '../packages.mjs';
import { verify } from '../verify.mjs';
import { runToEnd } from './builds.mjs';
import { root } from './fixtures.mjs';

const PACKAGES = ['kernel-mm', 'ramzswap'];
const PAGES = 24;
const plainGo = (value) => value;

/** @typedef {{ kernel: any, driver: any }} Build */

/** @returns {Promise<Build>} */
async function load(folder) {
  const [kernel, driver] = await Promise.all(
    PACKAGES.map((name) => import(pathToFileURL(join(root, 'packages', name, folder, 'index.js')).href)),
  );
  return { kernel, driver };
}

function newMachine({ kernel, driver }) {
  return kernel.createMachine({
    ramBytes: 1 << 20,
    ramDisks: [{ name: 'ram0', bytes: 64 * kernel.PAGE_SIZE }],
    drivers: [driver.ramzswap({ disks: 1, diskBytes: 64 * kernel.PAGE_SIZE })],
    seed: 7,
  });
}

/** What a thread alone does under control: nobody else may be needed. */
function controlAlone(operations) {
  return {
    hook: (...operation) => void operations.push(operation),
    block: () => {
      throw new Error('there is nobody to wait for');
    },
    wake: () => undefined,
    giveWay: () => undefined,
    fault: () => false,
  };
}

/** Looks at the books of swap, outside of what is compared. */
function brokenInvariants({ kernel }, view, operations = []) {
  const outside = kernel.drain ?? plainGo;
  const { swap } = view.kernel;
  const count = operations.length;
  outside(swap.table.swapLock.lock());
  const broken = outside(kernel.checkSwapInvariants(swap, true));
  swap.table.swapLock.unlock();
  operations.length = count;
  return broken;
}

/**
 * A process whose pages go out to two areas and come home again.
 * @param {(value: unknown) => any} go runs what a call returned to its end
 */
function script(build, go, operations) {
  const { PAGE_SIZE } = build.kernel;
  const machine = newMachine(build);
  const view = machine.attach({ mayWait: true, control: controlAlone(operations) });
  const answers = [];
  go(view.mkswap('/dev/ram0'));
  answers.push(go(view.swapon('/dev/ramzswap0', { priority: 9 })), go(view.swapon('/dev/ram0')));
  const space = go(view.createAddressSpace({ bytes: PAGES * PAGE_SIZE }));
  for (let page = 0; page < PAGES; page++) {
    const bytes = new Uint8Array(PAGE_SIZE).fill(page % 5 === 0 ? 0 : page);
    for (let at = 0; page % 3 === 0 && at < PAGE_SIZE; at++)
      bytes[at] = Math.imul(at + page, 0x9e3779b1) >>> 24;
    go(space.write(page * PAGE_SIZE, bytes));
  }
  answers.push(go(view.reclaimPages(PAGES)), go(view.proc('swaps')), go(view.meminfo()));
  for (let page = 0; page < PAGES; page += 2) answers.push([...go(space.read(page * PAGE_SIZE + 9, 3))]);
  const child = go(space.fork());
  go(child.write(0, new Uint8Array([1, 2, 3])));
  go(view.swapoff('/dev/ramzswap0'));
  answers.push([...go(child.read(0, 4))], go(view.proc('swaps')));
  answers.push(brokenInvariants(build, view, operations));
  go(child.exit());
  go(space.exit());
  view.detach();
  const { pages, indices } = machine.image();
  const memory = createHash('sha256').update(pages).update(indices).digest('hex');
  return { answers, memory, report: machine.stopReport() };
}

const withoutSites = (operations) => operations.map(([kind, object]) => [kind, object]);

/** Runs the script in the twin, with a switch at every point. */
function scriptStepped(build, operations, decisions) {
  const { S } = build.kernel;
  S.install({
    decide(...operation) {
      decisions.push(operation);
      S.n = 1;
      return true;
    },
  });
  S.n = 1;
  try {
    return script(build, (value) => runToEnd(value, { switches: 0 }), operations);
  } finally {
    S.install(null);
  }
}

describe('the woven builds of the packages', function () {
  this.timeout(120_000);

  it('do what the plain build does, operation by operation, and leave the same memory', async () => {
    const operations = { plain: [], sited: [], stepped: [] };
    const decisions = [];
    const plain = script(await load('dist'), plainGo, operations.plain);
    const sited = script(await load('dist-sited'), plainGo, operations.sited);
    const stepped = scriptStepped(await load('dist-stepped'), operations.stepped, decisions);
    expect(plain.report).to.equal(null);
    expect(plain.answers[2]).to.be.greaterThan(PAGES / 2);
    expect(sited).to.deep.equal(plain);
    expect(stepped).to.deep.equal(plain);
    expect(withoutSites(operations.sited)).to.deep.equal(withoutSites(operations.plain));
    expect(operations.stepped).to.deep.equal(operations.sited);
    expect(decisions).to.deep.equal(operations.stepped);
  });

  it('name the place of every operation, each with an id of its own', async () => {
    const operations = [];
    script(await load('dist-sited'), plainGo, operations);
    const tables = PACKAGES.map((name) =>
      JSON.parse(readFileSync(join(root, 'packages', name, 'dist-sited', 'sites.json'), 'utf8')),
    );
    const count = tables.reduce((sum, table) => sum + Object.keys(table).length, 0);
    const sites = new Map(tables.flatMap((table) => Object.entries(table)));
    expect(sites.size).to.equal(count);
    // In the order of the constants POINT_...
    const kinds = 'none load store atomic lock unlock wait wake bytes yield trylock'.split(' ');
    for (const [kind, , site] of operations) {
      expect(sites.has(String(site)), `kind ${kind}, site ${site}`).to.equal(true);
      expect(sites.get(String(site)).kind).to.equal(kinds[kind]);
    }
  });

  it('leave no generator of the twin that nobody runs', () => {
    const tsconfig = join(root, 'tsconfig.base.json');
    expect(verify({ base: root, packages: packagesOf(root), tsconfig, lib: LIBRARIES })).to.deep.equal([]);
  });

  it('lets threads of the twin wait for each other', async () => {
    const { kernel, driver } = await load('dist-stepped');
    const { S } = kernel;
    const machine = newMachine({ kernel, driver });
    const threads = [];
    let running = 0;
    const contexts = [0, 1].map((index) => ({
      hook: null,
      block: (object) => void (threads[index].waitsFor = object),
      wake: (object) => {
        for (const thread of threads) if (thread.waitsFor === object) thread.waitsFor = null;
      },
      giveWay: () => undefined,
      fault: () => false,
    }));
    const views = contexts.map((control, index) =>
      machine.attach({ name: `t${index}`, mayWait: true, control }),
    );
    kernel.drain(views[0].mkswap('/dev/ram0'));
    kernel.drain(views[0].swapon('/dev/ram0'));
    const spaces = views.map((view) =>
      kernel.drain(view.createAddressSpace({ bytes: 8 * kernel.PAGE_SIZE })),
    );
    function* body(index) {
      for (let page = 0; page < 8; page++) {
        yield* spaces[index].write(page * kernel.PAGE_SIZE, new Uint8Array([index + 1, page]));
        yield* views[index].reclaimPages(1);
      }
    }
    for (const index of [0, 1])
      threads.push({ generator: body(index), waitsFor: null, waits: 0, isDone: false });
    S.install({
      decide() {
        S.n = 3;
        return true;
      },
    });
    S.n = 3;
    let steps = 0;
    while (threads.some(({ isDone }) => !isDone)) {
      running = 1 - running;
      const thread = threads[running];
      if (thread.isDone || thread.waitsFor !== null) {
        thread.waits += thread.isDone ? 0 : 1;
        running = 1 - running;
      }
      const next = threads[running];
      expect(next.waitsFor, 'a deadlock').to.equal(null);
      next.isDone = next.generator.next().done;
      steps += 1;
    }
    S.install(null);
    expect(steps).to.be.greaterThan(100);
    expect(threads[0].waits + threads[1].waits).to.be.greaterThan(0);
    for (const index of [0, 1]) {
      for (let page = 0; page < 8; page++) {
        const read = kernel.drain(spaces[index].read(page * kernel.PAGE_SIZE, 2));
        expect([...read]).to.deep.equal([index + 1, page]);
      }
    }
    expect(brokenInvariants({ kernel }, views[0])).to.deep.equal([]);
  });
});
