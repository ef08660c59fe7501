/**
 * `swaplab conformance`: replays golden data, and shows what passed and the first difference of each set.
 */
import { EXIT_FAILED, EXIT_FINE, EXIT_INTERRUPTED } from '../errors.js';
import { createProgressLine } from './progress.js';
import type { CommandContext } from './terminal.js';

/** The flags of `swaplab conformance`, as they come from the command line. */
export interface ConformanceFlags {
  readonly only?: string[];
  readonly seed?: number;
  readonly timeLimit?: number;
  readonly json?: true;
}

/** What the report needs of a `swaplab.conformance/1` document. */
export interface ConformanceSummary {
  /** Nothing failed and something was replayed. */
  readonly ok: boolean;
  readonly sets: Readonly<
    Record<
      string,
      {
        readonly total: number;
        readonly passed: number;
        readonly failed: number;
        readonly skipped: number;
        readonly firstDifference?: unknown;
      }
    >
  >;
}

/**
 * Writes the report of a replay.
 *
 * @param document - what was replayed
 * @returns text with a line feed at its end
 */
export function renderConformance(document: ConformanceSummary): string {
  const lines = ['set                  total   passed   failed  skipped'];
  for (const [name, set] of Object.entries(document.sets)) {
    const numbers = [set.total, set.passed, set.failed, set.skipped];
    lines.push(name.padEnd(17) + numbers.map((number) => String(number).padStart(9)).join(''));
  }
  for (const [name, set] of Object.entries(document.sets)) {
    if (set.firstDifference === undefined) continue;
    const text =
      typeof set.firstDifference === 'string'
        ? set.firstDifference
        : JSON.stringify(set.firstDifference, null, 2);
    lines.push('', `first difference in ${name}:`, text);
  }
  lines.push('', document.ok ? 'Every result is as the original code gave it.' : failureSentence(document));
  return `${lines.join('\n')}\n`;
}

/**
 * Runs the command.
 *
 * @param directories - folders with golden data; none for the default
 * @param flags - as they come from the command line
 * @param context - where text goes, and the signal of an interrupt or time limit
 * @returns the exit code
 */
export async function conformanceCommand(
  directories: readonly string[],
  flags: ConformanceFlags,
  context: CommandContext,
): Promise<number> {
  const { runConformance } = await import('../conformance/conformance.js');
  const line = createProgressLine(context.terminal);
  let document: ConformanceSummary;
  try {
    document = await runConformance(
      { directories, only: flags.only ?? [] },
      {
        signal: context.signal,
        onProgress: ({ set, file, done, total }) => {
          line.draw(`${set}: ${file} (${String(done)} of ${String(total)})`);
        },
      },
    );
  } finally {
    line.clear();
  }
  context.terminal.out(
    flags.json === true ? `${JSON.stringify(document, null, 2)}\n` : renderConformance(document),
  );
  if (context.signal.aborted) return EXIT_INTERRUPTED;
  return document.ok ? EXIT_FINE : EXIT_FAILED;
}

function failureSentence(document: ConformanceSummary): string {
  const failed = Object.values(document.sets).reduce((sum, set) => sum + set.failed, 0);
  return failed === 0
    ? 'Nothing was replayed: no set that this version can replay was found.'
    : `${String(failed)} ${failed === 1 ? 'replay differs' : 'replays differ'} from the original code.`;
}
