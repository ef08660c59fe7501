/**
 * What the tests of replays share: a folder for traces, and short ways to write and replay them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import type { ReplayDocument, ReplayPolicyResult } from '#src/replay/document.js';
import type { PartialReplayOptions } from '#src/replay/options.js';
import { replayTrace } from '#src/replay/replay-trace.js';

/** Parts of a real trace; the path is the same from `test/` and from `dist-test/`. */
export const FIXTURES = fileURLToPath(new URL('../../test/fixtures/traces/', import.meta.url));

/** A folder that goes when the tests end. */
export class TraceFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'swaplab-replay-'));

  /** Writes a file, compressed when its name says so. */
  write(name: string, text: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
    return path;
  }

  /** Writes a trace in columns: each row is `op slot [n [why]]`, a millisecond after the one before it. */
  csv(name: string, rows: readonly string[]): string {
    const lines = rows.map((row, index) => {
      const [op = '', slot = '', n = '1', why = ''] = row.split(' ');
      return `${String(index * 1000)},${op},${slot},${n},1,${why}`;
    });
    return this.write(name, `t_us,op,slot,n,task,why\n${lines.join('\n')}\n`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Replays with a fixed seed, without statistics of locks. */
export function replay(
  file: string,
  options: Omit<PartialReplayOptions, 'file'> = {},
): Promise<ReplayDocument> {
  return replayTrace({ seed: 1, lockStats: false, ...options, file });
}

/** The only result of a replay under one policy. */
export async function replayUnder(
  policy: ReplayPolicyResult['policy'],
  file: string,
  options: Omit<PartialReplayOptions, 'file' | 'policies'> = {},
): Promise<ReplayPolicyResult> {
  const { policies } = await replay(file, { ...options, policies: [policy] });
  const [result] = policies;
  if (result === undefined) throw new Error('the replay gave no result');
  return result;
}
