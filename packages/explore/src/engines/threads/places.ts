/**
 * Places of points in code that was not woven: they have no site, so a replay that is to be reported looks at the stack instead, and gives each
 * place a number.
 *
 * Looking costs a thousand times what a point does, so it is done in no other schedule. Only the trace and the detectors get the numbers; so the hash
 * of such a trace is not that of its token.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from '../job.js';

/** Where the operations themselves are: their callers are meant. */
const INSIDE = /\/kernel-mm\/(?:dist|src)[^/]*\/sync\/|\/explore\/(?:dist|src)\/engines\//;
const FRAME = /^\s*at (?:(.*?) \()?(file:\/\/.*|\/.*):(\d+):(\d+)\)?$/;
const FRAMES = 24;

/** Names the places of one thread. */
export class Places {
  private readonly known = new Map<string, number>();
  private readonly tell: (place: Place) => void;

  /** @param tell - gets each place once */
  constructor(tell: (place: Place) => void) {
    this.tell = tell;
  }

  /**
   * The number of the place whose code is running: the innermost function that is not an operation itself.
   * @returns 0 when there is none
   */
  here(): number {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    const { stack = '' } = new Error();
    Error.stackTraceLimit = limit;
    let operation = '';
    for (const line of stack.split('\n').slice(1)) {
      const [, name = '', file = '', row = '', column = ''] = FRAME.exec(line) ?? [];
      if (file === '') continue;
      if (!INSIDE.test(file)) return this.siteOf(name, file, Number(row), Number(column), operation);
      if (!/ThreadControl|Places/.test(name)) operation = name;
    }
    return 0;
  }

  private siteOf(name: string, file: string, line: number, column: number, operation: string): number {
    const key = `${file}:${line}:${column}`;
    let site = this.known.get(key);
    if (site === undefined) {
      site = hashOf(key);
      this.known.set(key, site);
      const path = file.startsWith('file://') ? fileURLToPath(file) : file;
      const primitive = operation.replace(/^AnnouncingCells\./, 'Cells.');
      const info = {
        file: relative(process.cwd(), path),
        line,
        column,
        function: name.replace(/^Object\./, ''),
        primitive,
        kind: '',
      };
      this.tell({ site, path, info });
    }
    return site;
  }
}

/** FNV-1a; never 0, which means that no place is known. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  return hash | 1;
}
