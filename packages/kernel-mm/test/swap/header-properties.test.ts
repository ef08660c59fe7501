/**
 * Random swap headers: swapon accepts one exactly when the model does, else it gives the right errno and log line, and leaves the machine as it was.
 *
 * SWAPLAB_FUZZ_HEADERS=1000000 makes so many headers, which takes minutes.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { PAGE_SIZE } from '#src/arena/memory.js';
import type { FileConfig } from '#src/block/files.js';
import { SWAP_INFO } from '#src/swap/info.js';
import {
  buildHeader,
  HEADER_BYTES,
  headerShapes,
  judge,
  type HeaderShape,
  type Target,
} from './header-model.js';
import { createSwapMachine, DISK_PAGES, type SwapMachine } from './machine.js';

const RANDOM_SEED = Math.trunc(Math.random() * 0x7fff_ffff);
const RUNS = Number(process.env['SWAPLAB_FUZZ_HEADERS'] ?? 6000);
/** Generous: a million headers take some minutes. */
const LIMIT_MS = 20_000 + RUNS * 2;

/** What the model may say, as counted. */
type Outcome = 'accepted' | 'signature' | 'version' | 'short' | 'empty' | 'refused';

/** Switches a disk on with any header; knows what must be. */
class HeaderTester {
  readonly outcomes: Record<Outcome, number> = {
    accepted: 0,
    signature: 0,
    version: 0,
    short: 0,
    empty: 0,
    refused: 0,
  };
  private readonly machine: SwapMachine;
  private readonly target: Target;
  private readonly path: string;
  private readonly bytes = new Uint8Array(HEADER_BYTES);
  private readonly before: string;

  constructor(machine: SwapMachine, target: Target, path: string) {
    this.machine = machine;
    this.target = target;
    this.path = path;
    machine.log();
    this.before = this.footprint();
  }

  /** One header. Errors are thrown, with what differs. */
  check(shape: HeaderShape): void {
    buildHeader(shape, this.bytes);
    this.writeHeader();
    const verdict = judge(this.bytes, this.target);
    const type = this.machine.swap.on.swapon(this.path, 0);
    if (!verdict.accepted) {
      same('result', type, verdict.error);
      same('log', this.machine.log().join('\n'), verdict.log.join('\n'));
      this.outcomes[outcomeOf(verdict.log)]++;
    } else {
      same('result', type, 0);
      const kib = verdict.pages * 4;
      same(
        'log',
        this.machine.log().join('\n'),
        `Adding ${kib}k swap on ${this.path}.  Priority:-1 extents:1 across:${kib}k `,
      );
      same('max', this.machine.field(type, 'max'), verdict.max);
      same('pages', this.machine.field(type, 'pages'), verdict.pages);
      same('highest_bit', this.machine.field(type, 'highestBit'), verdict.max - 1);
      same('inuse_pages', this.machine.field(type, 'inusePages'), 0);
      this.checkMap(type, verdict.max, verdict.bad);
      same('swapoff', this.machine.swap.off.swapoff(this.path), 0);
      same('log of swapoff', this.machine.log().length, 0);
      this.outcomes.accepted++;
    }
    same('footprint', this.footprint(), this.before);
  }

  private checkMap(type: number, max: number, bad: ReadonlySet<number>): void {
    const { cells } = this.machine.test;
    const map = cells.ldu32(this.machine.swap.table.infoOf(type) + SWAP_INFO.swapMap);
    for (let slot = 0; slot < max; slot++) {
      const wanted = slot === 0 || bad.has(slot) ? 0x3f : 0;
      if (cells.arena.u8[map + slot] !== wanted)
        same(`byte of slot ${slot}`, cells.arena.u8[map + slot], wanted);
    }
  }

  private writeHeader(): void {
    this.machine.writeHeader(this.path, this.bytes);
  }

  private footprint(): string {
    return JSON.stringify(this.machine.footprint());
  }
}

function outcomeOf(log: readonly string[]): Outcome {
  const line = log[0];
  if (line === undefined) return 'refused';
  if (line.startsWith('Unable to find')) return 'signature';
  if (line.startsWith('Unable to handle')) return 'version';
  return line.startsWith('Empty') ? 'empty' : 'short';
}

/** As `expect(...).to.equal(...)`, but fast: this is asked ten million times. */
function same(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) expect(found, what).to.equal(wanted);
}

const FILE_PAGES = 100;

const TARGETS: readonly { readonly what: string; readonly path: string; readonly target: Target }[] = [
  { what: 'a block device', path: '/dev/ram0', target: { pages: DISK_PAGES, isFile: false } },
  { what: 'a file', path: '/swap file', target: { pages: FILE_PAGES, isFile: true } },
];

/** A machine with a file in one piece, whose last page is not whole. */
function machineWithFile(): SwapMachine {
  const bytes = FILE_PAGES * PAGE_SIZE + 1000;
  const file: FileConfig = { path: '/swap file', disk: 'ram2', extents: [[10, FILE_PAGES + 1]], bytes };
  return createSwapMachine({}, undefined, undefined, undefined, [file]);
}

describe('swapon of any header', () => {
  for (const { what, path, target } of TARGETS) {
    for (const seed of [20100505, RANDOM_SEED]) {
      const runs = Math.ceil(RUNS / 4);
      it(`on ${what} accepts what the model accepts and refuses the rest, without a trace (seed ${seed}, ${runs} headers)`, () => {
        const tester = new HeaderTester(machineWithFile(), target, path);
        fc.assert(
          fc.property(headerShapes(target), (shape) => tester.check(shape)),
          { seed, numRuns: runs },
        );
        // A test that reaches no end of the judgement proves nothing about it.
        for (const [outcome, count] of Object.entries(tester.outcomes))
          expect(count, outcome).to.be.greaterThan(0);
      }).timeout(LIMIT_MS);
    }
  }
});
