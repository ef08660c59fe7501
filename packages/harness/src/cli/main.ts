/**
 * The entry of the `swaplab` command: connects the process to `runCommandLine`.
 *
 * It sets `process.exitCode` and lets the process end by itself, so that output which is still on its way into a
 * pipe is not cut. Only a second interrupt leaves at once.
 */
import { EXIT_FINE, EXIT_INTERRUPTED } from '../errors.js';
import { runCommandLine } from './program.js';
import { processTerminal } from './terminal.js';

const interrupt = new AbortController();

process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(EXIT_INTERRUPTED);
  interrupt.abort(new Error('interrupted'));
});

// A reader that has seen enough, such as `head`, closes the pipe: that is not an error of ours. The data that can
// no longer be delivered is dropped, the exit code stays what the command decides.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const exitCode = await runCommandLine(process.argv.slice(2), processTerminal(), interrupt.signal);
if (exitCode !== EXIT_FINE) process.exitCode = exitCode;
