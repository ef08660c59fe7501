/**
 * A trace file: which format it has, which device of it is replayed, and its rows, as often as they are wanted.
 *
 * The file is read from the start for each pass, so a trace may be longer than the memory.
 */
import { EnvironmentError, UsageError } from '../../errors.js';
import { BlkparseReader, BlkparseSurvey, isBlkparseLine, type BlkparseChoice } from './blkparse.js';
import { CsvReader, isCsvHeader } from './csv.js';
import { FioReader, FioSurvey, isFioHeader } from './fio-iolog.js';
import { badLine, forEachLine, quoteLine } from './lines.js';
import { TRACE_FORMATS, type RowReader, type TraceFormat, type TraceOddities, type TraceRow } from './row.js';

/** What may be said of a file beforehand. */
export interface TraceFileOptions {
  /** Null to see it from the contents. */
  readonly format: TraceFormat | null;
  /** `maj,min` in a text of blkparse, a file name in an iolog; null for the first one. */
  readonly device: string | null;
}

/** What is done with a row; it is overwritten by the next one. */
export type RowVisitor = (row: Readonly<TraceRow>) => void;

/** A trace that can be read. */
export class TraceFile {
  readonly path: string;
  readonly format: TraceFormat;
  /** The device whose requests are replayed; null where a file has only one. */
  readonly device: string | null;
  private readonly createReader: () => RowReader;

  /** Made by {@link openTrace}. */
  constructor(path: string, format: TraceFormat, device: string | null, createReader: () => RowReader) {
    this.path = path;
    this.format = format;
    this.device = device;
    this.createReader = createReader;
  }

  /**
   * Reads the file once.
   *
   * @param signal - ends it
   * @param visit - gets each row
   * @returns what was odd
   * @throws EnvironmentError when the file cannot be read or has a bad line, the reason of the signal, and what `visit` throws
   */
  async forEachRow(signal: AbortSignal | undefined, visit: RowVisitor): Promise<Readonly<TraceOddities>> {
    const reader = this.createReader();
    const row: TraceRow = { tUs: 0, op: 'W', slot: 0, n: 1, unmap: false };
    await forEachLine(this.path, signal, (line, number) => {
      if (reader.read(line, number, row)) visit(row);
      return true;
    });
    return reader.oddities;
  }
}

/**
 * Opens a trace.
 *
 * @param path - of the file
 * @param options - what is known of it
 * @param signal - ends it
 * @throws EnvironmentError when it cannot be read or is no trace; UsageError when the device is not in it
 */
export async function openTrace(
  path: string,
  options: TraceFileOptions,
  signal: AbortSignal | undefined,
): Promise<TraceFile> {
  const format = options.format ?? (await recognise(path, signal));
  if (format === 'blkparse') return openBlkparse(path, options.device, signal);
  if (format === 'fio') return openFio(path, options.device, signal);
  if (options.device !== null)
    throw new UsageError(
      `device ${options.device} cannot be chosen: a trace of the format csv has only one device`,
    );
  return new TraceFile(path, 'csv', null, () => new CsvReader(path));
}

/** Says which format a file has by its first line. */
async function recognise(path: string, signal: AbortSignal | undefined): Promise<TraceFormat> {
  let first: { readonly line: string; readonly number: number } | null = null;
  await forEachLine(path, signal, (line, number) => {
    if (line.trim() === '') return true;
    first = { line, number };
    return false;
  });
  // The compiler does not see that the visitor was called.
  const found = first as { readonly line: string; readonly number: number } | null;
  if (found === null) throw new EnvironmentError(`${path} is empty: there is nothing to replay`);
  if (isFioHeader(found.line)) return 'fio';
  if (isCsvHeader(found.line)) return 'csv';
  if (isBlkparseLine(found.line)) return 'blkparse';
  throw badLine(
    path,
    found.number,
    `${quoteLine(found.line)} is the beginning of no trace that is known; allowed: ${TRACE_FORMATS.join(', ')}`,
  );
}

async function openBlkparse(
  path: string,
  device: string | null,
  signal: AbortSignal | undefined,
): Promise<TraceFile> {
  const survey = new BlkparseSurvey(path);
  await forEachLine(path, signal, (line, number) => {
    survey.look(line, number);
    return true;
  });
  const chosen = chooseDevice(path, 'device', survey.devices(), device);
  const choice = survey.choose(chosen) as BlkparseChoice;
  return new TraceFile(path, 'blkparse', chosen, () => new BlkparseReader(path, choice));
}

async function openFio(
  path: string,
  device: string | null,
  signal: AbortSignal | undefined,
): Promise<TraceFile> {
  const survey = new FioSurvey(path);
  await forEachLine(path, signal, (line, number) => {
    survey.look(line, number);
    return true;
  });
  const file = chooseDevice(path, 'file', survey.files, device);
  return new TraceFile(path, 'fio', file, () => new FioReader(path, file));
}

function chooseDevice(path: string, what: string, there: readonly string[], asked: string | null): string {
  const [first] = there;
  if (first === undefined)
    throw new EnvironmentError(`${path} has no read, write or discard: there is nothing to replay`);
  if (asked === null) return first;
  if (there.includes(asked)) return asked;
  throw new UsageError(`device ${asked} is not in ${path}; it has the ${what}s ${there.join(', ')}`);
}
