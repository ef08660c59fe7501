/**
 * What is opened when a scenario is explored or played again.
 */
import type { Engine } from '../engines/job.js';
import type { DefinedScenario } from '../scenario/define.js';

/** An engine, and what it was opened for. */
export interface OpenScenario {
  readonly engine: Engine;
  readonly scenario: DefinedScenario<unknown, unknown>;
  /** For tokens. */
  readonly hash: number;
  /** Address of its module, in the build that is played. */
  readonly module: string;
}
