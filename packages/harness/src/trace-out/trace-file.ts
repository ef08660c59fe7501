/**
 * A file in the Chrome Trace format, as a stream: it is never in memory as a whole, and it is valid JSON whenever it is ended.
 *
 * The format: `{"displayTimeUnit":"ns","traceEvents":[...],"otherData":{...}}`, one event a line. Times are microseconds with fractions. A name that
 * ends in `.gz` has the file compressed. Nothing is at its path before it is ended; a pipe gets it as it comes.
 *
 * What cannot be written is kept in mind and said at the end: a run is worth more than its trace.
 */
import type { EnvironmentError } from '../errors.js';
import { AtomicFile, type FileOptions } from '../files.js';
import { GzipPieces } from './gzip.js';

/** What the file is called in messages. */
export const TRACE_FILE: FileOptions = { what: 'the trace' };

/** Bytes that are put together before they are written. */
const CHUNK_BYTES = 1 << 18;
/** The most that is put together in one go: an event with the longest text there is. */
const EVENT_BYTES_MAX = 1 << 14;
const BEGINNING = '{"displayTimeUnit":"ns","traceEvents":[\n';
const BILLION = 1e9;
const ZERO = 0x30;
const POINT = 0x2e;

/** The stream of events. */
export class TraceFile {
  readonly #file: AtomicFile;
  readonly #gzip: GzipPieces | null;
  #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #length = 0;
  #isFirst = true;
  #error: EnvironmentError | null = null;

  /**
   * @param path - where; compressed when it ends in `.gz`
   * @throws EnvironmentError when it cannot be written, with the reason
   */
  constructor(path: string) {
    const file = new AtomicFile(path, TRACE_FILE);
    this.#file = file;
    this.#gzip = path.endsWith('.gz')
      ? new GzipPieces((bytes) => {
          file.write(bytes);
        })
      : null;
    this.#put(BEGINNING);
  }

  /**
   * Appends an event.
   * @param event - one JSON object in ASCII, without a line break
   */
  add(event: string): void {
    this.#begin();
    this.#put(event);
  }

  /**
   * Appends an event that happens at a moment.
   * @param head - ASCII up to its time: `{...,"ts":`
   * @param ns - since the beginning
   * @param tail - ASCII behind it: `,...}`
   */
  addMoment(head: string, ns: number, tail: string): void {
    this.#begin();
    this.#put(head);
    this.#putMicroseconds(ns);
    this.#put(tail);
  }

  /**
   * Appends an event that takes time.
   * @param head - ASCII up to its time: `{...,"ts":`
   * @param ns - when it began, since the beginning
   * @param duration - in ns
   * @param tail - ASCII behind it: `,...}`
   */
  addSpan(head: string, ns: number, duration: number, tail: string): void {
    this.#begin();
    this.#put(head);
    this.#putMicroseconds(ns);
    this.#put(',"dur":');
    this.#putMicroseconds(duration);
    this.#put(tail);
  }

  /**
   * Ends the file and puts it in its place.
   * @param otherData - what is said about the whole
   * @throws EnvironmentError when something could not be written, now or before; then there is no file
   */
  end(otherData: Readonly<Record<string, unknown>>): void {
    this.#attempt(() => {
      this.#flush();
      this.#pass(Buffer.from(`\n],"otherData":${JSON.stringify(otherData)}}\n`, 'utf8'));
      this.#gzip?.end();
      this.#file.commit();
    });
    if (this.#error !== null) throw this.#error;
  }

  /** Ends the file and leaves nothing of it. */
  discard(): void {
    this.#file.discard();
  }

  /** Makes room for an event and sets it apart from the one before. */
  #begin(): void {
    if (this.#length > CHUNK_BYTES - EVENT_BYTES_MAX) this.#attempt(() => this.#flush());
    if (!this.#isFirst) this.#put(',\n');
    this.#isFirst = false;
  }

  // There are millions of events, so their bytes are put here one by one: strings of them would have to be made, joined and collected again.

  #put(text: string): void {
    const chunk = this.#chunk;
    let at = this.#length;
    for (let index = 0; index < text.length; index++) chunk[at++] = text.charCodeAt(index);
    this.#length = at;
  }

  /** Whole nanoseconds as microseconds, exactly. */
  #putMicroseconds(ns: number): void {
    const whole = Math.floor(ns / 1000);
    const rest = ns - whole * 1000;
    if (!Number.isInteger(ns)) {
      this.#put(String(ns / 1000));
      return;
    }
    if (whole >= BILLION) {
      this.#putDigits(Math.floor(whole / BILLION), 1);
      this.#putDigits(whole % BILLION, BILLION / 10);
    } else this.#putDigits(whole, 1);
    if (rest === 0) return;
    this.#chunk[this.#length++] = POINT;
    this.#putDigits(rest, 100);
  }

  /** A whole number below a billion, with at least as many digits as `least` has. */
  #putDigits(value: number, least: number): void {
    let unit = least;
    while (unit * 10 <= value) unit *= 10;
    let rest = value | 0;
    for (; unit >= 1; unit = (unit / 10) | 0) {
      const digit = (rest / unit) | 0;
      this.#chunk[this.#length++] = ZERO + digit;
      rest -= digit * unit;
    }
  }

  #flush(): void {
    const bytes = this.#chunk.subarray(0, this.#length);
    this.#length = 0;
    this.#pass(bytes);
  }

  #pass(bytes: Uint8Array): void {
    if (this.#gzip === null) this.#file.write(bytes);
    else this.#gzip.push(bytes);
  }

  #attempt(work: () => void): void {
    if (this.#error !== null) {
      this.#length = 0;
      return;
    }
    try {
      work();
    } catch (error) {
      this.#error = error as EnvironmentError;
    }
  }
}
