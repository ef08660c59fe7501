// Child processes of the set-up and test scripts. No dependencies: it runs before anything is installed.
//
// Promise: every child that is started here is known until it ends, so that stopAll() leaves none behind.
// Each child leads a process group of its own (not on Windows), because npm and mocha start further processes.
import { spawn } from 'node:child_process';
import process from 'node:process';

const ownGroup = process.platform !== 'win32';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * Runs a program to its end and never rejects.
 *
 * @param {string} program path or name of the program
 * @param {string[]} programArguments its arguments, passed on without a shell
 * @param {{ cwd: string, show?: boolean, env?: Record<string, string>, shell?: boolean }} options
 *   `show` lets the child write to our own output; otherwise what it wrote comes back in `output`
 * @returns {Promise<{ code: number, output: string }>} `code` is 128 when a signal ended it, 127 when it did not start
 */
export function run(program, programArguments, options) {
  return new Promise((resolve) => {
    const child = spawn(program, programArguments, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', options.show ? 'inherit' : 'pipe', options.show ? 'inherit' : 'pipe'],
      detached: ownGroup,
      shell: options.shell ?? false,
    });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text));
    running.add(child);
    child.on('error', (error) => {
      running.delete(child);
      resolve({ code: 127, output: `${program}: ${error.message}\n` });
    });
    child.on('close', (code) => {
      running.delete(child);
      resolve({ code: code ?? 128, output });
    });
  });
}

/** Runs a JavaScript file under this very Node. Parameters and result as for {@link run}. */
export function runNode(file, fileArguments, options) {
  return run(process.execPath, [file, ...fileArguments], options);
}

/** Ends every child that still runs, with all the processes it has started. */
export function stopAll() {
  for (const child of running) {
    try {
      if (ownGroup && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      else child.kill('SIGKILL');
    } catch {
      // It ended by itself in between.
    }
  }
}
