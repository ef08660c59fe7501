/**
 * `swaplab museum`: from flags to a visit, and from what was found to a report and an exit code.
 */
import { ROOMS, type Room } from '@swaplab/museum';

import { EXIT_FAILED, EXIT_FINE, UsageError } from '../errors.js';
import { reportText } from '../explore/renderings.js';
import { allowedNames } from '../explore/words.js';
import type { MuseumDocument } from '../museum/document.js';
import { CANARY, runMuseum, type MuseumOptions, type MuseumProgress } from '../museum/run-museum.js';
import { museumTable, roomLine, roomList, roomsDocument, roomStory, roomVerdict } from '../museum/text.js';
import { UINT32_RANGE } from '../random.js';
import { createProgressLine } from './progress.js';
import {
  assertScheduleFiles,
  typedEngine,
  writeScheduleFiles,
  type ScheduleFileFlags,
} from './schedule-files.js';
import type { CommandContext } from './terminal.js';

/** The flags of `swaplab museum`, as they come from the command line. */
export interface MuseumFlags extends Pick<ScheduleFileFlags, 'html' | 'save'> {
  readonly all?: true;
  readonly engine?: string;
  readonly seconds?: number;
  readonly fixed?: number;
  readonly seed?: number;
  readonly timeLimit?: number;
  readonly quiet?: true;
  readonly json?: true;
}

const SECONDS = 60;
const FIXED_ALL = 20_000;
const FIXED_ONE = 2000;
const FIXED_MAX = 1e9;

/**
 * Turns flags into options.
 *
 * @param id - the room that is asked for; undefined for all
 * @param flags - as they come from the command line
 * @throws UsageError with one sentence for the first value that is not possible
 */
export function museumOptionsOf(id: string | undefined, flags: MuseumFlags): MuseumOptions {
  const room = ROOMS.find((one) => one.id === id);
  if (id !== undefined && room === undefined) {
    const ids = ROOMS.map((one) => one.id);
    throw new UsageError(`room "${id}" is not known; ${allowedNames(id, ids)}`);
  }
  const fixed = flags.fixed ?? (room === undefined ? FIXED_ALL : FIXED_ONE);
  if (fixed < 0 || fixed > FIXED_MAX)
    throw new UsageError(`fixed ${fixed} is not possible; allowed: 0 to ${FIXED_MAX}`);
  return {
    rooms: room === undefined ? ROOMS : [room],
    engine: typedEngine(flags.engine) ?? 'stepped',
    seconds: flags.seconds ?? SECONDS,
    fixed,
    seed: flags.seed ?? Math.floor(Math.random() * UINT32_RANGE),
    reports: room !== undefined,
  };
}

/**
 * Runs the command.
 *
 * @param id - the room that is asked for; undefined for none
 * @param flags - as they come from the command line
 * @param context - where text goes, and the signal of an interrupt or time limit
 * @returns the exit code, unless the signal was aborted: then `runCommandLine` decides
 */
export async function museumCommand(
  id: string | undefined,
  flags: MuseumFlags,
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context;
  if (id !== undefined && flags.all === true)
    throw new UsageError(`--all visits every room: give it or ${id}, not both`);
  if (id === undefined && flags.all !== true) {
    const list = flags.json === true ? json(roomsDocument(ROOMS)) : roomList(ROOMS, terminal);
    terminal.out(list);
    return EXIT_FINE;
  }
  const options = museumOptionsOf(id, flags);
  const [room] = options.rooms;
  const isOne = id !== undefined && room !== undefined;
  if (!isOne && (flags.html ?? flags.save) !== undefined)
    throw new UsageError('--html and --save are for one room: which one?');
  assertScheduleFiles(flags);
  const isText = flags.json !== true;
  if (isText && isOne) terminal.out(roomStory(room, terminal));
  const line = createProgressLine(terminal);
  let document: MuseumDocument;
  try {
    document = await runMuseum(options, {
      signal,
      onProgress: (progress) => {
        if (flags.quiet !== true) line.draw(museumProgressText(progress, options));
      },
      onRoom: (done) => {
        if (flags.quiet === true || isOne) return;
        line.clear();
        terminal.err(roomLine(done));
      },
    });
  } finally {
    line.clear();
  }
  const result = document.bugs[0] ?? document.canary;
  if (!isText) terminal.out(json(document));
  else if (!isOne) terminal.out(museumTable(document, terminal));
  else if (result !== null) {
    if (result.report !== undefined) terminal.out(`${reportText(result.report, terminal)}\n`);
    terminal.out(roomVerdict(result, terminal));
  }
  if (isOne && result?.report !== undefined) {
    const { report, token } = result;
    const { scenario, variants } = room;
    // In the shape that `swaplab replay` reads.
    const saved = { ...document, scenario, variants, file: null, finding: { ...result, report, token } };
    const story = { title: `${room.id}: ${room.title}`, paragraphs: room.story };
    await writeScheduleFiles(flags, saved, report, story);
  }
  return document.ok ? EXIT_FINE : EXIT_FAILED;
}

/**
 * The text of a line of progress.
 *
 * @param progress - what was told last
 * @param options - of the visit
 */
export function museumProgressText(progress: MuseumProgress, options: MuseumOptions): string {
  const { room, phase, schedules, done, rooms } = progress;
  const of = rooms > 1 ? `${done} of ${rooms} rooms done, ` : '';
  const number = schedules.toLocaleString('en-US');
  const doing: Record<MuseumProgress['phase'], string> = {
    search: `${number} schedules`,
    shrink: `found in schedule ${number}, making it smaller`,
    fixed: `fixed form, ${number} of ${options.fixed.toLocaleString('en-US')} schedules`,
  };
  return `museum: ${of}${nameOf(room)}: ${doing[phase]}`;
}

function nameOf({ id, title }: Room): string {
  return id === CANARY ? id : `${id} (${title})`;
}

function json(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
