/**
 * How a detector says what it has found, and in which words.
 */
import type { Core, LockNesting, Site } from '@swaplab/kernel-mm';
import type { FailureKind } from '../engines/job.js';
import { atSite, DetectedError } from './watch.js';

/** What detectors need to write sentences, and where they note that they have found something. */
export class Findings {
  /** Names of the threads. */
  readonly threads: readonly string[];
  private readonly core: Core;
  private readonly words: Int32Array;
  private readonly quiet: number;

  /**
   * @param core - for names
   * @param threads - their names
   * @param words - shared by the group
   * @param quiet - the word that is set once something was found: the rest of the schedule is only being cleared away
   */
  constructor(core: Core, threads: readonly string[], words: Int32Array, quiet: number) {
    this.core = core;
    this.threads = threads;
    this.words = words;
    this.quiet = quiet;
  }

  /**
   * Something was found.
   * @param kind - what
   * @param sentence - in one sentence
   * @param details - further lines
   * @throws DetectedError always
   */
  report(kind: FailureKind, sentence: string, details = ''): never {
    this.words[this.quiet] = 1;
    throw new DetectedError(kind, sentence, details);
  }

  /** Name of a thread. */
  thread(task: number): string {
    return this.threads[task] ?? `thread ${task}`;
  }

  /** Name of what lies at an address. */
  object(address: number): string {
    return this.core.context.layout.describe(address);
  }

  /** Name of a lock class. */
  lockClass(lockClass: number): string {
    return this.core.context.classes.nameOf(lockClass);
  }

  /** Whether locks of a class may lie in each other. */
  nestingOf(lockClass: number): LockNesting {
    return this.core.context.classes.nestingOf(lockClass);
  }

  /** Who does what where: `'process 1 stores at site 12'`. */
  deed(task: number, verb: string, site: Site): string {
    return `${this.thread(task)} ${verb}${atSite(site)}`;
  }
}
