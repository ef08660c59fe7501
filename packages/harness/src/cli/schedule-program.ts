/**
 * The commands that choose schedules: `explore`, `replay` and `museum`, and what may be said to them. The work is loaded only when one is called.
 */
import { FAULT_NAMES, STRATEGIES } from '@swaplab/explore';
import type { Command } from 'commander';

import type { ExploreFlags } from './explore-command.js';
import type { MuseumFlags } from './museum-command.js';
import type { ReplayFlags } from './replay-command.js';
import type { CommandContext } from './terminal.js';
import {
  collect,
  parseCount,
  parseInteger,
  parseSeconds,
  parseSeed,
  splitList,
  withTimeLimit,
} from './values.js';

const ENGINE_WORDS = 'threads (real ones) or stepped (the woven twin)';

/**
 * Adds the commands.
 *
 * @param program - to which
 * @param context - where text goes, and the signal of an interrupt
 * @param exitCodes - what stands at the end of each help
 * @param setExitCode - told what to exit with
 */
export function addScheduleCommands(
  program: Command,
  context: CommandContext,
  exitCodes: string,
  setExitCode: (code: number) => void,
): void {
  addExplore(program, context, exitCodes, setExitCode);
  addReplay(program, context, exitCodes, setExitCode);
  addMuseum(program, context, exitCodes, setExitCode);
}

function addExplore(
  program: Command,
  context: CommandContext,
  exitCodes: string,
  setExitCode: (code: number) => void,
): void {
  program
    .command('explore')
    .description('search the schedules of a scenario for one that fails')
    .argument('[scenario]', 'its name, or the file of a module with one; --list shows the names')
    .option(
      '--engine <name>',
      `${ENGINE_WORDS} (default: stepped where the scenario is woven, which is faster, else threads)`,
    )
    .option('--strategy <name>', `how schedules are chosen: ${STRATEGIES.join(', ')} (default: portfolio)`)
    .option(
      '--depth <n>',
      'depth of pct (default: 3), or most preemptions of search (default: no limit)',
      parseInteger,
    )
    .option('--schedules <n>', 'schedules at most (default: 10000, without limit with --seconds)', parseCount)
    .option('--seconds <s>', 'seconds at most', parseSeconds)
    .option(
      '--variant <id>',
      'a deliberately wrong variant of the kernel or the driver; may be repeated',
      collect,
    )
    .option(
      '--faults <list>',
      `faults that may be injected: ${FAULT_NAMES.join(', ')} (default: none)`,
      splitList,
    )
    .option('--step-limit <n>', 'steps after which a schedule is a livelock (default: 20000)', parseCount)
    .option('--seed <n>', 'repeats a search (default: random, and shown)', parseSeed)
    .option(
      '--groups <n>',
      'groups of threads that search side by side (default: one a core for a long search)',
      parseCount,
    )
    .option('--no-detectors', 'do not look for data races, wrong orders of locks, and misuse of memory')
    .option('--no-shrink', 'do not make a failure smaller')
    .option('--save <file>', 'write the failure to a file, which replay reads')
    .option('--html <file>', 'write the failure as an HTML page to step through, which needs no network')
    .option('--trace-out <file>', 'write the failure as a Chrome trace, which https://ui.perfetto.dev shows')
    .option('--shiviz <file>', 'write the failure as a log for ShiViz')
    .option('--list', 'list the scenarios')
    .option(
      '--time-limit <seconds>',
      'stop with what was done after so long (default: 300, or --seconds and 60 more)',
      parseSeconds,
    )
    .option('-q, --quiet', 'show no progress')
    .option('--json', 'print one JSON document instead of the report')
    .addHelpText(
      'after',
      '\nA failure is played again 100 times before it is told, made smaller, and given a token. One that the stepped engine has found is played on\n' +
        'real threads, too. The same seed and number of groups find the same failure.\n' +
        `${exitCodes}\n\nExample:\n  $ swaplab explore slot-reads --variant d01 --seed 1\n` +
        '  $ swaplab explore ./scenario.js --strategy search --depth 2\n',
    )
    .action(async (scenario: string | undefined, flags: ExploreFlags) => {
      const { exploreCommand } = await import('./explore-command.js');
      const limit =
        flags.timeLimit ?? (flags.seconds === undefined ? undefined : Math.max(300, flags.seconds + 60));
      setExitCode(await withTimeLimit(limit, context, (inner) => exploreCommand(scenario, flags, inner)));
    });
}

