/**
 * The museum for a terminal.
 */
import type { Room } from '@swaplab/museum';
import { createColors } from 'picocolors';

import type { TableStyle } from '../report/table.js';
import { wrap } from '../report/wrap.js';
import type { MuseumDocument, RoomDocument, RoomsDocument } from './document.js';
import { isWell } from './run-museum.js';

const COLUMNS_MAX = 96;
const COLUMNS_DEFAULT = 80;

/**
 * The list of rooms.
 *
 * @param rooms - that are open
 * @param style - how it may look
 * @returns text with a line feed at its end
 */
export function roomList(rooms: readonly Room[], style: TableStyle): string {
  const colours = createColors(style.colour);
  const width = widthOf(style);
  const ids = Math.max(...rooms.map(({ id }) => id.length));
  const lines = rooms.flatMap(({ id, title, detector }) => [
    `${colours.bold(id.padEnd(ids))}  ${title}`,
    ...wrap(' '.repeat(ids + 2), `seen by: ${detector}`, width).map((line) => colours.dim(line)),
  ]);
  return `${lines.join('\n')}\n\n  $ swaplab museum ${rooms[0]?.id ?? 'ID'}\n  $ swaplab museum --all\n`;
}

/**
 * The list of rooms as a document.
 *
 * @param rooms - that are open
 */
export function roomsDocument(rooms: readonly Room[]): RoomsDocument {
  return {
    schema: 'swaplab.museum-rooms/1',
    rooms: rooms.map(({ id, title, scenario, variants, detector }) => ({
      id,
      title,
      scenario,
      variants,
      detector,
    })),
  };
}

/**
 * The story of a room.
 *
 * @param room - any
 * @param style - how it may look
 * @returns text with a line feed at its end
 */
export function roomStory({ id, title, story, sources }: Room, style: TableStyle): string {
  const colours = createColors(style.colour);
  const width = widthOf(style);
  const lines = [colours.bold(`${id}: ${title}`), ''];
  for (const paragraph of story) lines.push(...wrap('', paragraph, width), '');
  for (const source of sources) lines.push(...wrap('  ', source, width).map((line) => colours.dim(line)));
  return `${lines.join('\n')}\n\n`;
}

/**
 * What was found in a room, below its report.
 *
 * @param room - that was visited
 * @param style - how it may look
 * @returns text with a line feed at its end
 */
export function roomVerdict(room: RoomDocument, style: TableStyle): string {
  const colours = createColors(style.colour);
  const { onThreads } = room;
  const lines: string[] = [];
  const search = `${plural(room.schedules, 'schedule')} in ${room.seconds.toFixed(2)} s`;
  if (room.found) lines.push(`Found after ${search}.`);
  else if (room.unexpected === null) lines.push(colours.red(`Not found: nothing failed in ${search}.`));
  else lines.push(colours.red(`Not found, but something else: ${room.unexpected}`));
  if (onThreads !== null) {
    lines.push(
      onThreads.difference === null
        ? `On real threads: ${onThreads.confirmed} of ${onThreads.confirmed} replays fail alike, step for step.`
        : colours.red(`On real threads it plays differently: ${onThreads.difference}`),
    );
  }
  lines.push(...fixedLines(room, colours));
  return `${lines.join('\n')}\n`;
}

/**
 * All rooms as a table.
 *
 * @param document - of the visit
 * @param style - how it may look
 * @returns text with a line feed at its end
 */
export function museumTable(document: MuseumDocument, style: TableStyle): string {
  const colours = createColors(style.colour);
  const rooms = [...document.bugs, ...(document.canary === null ? [] : [document.canary])];
  const table = [
    ['room', 'found as', 'schedules', 'seconds', 'switches', 'minimal', 'threads', 'fixed form'],
  ];
  for (const room of rooms) table.push(rowOf(room));
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((cells) => (cells[column] ?? '').length)),
  );
  const lines = table.map((cells, row) => {
    const text = cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
    const room = rooms[row - 1];
    return room === undefined ? colours.dim(text) : isWell(room) ? text : colours.red(text);
  });
  lines.push('');
  for (const { id, unexpected, fixedFinding, onThreads } of rooms) {
    if (unexpected !== null) lines.push(`${id}: something else failed: ${unexpected}`);
    if (onThreads !== null && onThreads.difference !== null)
      lines.push(`${id}: on real threads: ${onThreads.difference}`);
    if (fixedFinding !== null)
      lines.push(`${id}: the fixed form fails: ${fixedFinding.sentence}\n  ${fixedFinding.command}`);
  }
  lines.push(verdictOf(document, rooms), `Seed ${document.seed}, ${document.engine} engine.`);
  return `${lines.join('\n')}\n`;
}

/**
 * One line of a log for a room that is done.
 *
 * @param room - that was visited
 */
export function roomLine({
  id,
  found,
  kind,
  schedules,
  seconds,
  fixedClean,
  fixedSchedules,
}: RoomDocument): string {
  const verdict = found ? `${String(kind)} found` : 'not found';
  const fixed =
    fixedClean === null
      ? ''
      : `; fixed form ${fixedClean ? 'clean' : 'NOT clean'} over ${count(fixedSchedules)}`;
  return `${id}: ${verdict} after ${plural(schedules, 'schedule')}, ${seconds.toFixed(2)} s${fixed}\n`;
}

function rowOf(room: RoomDocument): string[] {
  const { id, found, kind, schedules, seconds, switches, minimal, onThreads, fixedClean, fixedSchedules } =
    room;
  return [
    id,
    found ? String(kind) : 'NOT FOUND',
    count(schedules),
    seconds.toFixed(2),
    String(switches ?? '-'),
    minimal === null ? '-' : minimal ? 'yes' : 'not proven',
    onThreads === null ? '-' : onThreads.difference === null ? 'alike' : 'DIFFERENT',
    fixedClean === null ? '-' : `${fixedClean ? 'clean' : 'NOT CLEAN'}, ${count(fixedSchedules)}`,
  ];
}

function verdictOf(document: MuseumDocument, rooms: readonly RoomDocument[]): string {
  const found = rooms.filter((room) => room.found).length;
  const clean = rooms.filter((room) => room.fixedClean === true).length;
  const played = rooms.filter((room) => room.fixedClean !== null).length;
  const ended = document.interrupted ? ', when it was ended' : '';
  return `${found} of ${rooms.length} found, ${clean} of ${played} fixed forms clean${ended}, in ${document.seconds.toFixed(1)} s.`;
}

function fixedLines(room: RoomDocument, colours: ReturnType<typeof createColors>): string[] {
  const { fixedClean, fixedSchedules, fixedFinding } = room;
  if (fixedFinding !== null) {
    return [
      colours.red(
        `The fixed form fails after ${plural(fixedSchedules, 'schedule')}: ${fixedFinding.sentence}`,
      ),
      fixedFinding.command,
    ];
  }
  if (fixedSchedules === 0) return [];
  const schedules = plural(fixedSchedules, 'schedule');
  return [
    `The fixed form: ${colours.green('clean')} over ${schedules}${fixedClean === null ? ', when it was ended' : ''}.`,
  ];
}

function widthOf({ columns = COLUMNS_DEFAULT }: TableStyle): number {
  return Math.min(columns, COLUMNS_MAX);
}

function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
