/**
 * The `swaplab` command line: which commands there are, what may be said to them, and what they exit with.
 *
 * A thin layer: options are read and checked here, the work is done by the library, which is loaded only when a
 * command needs it. Nothing here ends the process.
 */
import { readFileSync } from 'node:fs';

import { KERNEL_EVENT_TYPES } from '@swaplab/kernel-mm';
import { Command, CommanderError } from 'commander';

import {
  EnvironmentError,
  EXIT_FINE,
  EXIT_FAILED,
  EXIT_INTERRUPTED,
  EXIT_USAGE,
  InterruptedError,
  UsageError,
} from '../errors.js';
import { PAGES_SPEC_FORMS } from '../pages/spec.js';
import { REPLAY_SLOTS } from '../replay/options.js';
import { TRACE_FORMATS } from '../replay/formats/row.js';
import { RUN_CODECS, RUN_POLICIES, RUN_PROFILES, RUN_SCENARIOS, RUN_SPINLOCKS } from '../run/options.js';
import { INJECTED_FAULTS } from '../swappers/task.js';
import { WORKLOAD_NAMES } from '../workload/plan.js';
import { BENCH_GROUPS, benchCommand, type BenchFlags } from './bench-command.js';
import { conformanceCommand, type ConformanceFlags } from './conformance-command.js';
import { addScheduleCommands } from './schedule-program.js';
import type { ReplayTraceFlags } from './replay-trace-command.js';
import { runCommand, type RunFlags } from './run-command.js';
import type { RzscontrolFlags, ZramctlFlags } from './rzscontrol-command.js';
import type { CommandContext, Terminal } from './terminal.js';
import { parseInteger, parseSeconds, parseSeed, splitList, withTimeLimit } from './values.js';

const EXIT_CODES = `
Exit codes:
  0    everything was fine
  1    a check failed or a bug was found
  2    wrong usage
  3    the environment lacks something
  124  the time limit was reached
  130  interrupted (SIGINT; a second one leaves at once)
  143  terminated (SIGTERM)`;

/**
 * Runs one command line to its end.
 *
 * @param words - the command line without the program
 * @param terminal - where text goes
 * @param signal - aborted when the person at the terminal interrupts
 * @returns the exit code; it never rejects
 */
export async function runCommandLine(
  words: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  let exitCode = EXIT_FINE;
  const program = buildProgram({ terminal, signal }, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(words, { from: 'user' });
    if (!signal.aborted) return exitCode;
    const { message, exitCode: interruptedCode } = interruptOf(signal);
    terminal.err(`swaplab: ${message}; what was finished before is in the output\n`);
    return interruptedCode;
  } catch (error) {
    return reportError(error, terminal, signal);
  }
}

