/**
 * What `swaplab explore --json` and `swaplab replay --json` print. Fields may be added, never renamed, within a schema number.
 */
import type { FailureKind, Finding, ReportModel, StrategyName } from '@swaplab/explore';

/** The engines. */
export const ENGINES = ['threads', 'stepped'] as const;
/** One of them. */
export type EngineName = (typeof ENGINES)[number];

/** How a failure that the stepped engine has found plays on real threads. */
export interface ThreadsConfirmation {
  /** How often it was played, and failed alike with the same trace each time. */
  readonly confirmed: number;
  /** What was different, or null. */
  readonly difference: string | null;
}

/** A failure that was found. */
export interface FindingDocument {
  readonly kind: FailureKind;
  /** What went wrong, in one sentence. */
  readonly sentence: string;
  /** Plays it again. */
  readonly token: string;
  /** How often another thread goes on. */
  readonly switches: number;
  readonly preemptions: number;
  /** Threads that take part. */
  readonly threads: number;
  readonly minimal: boolean;
  /** What is known about that, in words. */
  readonly minimality: string;
  /** The schedule of its group in which it was found, the first being 1; null when a token was played. */
  readonly schedule: number | null;
  readonly group: number;
  /** The strategy that found it; null when a token was played. */
  readonly strategy: string | null;
  /** How often it was played again. */
  readonly confirmed: number;
  /** Null when it was found on real threads, or could not be played there. */
  readonly onThreads: ThreadsConfirmation | null;
  /** The command that plays it again. */
  readonly command: string;
  /** Everything that is known about the schedule. */
  readonly report: ReportModel;
}

/** `swaplab.explore/1`. */
export interface ExploreDocument {
  readonly schema: 'swaplab.explore/1';
  readonly scenario: string;
  /** File of its module; null for a scenario of the museum. */
  readonly file: string | null;
  readonly engine: EngineName;
  readonly strategy: StrategyName;
  /** Of PCT or of the search; null for the usual one. */
  readonly depth: number | null;
  readonly seed: number;
  readonly variants: readonly string[];
  readonly faults: readonly string[];
  readonly detectors: boolean;
  readonly stepLimit: number;
  /** Groups of threads that searched side by side. */
  readonly groups: number;
  /** Whether each group was kept on one core. */
  readonly pinned: boolean;
  /** Schedules of all groups that ended, the failed one included. */
  readonly schedules: number;
  /** About how many of them were different. */
  readonly distinct: number;
  readonly steps: number;
  /** Seconds of the search alone. */
  readonly seconds: number;
  /** The k of PCT: the most points of a schedule at which more than one thread could go on. */
  readonly contendedPoints: number;
  /** For the search: what was searched completely, in words. */
  readonly complete: string | null;
  /** Whether it was ended early: by an interrupt or a time limit. */
  readonly interrupted: boolean;
  readonly finding: FindingDocument | null;
}

/** What an engine made of a schedule that was played over and over. */
export interface ReplayedOn {
  readonly engine: EngineName;
  readonly pinned: boolean;
  /** How often it was played. */
  readonly times: number;
  /** How often it failed with the trace of the token and the memory of the first time. */
  readonly reproduced: number;
  /** How often it came to its end without failing. */
  readonly clean: number;
  readonly kind: FailureKind | null;
  readonly sentence: string | null;
  readonly steps: number;
  /** Hashes of the first replay, as unsigned numbers in hexadecimal. */
  readonly traceHash: string;
  readonly memoryHash: string;
  /** The first difference from what was expected, in words, or null. */
  readonly difference: string | null;
  readonly seconds: number;
}

/** `swaplab.replay/1`. */
export interface ReplayTokenDocument {
  readonly schema: 'swaplab.replay/1';
  readonly scenario: string;
  readonly file: string | null;
  readonly variants: readonly string[];
  readonly faults: readonly string[];
  readonly detectors: boolean;
  readonly stepLimit: number;
  readonly token: string;
  readonly decisions: number;
  readonly engines: readonly ReplayedOn[];
  /** Whether every replay on every engine failed, with the trace of the token. */
  readonly reproduced: boolean;
  /** Whether every replay came to its end without failing. */
  readonly clean: boolean;
  readonly interrupted: boolean;
  /** The failure, as it is now: of `--shrink` made smaller, of `--then` a new one. */
  readonly finding: FindingDocument | null;
  /** Schedules of `--then`, 0 without it. */
  readonly schedules: number;
}

/**
 * A finding as it stands in documents.
 *
 * @param finding - as the library tells it
 * @param report - about it
 * @param onThreads - how it plays there
 */
export function findingDocument(
  finding: Finding,
  report: ReportModel,
  onThreads: ThreadsConfirmation | null,
): FindingDocument {
  const { kind, token, switches, preemptions, threads, minimal, minimality } = finding;
  const { schedule, group, strategy, confirmed } = finding;
  return {
    kind,
    // The report has the places of the source in it, where the failure has their numbers.
    sentence: report.sentence,
    token,
    switches,
    preemptions,
    threads,
    minimal,
    minimality,
    schedule,
    group,
    strategy,
    confirmed,
    onThreads,
    command: report.command,
    report,
  };
}
