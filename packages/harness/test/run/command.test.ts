/**
 * `swaplab run` as a process of its own: what goes to which stream, what it exits with, and how it takes an interrupt and a closed pipe.
 */
import { expect } from 'chai';

import { swaplab } from './support.js';

const SMALL = [
  'run',
  '--swappers',
  '2',
  '--ops',
  '1001',
  '--codec',
  'none',
  '--pages',
  'synthetic',
  '--seed',
  '1',
];

/** The shape of a document: type names with bars between, or an object of shapes; {@link LIST} is the shape of each item of a list. */
type Shape = string | { readonly [name: string]: Shape };
const LIST = '[]';

const COUNTS = {
  live: 'number',
  stored: 'number',
  stale: 'number',
  comprBytes: 'number',
  poolPages: 'number',
};

/** `swaplab.run/1`. */
const RUN_SHAPE: Shape = {
  schema: 'string',
  seed: 'number',
  swappers: 'number',
  profile: 'string',
  pagesHash: 'string',
  policies: {
    [LIST]: {
      policy: 'string',
      ops: 'number',
      seconds: 'number',
      integrityErrors: 'number',
      invariantErrors: 'number',
      statDrift: 'number',
      areas: {
        [LIST]: {
          type: 'string',
          device: 'string',
          allocated: 'number',
          freed: 'number',
          notified: 'number',
          freedBeforeHook: 'number|null',
          missed: 'number',
        },
      },
      samples: { [LIST]: { t: 'number', quiescent: 'boolean', phase: 'string', ...COUNTS } },
      final: COUNTS,
      freeCost: { usPerSlot: 'number|null', bios: 'number', bioFailures: 'number' },
      traffic: { bytesOut: 'number', bytesIn: 'number', bytesDiscarded: 'number' },
      locks: {
        [LIST]: {
          class: 'string',
          acquisitions: 'number',
          contended: 'number',
          waitSeconds: 'number',
          holdSeconds: 'number',
          waitMaxSeconds: 'number',
          holdMaxSeconds: 'number',
        },
      },
      vm: { faults: 'number', swapIns: 'number', swapOuts: 'number', kills: 'number' },
    },
  },
};

/** Where a value has not the shape; further fields are allowed. */
function misfits(value: unknown, shape: Shape, where = 'document'): string[] {
  if (typeof shape === 'string') {
    const type = value === null ? 'null' : typeof value;
    return shape.split('|').includes(type) ? [] : [`${where} is ${type}, not ${shape}`];
  }
  const item = shape[LIST];
  if (item !== undefined) {
    if (!Array.isArray(value) || value.length === 0) return [`${where} is no list, or an empty one`];
    return value.flatMap((each, index) => misfits(each, item, `${where}[${String(index)}]`));
  }
  if (typeof value !== 'object' || value === null) return [`${where} is no object`];
  const fields = new Map(Object.entries(value));
  return Object.entries(shape).flatMap(([name, part]) => misfits(fields.get(name), part, `${where}.${name}`));
}

describe('swaplab run as a process', function () {
  this.timeout(45_000);

  it('prints one JSON document and nothing else, in the shape of the schema, and exits with 0', async () => {
    const { code, out, err } = await swaplab([...SMALL, '--policy', 'none,notify', '--json']);
    expect(code, err).to.equal(0);
    const document: unknown = JSON.parse(out);
    expect(misfits(document, RUN_SHAPE)).to.deep.equal([]);
    expect(document).to.include({
      schema: 'swaplab.run/1',
      seed: 1,
      swappers: 2,
      profile: 'sound',
      interrupted: false,
    });
    expect(err).to.match(/^none: 1,001 steps done in .*\nnotify: 1,001 steps done in .*\n$/);
  });

  it('prints the report into a pipe without escape sequences', async () => {
    const { code, out, err } = await swaplab([...SMALL, '--policy', 'notify']);
    expect(code, err).to.equal(0);
    expect(out + err).to.not.include('\u001b');
    expect(out).to.match(/To see the same again:\n {2}npx swaplab run .*--seed 1\n/);
    expect(out).to.match(/notify: not one stale slot/);
  });

  it('exits with 1 when a page is read back wrong, and says so', async () => {
    const { code, out } = await swaplab([...SMALL, '--policy', 'notify', '--inject', 'damage-pages']);
    expect(code).to.equal(1);
    expect(out).to.match(/[1-9]\d* pages? read back wrong/);
    expect(out).to.match(/What went wrong\n {2}- notify: swapper 1: page \d+ of process/);
  });

  it('exits with 1 when a swapper dies, with the report on the error stream only', async () => {
    const { code, out, err } = await swaplab([
      ...SMALL,
      '--policy',
      'none',
      '--inject',
      'die-holding-lock',
      '--json',
    ]);
    expect(code).to.equal(1);
    expect(out).to.equal('');
    expect(err).to.match(/^swaplab: swapper 1 ended while holding swap_lock /);
    expect(err).to.not.match(/^\s+at /m);
  });

  it('exits with 2 and one sentence for a value that is not possible', async () => {
    const { code, out, err } = await swaplab(['run', '--swappers', '0']);
    expect(code).to.equal(2);
    expect(out).to.equal('');
    expect(err).to.equal('swaplab: swappers 0 is not an integer in range; allowed: 1 to 32\n');
  });

  it('exits with 124 at the time limit, with lock, holder and waiters on the error stream', async () => {
    const words = [
      ...SMALL,
      '--ops',
      '6000',
      '--policy',
      'none',
      '--inject',
      'never-unlock',
      '--time-limit',
      '5',
    ];
    const { code, out, err, seconds } = await swaplab(words);
    expect(code).to.equal(124);
    expect(out).to.equal('');
    expect(seconds).to.be.within(5, 5 + 5);
    expect(err).to.match(/^swaplab: the time limit of 5 s was reached/);
    expect(err).to.match(/swapper 1 .*holds swap_lock/);
    // On a busy machine the other one can be at the next checkpoint before the lock is taken: it waits there, then.
    expect(err).to.match(/swapper 0( .*waits for swap_lock|: .*waits for the others)/);
    expect(err).to.match(/swapper 1: workload steps done: [1-9]\d*, checkpoints passed: [1-9]/);
  });

  it('exits with 130 when it is interrupted, and still prints the policies that were finished', async () => {
    const words = ['run', '--swappers', '2', '--ops', '30001', '--codec', 'none', '--pages', 'synthetic'];
    let interrupted = false;
    const { code, signal, out, err } = await swaplab(
      [...words, '--policy', 'notify,none', '--json'],
      (child) => {
        // The first policy says so when it is done; the second one then takes as long again.
        child.stderr.once('data', () => {
          interrupted = child.kill('SIGINT');
        });
      },
    );
    expect(interrupted).to.equal(true);
    expect(signal).to.equal(null);
    expect(code, err).to.equal(130);
    const document: unknown = JSON.parse(out);
    expect(document).to.include({ schema: 'swaplab.run/1', interrupted: true });
    expect(document).to.have.nested.property('policies.length', 1);
    expect(document).to.have.nested.property('policies[0].policy', 'notify');
  });

  it('ends with its own exit code and without a word when the reader of a pipe goes away', async () => {
    const { code, signal, err } = await swaplab([...SMALL, '--policy', 'notify', '--json'], (child) => {
      child.stdout.destroy();
    });
    expect(signal).to.equal(null);
    expect(code).to.equal(0);
    expect(err).to.match(/^notify: 1,001 steps done[^\n]*\n$/);
  });
});
