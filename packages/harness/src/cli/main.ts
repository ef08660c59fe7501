/**
 * The entry of the `swaplab` command: connects the process to `runCommandLine`.
 *
 * Signals are taken care of before anything else is loaded. The first one asks the command to end: it keeps what it has, prints it, and the
 * process exits with 130 (SIGINT) or 143 (SIGTERM). A second one leaves at once, by that signal. Otherwise `process.exitCode` is set and the process ends by
 * itself, so that output which is still on its way into a pipe is not cut.
 */
import { EXIT_ENVIRONMENT, EXIT_FINE, InterruptedError } from '../errors.js';
import { reasonOf } from '../files.js';

const interrupt = new AbortController();
/** Once the command has said its last word, a signal must speak for itself. */
let ended = false;

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    const reason = new InterruptedError(name);
    if (interrupt.signal.aborted) leaveAtOnce(name);
    if (ended) process.stderr.write(`swaplab: ${reason.message}\n`);
    process.exitCode = reason.exitCode;
    interrupt.abort(reason);
  });
}

/** As if nobody had listened. `process.exit` would first end all threads, and one that hangs could keep it. */
function leaveAtOnce(name: NodeJS.Signals): void {
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}

/** Whether data was lost because it could not be written. */
let outputLost = false;

// A reader that has seen enough, such as `head`, closes the pipe: that is not an error of ours. The data that can no longer be delivered is
// dropped, the exit code stays what the command decides. A full disk behind the stream is worth a sentence.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' || outputLost) return;
  outputLost = true;
  process.stderr.write(`swaplab: the output cannot be written: ${reasonOf(error)}\n`);
  setExitCode(EXIT_ENVIRONMENT);
});
// There is nowhere left to complain.
process.stderr.on('error', () => {});

const [{ runCommandLine }, { processTerminal }] = await Promise.all([
  import('./program.js'),
  import('./terminal.js'),
]);
const exitCode = await runCommandLine(process.argv.slice(2), processTerminal(), interrupt.signal);
ended = true;
setExitCode(exitCode);

/** An interrupt goes before everything else, lost output before what the command found. */
function setExitCode(code: number): void {
  if (interrupt.signal.aborted) return;
  if (outputLost) process.exitCode = EXIT_ENVIRONMENT;
  else if (code !== EXIT_FINE) process.exitCode = code;
}
