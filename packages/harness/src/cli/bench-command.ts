/**
 * `swaplab bench`: measures, and shows each value beside its goal.
 */
import { setFlagsFromString } from 'node:v8';

import { EXIT_FAILED, EXIT_FINE, EXIT_INTERRUPTED, UsageError } from '../errors.js';
import { BENCH_GROUPS } from '../bench/groups.js';
import { createProgressLine } from './progress.js';
import type { CommandContext } from './terminal.js';

export { BENCH_GROUPS } from '../bench/groups.js';

/** The flags of `swaplab bench`, as they come from the command line. */
export interface BenchFlags {
  readonly only?: string[];
  readonly zram?: true;
  readonly seed?: number;
  readonly timeLimit?: number;
  readonly json?: true;
}

/** What the report needs of a row of a `swaplab.bench/1` document. */
export interface BenchRowSummary {
  /** `group.what`. */
  readonly name: string;
  /** Null when the row was skipped. */
  readonly value: number | null;
  readonly unit: string;
  /** Ours over the peer's; null without a peer. */
  readonly ratio: number | null;
  /** On the ratio against a peer, else on the value. */
  readonly goal: { readonly op: '<=' | '>='; readonly value: number };
  /** Whether the goal is met; null only when the row was skipped. */
  readonly holds: boolean | null;
  /** Why it was skipped. */
  readonly skipped?: string;
}

/**
 * Writes the table of a measurement.
 *
 * @param rows - what was measured
 * @param notes - sentences to put below
 * @returns text with a line feed at its end
 */
export function renderBench(rows: readonly BenchRowSummary[], notes: readonly string[] = []): string {
  const table = [['name', 'value', 'unit', 'ratio', 'goal', 'holds']];
  for (const row of rows) {
    table.push([
      row.name,
      row.value === null ? '-' : figure(row.value),
      row.unit,
      row.ratio === null ? '-' : figure(row.ratio),
      `${row.goal.op} ${String(row.goal.value)}`,
      row.holds === null ? `skipped: ${row.skipped ?? 'no reason given'}` : row.holds ? 'yes' : 'NO',
    ]);
  }
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...table.map((cells) => (cells[column] ?? '').length)),
  );
  const lines = table.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  for (const note of notes) lines.push('', `Note: ${note}.`);
  return `${lines.join('\n')}\n`;
}

/**
 * Runs the command.
 *
 * @param flags - as they come from the command line
 * @param context - where text goes, and the signal of an interrupt or time limit
 * @returns the exit code
 * @throws UsageError when a group is not known
 */
export async function benchCommand(flags: BenchFlags, context: CommandContext): Promise<number> {
  const zram = flags.zram === true;
  const only = flags.only ?? (zram ? [] : [...BENCH_GROUPS]);
  const unknown = only.find((name) => !BENCH_GROUPS.some((group) => group === name));
  if (unknown !== undefined) {
    throw new UsageError(`group "${unknown}" is not known; allowed now: ${BENCH_GROUPS.join(', ')}`);
  }
  // The kernel is many small functions, as it was, and the compiler stops putting one into another after 920 bytes of code by default: in the
  // middle of the paths every page takes. With room for them a page costs a tenth less, once compiled; a short run would lose more by the
  // compiling than it wins, which is why only measurements ask for it.
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=3000');
  const { runBench } = await import('../bench/bench.js');
  const line = createProgressLine(context.terminal);
  line.draw(`bench: measuring ${[...only, ...(zram ? ['zram'] : [])].join(', ')}`);
  const document = await runBench(
    { only, zram },
    {
      signal: context.signal,
      onProgress: ({ row, done, total }) => {
        line.draw(`bench: ${String(done)} of ${String(total)} rows measured, last ${row.name}`);
      },
    },
  ).finally(() => line.clear());
  context.terminal.out(
    flags.json === true
      ? `${JSON.stringify(document, null, 2)}\n`
      : renderBench(document.rows, document.notes),
  );
  if (context.signal.aborted) return EXIT_INTERRUPTED;
  return document.rows.some((row) => row.holds === false) ? EXIT_FAILED : EXIT_FINE;
}

function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
