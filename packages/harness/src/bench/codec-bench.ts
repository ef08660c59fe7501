/**
 * How fast `lzo1x-2010` is in WASM, held against the same in C (`c/lzo1x.c`) and against its twin in TypeScript.
 *
 * - `codec.compress`, `codec.decompress`: over C;
 * - `codec.compress-ts`, `codec.decompress-ts`: over TypeScript.
 *
 * All three work through the same pages in short batches and in turns; each batch counts with its best time. The streams must be equal byte for
 * byte, which checksums prove. MB are 10^6 bytes of pages.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PAGE_BYTES } from '../pages/generate.js';
import { benchPages } from './bench-pages.js';
import { BenchThread } from './bench-thread.js';
import { startTwin, type CTwin } from './c-twin.js';
import type { CodecOpened, CodecOrder, CodecTrial } from './codec-worker.js';
import { comparedRow, skippedRow, type BenchPlan } from './document.js';
import { BestBatches, type BenchGroup, type BenchSession } from './session.js';

const WORK = ['compress', 'decompress'] as const;
type Work = (typeof WORK)[number];

const OVER_C: Readonly<Record<Work, BenchPlan>> = {
  compress: { name: 'codec.compress', unit: 'MB/s', goal: { op: '>=', value: 0.75 } },
  decompress: { name: 'codec.decompress', unit: 'MB/s', goal: { op: '>=', value: 0.85 } },
};
const OVER_TYPESCRIPT: Readonly<Record<Work, BenchPlan>> = {
  compress: { name: 'codec.compress-ts', unit: 'MB/s', goal: { op: '>=', value: 1.2 } },
  decompress: { name: 'codec.decompress-ts', unit: 'MB/s', goal: { op: '>=', value: 2 } },
};
const PLANS: readonly BenchPlan[] = WORK.flatMap((work) => [OVER_C[work], OVER_TYPESCRIPT[work]]);

const PAGES = 512;
/** A batch is half a millisecond of compression. */
const BATCHES = 16;
/** Times through all pages, of which the first ones warm up. */
const TRIALS = 50;

/** The group. */
export const CODEC_GROUP: BenchGroup = { plans: PLANS, measure: measureCodec };

/** One that is measured. */
interface Contestant {
  trial(work: Work): Promise<CodecTrial>;
  readonly best: Readonly<Record<Work, BestBatches>>;
}

async function measureCodec(session: BenchSession): Promise<void> {
  const { signal, report, note } = session;
  const corpus = benchPages(PAGES);
  const folder = mkdtempSync(join(tmpdir(), 'swaplab-bench-'));
  const threads = [0, 1].map(() => new BenchThread<CodecOrder>('codec-worker'));
  const [wasmThread, typescriptThread] = threads;
  let twin: CTwin | string = 'not started';
  try {
    const file = join(folder, 'pages');
    writeFileSync(file, corpus.bytes, { mode: 0o600 });
    twin = await startTwin('lzo1x', [file, String(BATCHES)], session.compiler, signal);
    const wasm = await openThread(wasmThread, true, corpus.bytes, signal);
    const typescript = await openThread(typescriptThread, false, corpus.bytes, signal);
    if (wasm === null || typescript === null) {
      for (const plan of PLANS) report(skippedRow(plan, 'this platform does not run the codec in WASM'));
      return;
    }
    const c = typeof twin === 'string' ? null : await openTwin(twin, signal);
    await compete([wasm, typescript, ...(c === null ? [] : [c])]);
    for (const work of WORK) {
      const ours = speed(wasm, work);
      const plan = OVER_C[work];
      if (c === null) report(skippedRow(plan, typeof twin === 'string' ? twin : 'no C twin'));
      else report(comparedRow(plan, ours, 'C -O2', speed(c, work)));
      report(comparedRow(OVER_TYPESCRIPT[work], ours, 'TypeScript', speed(typescript, work)));
    }
    note(`the pages of the codec rows have a mean ratio of ${corpus.meanRatio.toFixed(3)}`);
  } finally {
    if (typeof twin !== 'string') twin.end();
    await Promise.all(threads.map((thread) => thread.end()));
    rmSync(folder, { recursive: true, force: true });
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
  wasm: boolean,
  corpus: Uint8Array<SharedArrayBuffer>,
  signal: AbortSignal | undefined,
): Promise<Contestant | null> {
  if (thread === undefined) return null;
  const order = { kind: 'open', wasm, corpus, batches: BATCHES } as const;
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
