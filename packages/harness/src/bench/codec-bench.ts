/**
 * How fast the LZO codecs are in WASM, held against the same in C (`c/lzo1x.c`, `c/lzo1x-current.c`) and against their twins in TypeScript.
 *
 * - `codec.compress`, `codec.decompress`: `lzo1x-2010` over C;
 * - `codec.compress-ts`, `codec.decompress-ts`: over TypeScript;
 * - `codec.current-compress` and so on: the same for `lzo1x-current`.
 *
 * All three of a codec work through the same pages in short batches and in turns; each batch counts with its best time. The streams must be equal
 * byte for byte, which checksums prove. MB are 10^6 bytes of pages.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CodecName } from '@swaplab/ramzswap';
import { PAGE_BYTES } from '../pages/generate.js';
import { benchPages } from './bench-pages.js';
import { BenchThread } from './bench-thread.js';
import { startTwin, type CProgram, type CTwin } from './c-twin.js';
import type { CodecOpened, CodecOrder, CodecTrial } from './codec-worker.js';
import { comparedRow, skippedRow, type BenchPlan } from './document.js';
import { BestBatches, type BenchGroup, type BenchSession } from './session.js';

const WORK = ['compress', 'decompress'] as const;
type Work = (typeof WORK)[number];

/** A codec that is measured, and its goals. */
interface Discipline {
  readonly codec: CodecName;
  readonly program: CProgram;
  readonly overC: Readonly<Record<Work, BenchPlan>>;
  readonly overTypescript: Readonly<Record<Work, BenchPlan>>;
}

/** A row whose goal is a ratio of speeds. */
function plan(name: string, ratio: number): BenchPlan {
  return { name: `codec.${name}`, unit: 'MB/s', goal: { op: '>=', value: ratio } };
}

const DISCIPLINES: readonly Discipline[] = [
  {
    codec: 'lzo1x-2010',
    program: 'lzo1x',
    overC: { compress: plan('compress', 0.8), decompress: plan('decompress', 0.9) },
    overTypescript: { compress: plan('compress-ts', 1.2), decompress: plan('decompress-ts', 2) },
  },
  {
    codec: 'lzo1x-current',
    program: 'lzo1x-current',
    overC: { compress: plan('current-compress', 0.9), decompress: plan('current-decompress', 0.9) },
    overTypescript: {
      compress: plan('current-compress-ts', 1.5),
      decompress: plan('current-decompress-ts', 2),
    },
  },
];

function plansOf({ overC, overTypescript }: Discipline): BenchPlan[] {
  return WORK.flatMap((work) => [overC[work], overTypescript[work]]);
}

const PAGES = 512;
/** A batch is half a millisecond of compression. */
const BATCHES = 16;
/** Times through all pages, of which the first ones warm up. */
const TRIALS = 50;

/** The group. */
export const CODEC_GROUP: BenchGroup = { plans: DISCIPLINES.flatMap(plansOf), measure: measureCodecs };

/** One that is measured. */
interface Contestant {
  trial(work: Work): Promise<CodecTrial>;
  readonly best: Readonly<Record<Work, BestBatches>>;
}

async function measureCodecs(session: BenchSession): Promise<void> {
  const corpus = benchPages(PAGES);
  const folder = mkdtempSync(join(tmpdir(), 'swaplab-bench-'));
  try {
    const file = join(folder, 'pages');
    writeFileSync(file, corpus.bytes, { mode: 0o600 });
    for (const discipline of DISCIPLINES) await measureCodec(session, discipline, corpus.bytes, file);
    session.note(`the pages of the codec rows have a mean ratio of ${corpus.meanRatio.toFixed(3)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureCodec(
  session: BenchSession,
  discipline: Discipline,
  corpus: Uint8Array<SharedArrayBuffer>,
  file: string,
): Promise<void> {
  const { signal, report } = session;
  const { codec, program, overC, overTypescript } = discipline;
  const threads = [0, 1].map(() => new BenchThread<CodecOrder>('codec-worker'));
  const [wasmThread, typescriptThread] = threads;
  let twin: CTwin | string = 'not started';
  try {
    twin = await startTwin(program, [file, String(BATCHES)], session.compiler, signal);
    const wasm = await openThread(wasmThread, codec, true, corpus, signal);
    const typescript = await openThread(typescriptThread, codec, false, corpus, signal);
    if (wasm === null || typescript === null) {
      for (const row of plansOf(discipline))
        report(skippedRow(row, 'this platform does not run the codec in WASM'));
      return;
    }
    const c = typeof twin === 'string' ? null : await openTwin(twin, signal);
    await compete([wasm, typescript, ...(c === null ? [] : [c])]);
    for (const work of WORK) {
      const ours = speed(wasm, work);
      if (c === null) report(skippedRow(overC[work], typeof twin === 'string' ? twin : 'no C twin'));
      else report(comparedRow(overC[work], ours, 'C -O2', speed(c, work)));
      report(comparedRow(overTypescript[work], ours, 'TypeScript', speed(typescript, work)));
    }
  } finally {
    if (typeof twin !== 'string') twin.end();
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

/** Lets all work through the pages in turns. */
async function compete(contestants: readonly Contestant[]): Promise<void> {
  for (let trial = 0; trial < TRIALS; trial++) {
    for (const work of WORK) {
      let first: CodecTrial | undefined;
      for (const contestant of contestants) {
        const answer = await contestant.trial(work);
        first ??= answer;
        if (answer.sum !== first.sum || answer.bytes !== first.bytes) {
          throw new Error(`Two codecs that must be equal do not ${work} the pages to the same bytes.`);
        }
        contestant.best[work].add(answer.ns);
      }
    }
  }
}

async function openThread(
  thread: BenchThread<CodecOrder> | undefined,
  codec: CodecName,
  wasm: boolean,
  corpus: Uint8Array<SharedArrayBuffer>,
  signal: AbortSignal | undefined,
): Promise<Contestant | null> {
  if (thread === undefined) return null;
  const order = { kind: 'open', codec, wasm, corpus, batches: BATCHES } as const;
  const { available } = (await thread.ask(order, signal)) as CodecOpened;
  if (!available) return null;
  return contestant(async (work) => (await thread.ask({ kind: work }, signal)) as CodecTrial);
}

async function openTwin(twin: CTwin, signal: AbortSignal | undefined): Promise<Contestant> {
  await twin.answer(signal);
  return contestant(async (work) => (await twin.ask(work, signal)) as CodecTrial);
}

function contestant(trial: Contestant['trial']): Contestant {
  return { trial, best: { compress: new BestBatches(), decompress: new BestBatches() } };
}

function speed({ best }: Contestant, work: Work): number {
  return (PAGES * PAGE_BYTES * 1e3) / best[work].sum();
}
