/**
 * What every floor above stands on, as one thread sees it: accessors, the running task, locks and names.
 */
import type { Symbols } from '../arena/symbols.js';
import type { Cells } from './cells.js';
import type { Context } from './context.js';
import type { Locks } from './locks.js';

/** One thread's view of the lower floors of a machine. */
export interface Core {
  readonly cells: Cells;
  readonly context: Context;
  readonly locks: Locks;
  readonly symbols: Symbols;
}
