/**
 * The command that plays a schedule again, as a person types it.
 */

/** What the command must say so that the same scenario is played. */
export interface CommandFacts {
  readonly token: string;
  /** The module with the scenario, as an address or a path; null for a scenario that is found by its token. */
  readonly module: string | null;
  readonly variants: readonly string[];
  /** Names of the kinds of faults. */
  readonly faults: readonly string[];
  /** Whether the detectors watched. */
  readonly detectors: boolean;
  /** Steps after which a schedule is stopped, when that is not the usual number. */
  readonly stepLimit?: number | undefined;
}

/**
 * The command.
 * @param facts - what it must say
 */
export function replayCommand(facts: CommandFacts): string {
  const words = ['npx swaplab replay', facts.token];
  if (facts.module !== null) {
    words.push('--scenario', quoted(pathOf(facts.module)));
    for (const variant of facts.variants) words.push('--variant', quoted(variant));
    if (facts.faults.length > 0) words.push('--faults', facts.faults.join(','));
    if (facts.stepLimit !== undefined) words.push('--step-limit', String(facts.stepLimit));
  }
  if (!facts.detectors) words.push('--no-detectors');
  return words.join(' ');
}

function pathOf(module: string): string {
  return module.startsWith('file://') ? decodeURIComponent(new URL(module).pathname) : module;
}

function quoted(word: string): string {
  return /^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