function buildProgram(context: CommandContext, setExitCode: (code: number) => void): Command {
  const { terminal } = context;
  const program = new Command('swaplab');
  // Set before the commands are added: they take these settings over.
  program
    .exitOverride()
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'swaplab: '));
      },
      getOutHasColors: () => terminal.colour,
    })
    .showHelpAfterError('(swaplab --help shows what is possible)')
    .helpCommand(false)
    .description(
      'Runs a faithful model of the Linux 2.6.34 swap core and its compressed-RAM swap driver on real threads,\n' +
        'and shows what happens when the device is, and is not, told that a swap slot was freed.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .addHelpText('after', `${EXIT_CODES}\n\nExample:\n  $ swaplab run --policy none,notify --seed 1\n`);

  program
    .command('run')
    .description('run one workload under several policies, and show the difference')
    .option('--policy <list>', `policies, separated by commas: ${RUN_POLICIES.join(', ')}, or all`)
    .option(
      '--profile <name>',
      `which faults of history are in the code: ${RUN_PROFILES.join(', ')} (default: sound)`,
    )
    .option('--swappers <n>', 'worker threads that swap, 1 to 32 (default: 4)', parseInteger)
    .option('--disks <n>', 'compressed-RAM disks, 1 to 29 (default: one for each swapper)', parseInteger)
    .option('--ops <n>', 'steps of all swappers together, under each policy (default: 60000)', parseInteger)
    .option(
      '--duration <time>',
      'go on for so long under each policy, --ops steps over and over: seconds, or 90s, 10m, 1h',
    )
    .option('--mapped <size>', 'memory that each swapper maps (default: follows from --ops)')
    .option('--limit <size>', 'memory that may stay resident (default: a quarter of what is mapped)')
    .option('--ram <size>', 'memory of the machine (default: enough for all disks, stored raw)')
    .option('--disksize <size>', 'size of each disk (default: two slots for each mapped page)')
    .option('--workload <name>', `what the swappers do: ${WORKLOAD_NAMES.join(', ')} (default: phased)`)
    .option(
      '--scenario <name>',
      `a situation with sizes and a workload of its own: ${RUN_SCENARIOS.join(', ')}; list shows what each is about (default: none)`,
    )
    .option('--pages <spec>', `what the pages contain: ${PAGES_SPEC_FORMS}`)
    .option('--pages-out <file>', 'keep the pages in a file, which --pages can read again')
    .option('--codec <name>', `how pages are compressed: ${RUN_CODECS.join(', ')} (default: lzo1x-2010)`)
    .option(
      '--dictionary <what>',
      'what lzo1x-2010 does with its dictionary before each page: cleared, or kept, as the original (default: cleared)',
    )
    .option('--seed <n>', 'repeats the pages and the steps of a run (default: random, and shown)', parseSeed)
    .option(
      '--time-limit <seconds>',
      'stop with a report after so long (default: 300, and all durations)',
      parseSeconds,
    )
    .option(
      '--inject <fault>',
      `break one swapper on purpose, to see the report: ${INJECTED_FAULTS.join(', ')}`,
    )
    .option(
      '--spinlock <kind>',
      `how spinlocks wait: ${RUN_SPINLOCKS.join(', ')} (default: adaptive); ticket locks are served in order, which needs a core for each swapper`,
    )
    .option(
      '--page-cluster <n>',
      'read 2^n slots at a time when one is wanted, 0 for no read-ahead (default: 0; 3 in 2.6.34)',
      parseInteger,
    )
    .option(
      '--io-errors <rate>',
      'let so many transfers to and from the disks fail: 0.001, or read:0.0005,write:0.01 (default: none)',
    )
    .option('--no-lock-stats', 'do not count how long locks are held and waited for')
    .option('--report <file>', 'write the report as an HTML page, curves included, that needs no network')
    .option(
      '--trace-out <file>',
      'write all events as a Chrome trace, which https://ui.perfetto.dev shows; compressed when its name ends in .gz',
    )
    .option(
      '--trace-events <list>',
      `events to trace, separated by commas (default: all): ${KERNEL_EVENT_TYPES.join(', ')}`,
      splitList,
    )
    .option(
      '--trace-limit <n>',
      'most events in the trace, shared by the policies (default: 6000000)',
      parseInteger,
    )
    .option('-q, --quiet', 'show no progress')
    .option('--json', 'print one JSON document instead of the report')
    .addHelpText(
      'after',
      `\nSizes are bytes, or whole numbers with K, M or G behind them: multiples of a page of 4096 bytes.\n` +
        'Pages come from a file, from all files below a directory, from the memory of process N (Linux), or are\n' +
        'generated; at most 1024 are taken, spread over what is there.\n' +
        '\nA scenario assumes options of its own where nothing is said, and says at the end what came of it and why. Some expect certain results, and a run\n' +
        'in which these do not come fails; with other sizes than they assume they expect nothing.\n' +
        '\nA historical profile has the faults of its version, in the swap core and in the driver. What goes wrong is named together with the\nfaults that can cause it.\n' +
        `${EXIT_CODES}\n\nExample:\n  $ swaplab run --policy none,notify --swappers 4 --ops 200000 --seed 1\n` +
        '  $ swaplab run --pages pid:$$ --pages-out pages.bin --seed 1\n' +
        '  $ swaplab run --scenario memory-squeeze --seed 1\n  $ swaplab run --scenario list\n' +
        '  $ swaplab run --policy notify --duration 10m --seed 1\n',
    )
    .action(async (flags: RunFlags) => {
      setExitCode(await runCommand(flags, context));
    });

  program
    .command('bench')
    .description('measure the speed of the parts, against the goals')
    .option('--only <list>', `groups to measure, separated by commas: ${BENCH_GROUPS.join(', ')}`, splitList)
    .option(
      '--zram',
      'write the same pages to an idle zram device of this machine, too, which needs Linux and root; alone, nothing else is measured',
    )
    .option('--seed <n>', 'accepted as by all commands; these measurements draw no random numbers', parseSeed)
    .option('--time-limit <seconds>', 'stop after so long (default: 300)', parseSeconds)
    .option('--json', 'print one JSON document instead of the table')
    .addHelpText(
      'after',
      `${EXIT_CODES}\n\nExample:\n  $ swaplab bench --only sync --json\n  # swaplab bench --zram\n`,
    )
    .action(async (flags: BenchFlags) => {
      setExitCode(await withTimeLimit(flags.timeLimit, context, (inner) => benchCommand(flags, inner)));
    });

  program
    .command('conformance')
    .description('replay data made by the original C code, and compare every result')
    .argument(
      '[dir...]',
      'folders with golden data (default: $SWAPLAB_GOLDEN, else the selection included here)',
    )
    .option('--only <set>', 'sets to replay, separated by commas, such as xvmalloc', splitList)
    .option('--seed <n>', 'accepted as by all commands; a replay draws no random numbers', parseSeed)
    .option('--time-limit <seconds>', 'stop after so long (default: 300)', parseSeconds)
    .option('--json', 'print one JSON document instead of the table')
    .addHelpText('after', `${EXIT_CODES}\n\nExample:\n  $ swaplab conformance --only xvmalloc\n`)
    .action(async (directories: string[], flags: ConformanceFlags) => {
      setExitCode(
        await withTimeLimit(flags.timeLimit, context, (inner) =>
          conformanceCommand(directories, flags, inner),
        ),
      );
    });

  program
    .command('replay-trace')
    .description('replay a real trace of a swap device or disk under several policies')
    .argument(
      '<file>',
      'the trace: columns t_us,op,slot,n,why, text of blkparse, or iolog of fio; .gz or not',
    )
    .option('--policy <list>', `policies, separated by commas: ${RUN_POLICIES.join(', ')}, or all`)
    .option(
      '--slots <whose>',
      `whose slots pages go to: ${REPLAY_SLOTS.join(', ')} (default: ours, from our allocator; recorded: the device alone, with the numbers of the trace)`,
    )
    .option(
      '--samples <file>',
      "what the real kernel's device held meanwhile (default: NAME.samples.csv.gz beside the trace, if it is there)",
    )
    .option('--no-samples', 'compare with nothing')
    .option(
      '--format <name>',
      `how the trace is written: ${TRACE_FORMATS.join(', ')} (default: seen from its contents)`,
    )
    .option(
      '--device <name>',
      'the device in a text of blkparse, maj,min, or the file in an iolog (default: the first)',
    )
    .option(
      '--pages <spec>',
      `what the pages contain: ${PAGES_SPEC_FORMS}, or trace-sizes (default: trace-sizes, generated with the sizes that the samples tell of)`,
    )
    .option('--codec <name>', `how pages are compressed: ${RUN_CODECS.join(', ')} (default: lzo1x-2010)`)
    .option(
      '--profile <name>',
      `which faults of history are in the code: ${RUN_PROFILES.join(', ')} (default: sound)`,
    )
    .option('--repeat <n>', 'replay the trace so often, one time after the other (default: 1)', parseInteger)
    .option('--disksize <size>', 'size of our disk (default: two slots for each that is in use at a time)')
    .option('--seed <n>', 'repeats the contents of the pages (default: random, and shown)', parseSeed)
    .option('--time-limit <seconds>', 'stop after so long (default: 300)', parseSeconds)
    .option('--no-lock-stats', 'do not count how long locks are held')
    .option('--report <file>', 'write the report as an HTML page, curves included, that needs no network')
    .option('-q, --quiet', 'show no progress')
    .option('--json', 'print one JSON document instead of the report')
    .addHelpText(
      'after',
      `${EXIT_CODES}\n\nExample:\n  $ swaplab replay-trace swap.csv.gz --policy none,notify --report report.html\n` +
        '  $ blkparse -i sda | gzip >sda.txt.gz; swaplab replay-trace sda.txt.gz --slots recorded\n',
    )
    .action(async (file: string, flags: ReplayTraceFlags) => {
      const { replayTraceCommand } = await import('./replay-trace-command.js');
      setExitCode(
        await withTimeLimit(flags.timeLimit, context, (inner) => replayTraceCommand(file, flags, inner)),
      );
    });

  addScheduleCommands(program, context, EXIT_CODES, setExitCode);

  // The tool reads its own words, as it always did; its usage is the help, too.
  program
    .command('rzscontrol')
    .description("the driver's own tool: sets up a ramzswap device of a machine kept in a file")
    .usage('--machine FILE DEVICE OPTION...')
    .argument('[words...]', 'the device, then options of the tool')
    .option('--machine <file>', 'the machine; a new one is made when there is no such file')
    .option('--devices <n>', 'devices of a new machine, 1 to 32 (default: 1)', parseInteger)
    .option('--profile <name>', `profile of a new machine: ${RUN_PROFILES.join(', ')} (default: sound)`)
    .option('--ram <size>', 'memory of a new machine (default: 256M)')
    .option('--seed <n>', 'of the random numbers of a new machine (default: 1)', parseSeed)
    .option('--json', 'print one JSON document instead of text')
    .helpOption(false)
    .allowUnknownOption()
    .action(async (words: string[], flags: RzscontrolFlags) => {
      const { rzscontrolCommand } = await import('./rzscontrol-command.js');
      setExitCode(rzscontrolCommand(words, flags, context));
    });

  program
    .command('zramctl')
    .description('list the initialised ramzswap devices of a machine kept in a file')
    .requiredOption('--machine <file>', 'the machine')
    .option('--seed <n>', 'accepted as by all commands; a table draws no random numbers', parseSeed)
    .option('--json', 'print one JSON document instead of the table, sizes in bytes')
    .addHelpText('after', `${EXIT_CODES}\n\nExample:\n  $ swaplab zramctl --machine m.swaplab\n`)
    .action(async (flags: ZramctlFlags) => {
      const { zramctlCommand } = await import('./rzscontrol-command.js');
      setExitCode(zramctlCommand(flags, context));
    });

  // Commander would answer a misspelt command with a count of arguments.
  program.allowExcessArguments().action(() => {
    const [name] = program.args;
    const verdict = name === undefined ? 'no command is given' : `command "${name}" is not known`;
    throw new UsageError(
      `${verdict}; allowed: run, bench, conformance, replay-trace, explore, replay, museum, rzscontrol, zramctl; swaplab --help shows more`,
    );
  });
  return program;
}