function addReplay(
  program: Command,
  context: CommandContext,
  exitCodes: string,
  setExitCode: (code: number) => void,
): void {
  program
    .command('replay')
    .description('play a schedule again that was found, from its token')
    .argument('<token>', 'the token, or a file that explore has saved')
    .option('--scenario <name>', 'the scenario, or the file of its module (default: found by the token)')
    .option('--variant <id>', 'a deliberately wrong variant that it was found with; may be repeated', collect)
    .option('--faults <list>', `faults that it was found with: ${FAULT_NAMES.join(', ')}`, splitList)
    .option('--step-limit <n>', 'step limit that it was found with (default: 20000)', parseCount)
    .option('--engine <name>', `${ENGINE_WORDS}, or both (default: both where the scenario is woven)`)
    .option('--times <n>', 'how often it is played on each engine (default: 100)', parseCount)
    .option('--no-pin', 'let real threads run on all cores, not on one')
    .option('--no-detectors', 'do not look for what the detectors find')
    .option('--shrink', 'make it smaller, and print the new token')
    .option('--then <strategy>', 'play it as the beginning of other schedules, and let this strategy go on')
    .option('--prefix <n>', 'with --then: only so many of its decisions', parseInteger)
    .option('--schedules <n>', 'with --then: schedules at most (default: 10000)', parseCount)
    .option('--seed <n>', 'with --then: repeats the search (default: random, and shown)', parseSeed)
    .option('--save <file>', 'write the failure to a file')
    .option('--html <file>', 'write the failure as an HTML page to step through, which needs no network')
    .option('--trace-out <file>', 'write the failure as a Chrome trace, which https://ui.perfetto.dev shows')
    .option('--shiviz <file>', 'write the failure as a log for ShiViz')
    .option('--time-limit <seconds>', 'stop after so long (default: 300)', parseSeconds)
    .option('-q, --quiet', 'show no progress')
    .option('--json', 'print one JSON document instead of the report')
    .addHelpText(
      'after',
      '\nThe exit code says whether there is a bug: 1 when the schedule fails, be it N times of N, or does not do the same each time; 0 when it comes\n' +
        'to its end without failing each time, as after a fault was mended.\n' +
        `${exitCodes}\n\nExample:\n  $ swaplab replay sl1.AbC... --times 1000\n  $ swaplab replay finding.json --html finding.html\n`,
    )
    .action(async (token: string, flags: ReplayFlags) => {
      const { replayCommand } = await import('./replay-command.js');
      setExitCode(
        await withTimeLimit(flags.timeLimit, context, (inner) => replayCommand(token, flags, inner)),
      );
    });
}

function addMuseum(
  program: Command,
  context: CommandContext,
  exitCodes: string,
  setExitCode: (code: number) => void,
): void {
  program
    .command('museum')
    .description('the historical bugs: list them, find them, and show that the mended code is clean')
    .argument('[id]', 'a room, such as d01; without it the rooms are listed')
    .option('--all', 'find the bug of every room')
    .option(
      '--engine <name>',
      `${ENGINE_WORDS} (default: stepped; what it finds is played on real threads, too)`,
    )
    .option('--seconds <s>', 'seconds for the search in each room (default: 60)', parseSeconds)
    .option(
      '--fixed <n>',
      'schedules of the mended code that must be clean, 0 for none (default: 20000 with --all, else 2000)',
      parseInteger,
    )
    .option('--seed <n>', 'repeats the searches (default: random, and shown)', parseSeed)
    .option('--html <file>', 'for one room: write the failure as an HTML page to step through')
    .option('--save <file>', 'for one room: write the failure to a file, which replay reads')
    .option('--time-limit <seconds>', 'stop with what was done after so long (default: 3600)', parseSeconds)
    .option('-q, --quiet', 'show no progress')
    .option('--json', 'print one JSON document instead of the report')
    .addHelpText(
      'after',
      '\nThe exit code is 0 when every bug was found and all mended code was clean.\n' +
        `${exitCodes}\n\nExample:\n  $ swaplab museum d01\n  $ swaplab museum --all --seconds 60 --json\n`,
    )
    .action(async (id: string | undefined, flags: MuseumFlags) => {
      const { museumCommand } = await import('./museum-command.js');
      setExitCode(
        await withTimeLimit(flags.timeLimit ?? 3600, context, (inner) => museumCommand(id, flags, inner)),
      );
    });
}
