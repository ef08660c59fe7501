/**
 * Programs in C that do the same as a part of ours, for comparison: compiled when they are needed, by the compiler of this machine.
 *
 * Promise: where there is no compiler, or it fails, the answer is a reason and not an error. A program is compiled once for each version of its
 * source and kept in a folder for temporary files that belongs to this user alone. Everything here takes a bounded time, and a program never
 * outlives its owner: it ends with its input.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The programs, `c/NAME.c`. */
export type CProgram = 'codec-peers' | 'lzo1x' | 'lzo1x-current' | 'slots' | 'xvmalloc';

/** What a program includes of ours. */
const HEADERS: Readonly<Partial<Record<CProgram, readonly string[]>>> = {
  lzo1x: ['codec-bench.h'],
  'lzo1x-current': ['codec-bench.h'],
};

/** What is linked beside the C library. */
const LIBRARIES: Readonly<Partial<Record<CProgram, readonly string[]>>> = {
  'codec-peers': ['-llzo2', '-llz4'],
};

/** The compiler that is used when no other is named. */
export const COMPILER_DEFAULT = 'gcc';

const FLAGS = ['-O2', '-std=c11'];
const COMPILE_LIMIT_MS = 20_000;
const ANSWER_LIMIT_MS = 60_000;

/** A program that runs: each line of its input is a command, each line of its output an answer in JSON. */
export class CTwin {
  private readonly child: ChildProcess;
  private readonly name: string;
  private readonly lines: string[] = [];
  /** Why there will be no more lines; null while it runs. */
  private ended: string | null = null;
  private wake: (() => void) | null = null;

  /**
   * @param name - for messages
   * @param child - just spawned, with pipes
   */
  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    const over = (why: string): void => {
      this.ended ??= why;
      this.wake?.();
    };
    child.on('error', (error) => over(error.message));
    child.on('exit', (code, signal) => over(`it ended with ${signal ?? `code ${String(code)}`}`));
    // A write to a program that has ended fails; its owner learns of it by the answer that does not come.
    child.stdin?.on('error', () => undefined);
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(line);
      this.wake?.();
    });
  }

  /**
   * Gives a command.
   * @param command - one line without its end
   * @param signal - ends the wait early
   * @returns the answer
   */
  ask(command: string, signal: AbortSignal | undefined): Promise<unknown> {
    this.child.stdin?.write(`${command}\n`);
    return this.answer(signal);
  }

  /**
   * Waits for a line.
   * @param signal - ends the wait early
   * @returns the line, read as JSON; rejects when the program has ended or does not answer within a minute
   */
  async answer(signal: AbortSignal | undefined): Promise<unknown> {
    const deadline = performance.now() + ANSWER_LIMIT_MS;
    for (;;) {
      signal?.throwIfAborted();
      const line = this.lines.shift();
      if (line !== undefined) return JSON.parse(line);
      if (this.ended !== null) throw new Error(`The C program ${this.name} gave no answer: ${this.ended}.`);
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(
          `The C program ${this.name} has not answered within ${String(ANSWER_LIMIT_MS / 1000)} s.`,
        );
      await this.pause(left, signal);
    }
  }

  /** Ends the program wherever it is. */
  end(): void {
    this.child.kill('SIGKILL');
  }

  /** Until something has happened or the time is over. */
  private pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        this.wake = null;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal?.addEventListener('abort', done);
      this.wake = done;
    });
  }
}

/**
 * Compiles a program, if it is not there yet, and starts it.
 * @param name - which
 * @param args - of its command line
 * @param compiler - command of the compiler
 * @param signal - ends the wait for the compiler early
 * @returns the running program, or the reason why there is none
 */
export async function startTwin(
  name: CProgram,
  args: readonly string[],
  compiler: string,
  signal: AbortSignal | undefined,
): Promise<CTwin | string> {
  const compiled = await compile(name, compiler, signal);
  if (compiled.reason !== undefined) return compiled.reason;
  return new CTwin(name, spawn(compiled.file, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
}

type Compiled =
  | { readonly file: string; readonly reason?: undefined }
  | { readonly reason: string; readonly file?: undefined };

async function compile(name: CProgram, compiler: string, signal: AbortSignal | undefined): Promise<Compiled> {
  const source = new URL(`../../c/${name}.c`, import.meta.url);
  const hash = createHash('sha256').update(readFileSync(source));
  for (const header of HEADERS[name] ?? []) hash.update(readFileSync(new URL(header, source)));
  const key = hash
    .update(JSON.stringify([compiler, FLAGS, LIBRARIES[name] ?? []]))
    .digest('hex')
    .slice(0, 16);
  const folder = cacheFolder();
  const file = join(folder, `${name}-${key}`);
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return { file };
  // Compiled under a name of its own first: another process may be at it, too.
  const partial = `${file}.${String(process.pid)}`;
  const libraries = LIBRARIES[name] ?? [];
  const args = [...FLAGS, '-o', partial, fileURLToPath(source), ...libraries];
  const reason = await runCompiler(compiler, args, signal);
  if (reason !== null) {
    rmSync(partial, { force: true });
    return { reason };
  }
  renameSync(partial, file);
  return { file };
}

function runCompiler(
  compiler: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(
      compiler,
      [...args],
      { timeout: COMPILE_LIMIT_MS, ...(signal === undefined ? {} : { signal }) },
      (error, _out, complaint) => {
        if (error === null) resolve(null);
        else if (error.code === 'ENOENT') resolve(`there is no ${compiler} to compile the C twin`);
        else resolve(`${compiler} could not compile the C twin: ${firstLine(complaint) ?? error.message}`);
      },
    );
  });
}

function firstLine(text: string): string | undefined {
  return text.split('\n').find((line) => line.trim() !== '');
}

/** A folder only this user can write to: what lies there is executed. */
function cacheFolder(): string {
  const { uid, username } = userInfo();
  const folder = join(tmpdir(), `swaplab-c-${uid >= 0 ? String(uid) : username}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const facts = lstatSync(folder);
  const isOurs = facts.isDirectory() && (uid < 0 || facts.uid === uid) && (facts.mode & 0o022) === 0;
  return isOurs ? folder : mkdtempSync(join(tmpdir(), 'swaplab-c-'));
}