/** Prints an error as one sentence and says what to exit with. */
function reportError(error: unknown, terminal: Terminal, signal: AbortSignal): number {
  if (error instanceof CommanderError) {
    // Help and version end this way, too; what was wrong has been printed already.
    return error.exitCode === 0 ? EXIT_FINE : EXIT_USAGE;
  }
  if (signal.aborted) {
    const { message, exitCode } = interruptOf(signal);
    // What rejects because it was interrupted is no news; a file that cannot be written is.
    if (error instanceof EnvironmentError) terminal.err(`swaplab: ${error.message}\n`);
    terminal.err(`swaplab: ${message}\n`);
    return exitCode;
  }
  const exitCode = exitCodeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  if (terminal.debug && stack !== undefined) {
    terminal.err(`swaplab: ${stack}\n`);
  } else if (exitCode === null) {
    terminal.err(`swaplab: ${message} (this is a bug in swaplab; SWAPLAB_DEBUG=1 shows where)\n`);
  } else {
    terminal.err(`swaplab: ${message}\n`);
  }
  return exitCode ?? EXIT_FAILED;
}

/** Why a command ends early: a signal of the system, or whatever else a caller gave as the reason. */
function interruptOf(signal: AbortSignal): { readonly message: string; readonly exitCode: number } {
  return signal.reason instanceof InterruptedError
    ? signal.reason
    : { message: 'interrupted', exitCode: EXIT_INTERRUPTED };
}

function exitCodeOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('exitCode' in error)) return null;
  return typeof error.exitCode === 'number' ? error.exitCode : null;
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const description: unknown = JSON.parse(text);
  if (typeof description === 'object' && description !== null && 'version' in description) {
    return String(description.version);
  }
  throw new Error('the package of swaplab has no version');
}
