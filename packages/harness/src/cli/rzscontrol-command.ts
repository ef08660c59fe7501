/**
 * `swaplab rzscontrol` and `swaplab zramctl`: the driver's own tool, and a table of its devices, on a machine kept in a file.
 *
 * A file that is not there stands for a machine that was just booted with the driver loaded: rzscontrol makes it, and writes it when a device was
 * asked for anything that changes it. Statistics alone leave the file as it is, and make none.
 */
import { existsSync } from 'node:fs';

import {
  createMachine,
  KernelBug,
  KernelError,
  MisuseError,
  PAGE_SIZE,
  type Machine,
} from '@swaplab/kernel-mm';
import { NATURAL_POLICY, ramzswap } from '@swaplab/ramzswap';

import { EnvironmentError, EXIT_FAILED, EXIT_FINE, UsageError } from '../errors.js';
import { assertFileWritable } from '../files.js';
import { loadMachine, saveMachine } from '../machine-file/machine-file.js';
import { parseSize, RUN_PROFILES, type RunProfile } from '../run/options.js';
import { parseRzscontrol } from '../rzscontrol/arguments.js';
import { rzscontrol, type RzscontrolFailure, type RzscontrolOutcome } from '../rzscontrol/rzscontrol.js';
import { plainStats, statsText } from '../rzscontrol/stats-text.js';
import { strerror } from '../rzscontrol/strerror.js';
import { zramctlRows, zramctlTable } from '../rzscontrol/zramctl.js';
import type { CommandContext } from './terminal.js';

/** The flags of `swaplab rzscontrol` that are ours, not the tool's. */
export interface RzscontrolFlags {
  readonly machine?: string;
  readonly devices?: number;
  readonly profile?: string;
  readonly ram?: string;
  readonly seed?: number;
  readonly json?: true;
}

/** The flags of `swaplab zramctl`. */
export interface ZramctlFlags {
  readonly machine?: string;
  readonly seed?: number;
  readonly json?: true;
}

/** The schemas of the documents that `--json` prints. */
export const RZSCONTROL_SCHEMA = 'swaplab.rzscontrol/1';
export const ZRAMCTL_SCHEMA = 'swaplab.zramctl/1';

const RAM_BYTES_DEFAULT = 256 << 20;
/** Room for page tables, and for all but the disks. */
const TABLE_BYTES_LEAST = 4 << 20;
/** For each page of a disk: an entry of the driver's table, a byte of a swap map, and what belongs to a cluster. */
const TABLE_BYTES_PER_SLOT = 10;
/** The driver warns of disks that are larger than so many times the memory; up to there, every disk has room for its tables. */
const DISK_TO_RAM = 2;

/** The usage of the tool, and of what we add to it. */
export const RZSCONTROL_USAGE = `Usage: swaplab rzscontrol --machine FILE DEVICE OPTION...
Sets up a ramzswap device, on a machine kept in a file.

Options of the tool, done in this order whatever the order of the words:
  -b, --backing_swap PATH  forward what does not compress well to this disk or file
  -m, --memlimit_kb N      with a backing swap: most KB of compressed pages in memory
  -d, --disksize_kb N      size of the disk in KB (default: a quarter of the memory)
  -i, --init               make the device usable
  -r, --reset              free all its data and forget its settings
  -s, --stats              print statistics
  -v, --verbose            tell each step
  -h, --help               print this

Options of swaplab:
  --machine FILE           the machine; a new one is made when there is no such file
  --json                   print one JSON document instead of text
  For a new machine only:
  --devices N              devices, 1 to 32 (default: 1)
  --profile NAME           ${RUN_PROFILES.join(', ')} (default: sound)
  --ram SIZE               its memory (default: 256M)
  --seed N                 of its random numbers (default: 1)

swapoff does not free compressed pages, --reset does, once nothing is swapped to the device.
Numbers have at most 10 digits. A new machine has the disk /dev/ram0 of 4 MiB.

Exit codes:
  0  everything was done, or this was printed
  1  a step failed; it is named, with the reason, and those after it were not tried
  2  wrong usage
  3  the file cannot be read or written, or holds no machine

Examples:
  $ swaplab rzscontrol --machine m.swaplab /dev/ramzswap0 --disksize_kb 65536 --init
  $ swaplab rzscontrol --machine m.swaplab /dev/ramzswap0 --stats
  $ swaplab zramctl --machine m.swaplab
`;

/**
 * Runs `swaplab rzscontrol`.
 *
 * @param words - what is for the tool: the device, then options
 * @param flags - what is for us
 * @param context - where text goes
 * @returns the exit code
 */
export function rzscontrolCommand(
  words: readonly string[],
  flags: RzscontrolFlags,
  { terminal }: CommandContext,
): number {
  const parsed = parseRzscontrol(words);
  if (parsed.kind === 'usage') {
    terminal.out(RZSCONTROL_USAGE);
    return EXIT_FINE;
  }
  const path = machinePath(flags.machine, 'rzscontrol');
  if (parsed.kind === 'error') {
    const { what, errno } = parsed;
    return finish(null, { what, errno });
  }
  const machine = openOrCreate(path, flags);
  const view = machine.attach({ name: 'rzscontrol', mayWait: true });
  const { request } = parsed;
  let outcome: RzscontrolOutcome;
  try {
    outcome = rzscontrol(view, request, (line) => terminal.err(`${line}\n`));
  } catch (error) {
    const { profile } = machine.config;
    if (!(error instanceof KernelBug) || profile === 'sound') throw error;
    // That is what such a kernel did. The file keeps the machine of before: this one is of no use any more.
    terminal.err(`the machine stopped, as one of ${profile} may; the file is as it was: ${error.message}\n`);
    return EXIT_FAILED;
  }
  view.detach();
  const { stats, failure, changed } = outcome;
  if (changed) saveMachine(machine, path);
  const text =
    flags.json === true
      ? jsonText({ device: request.device, stats: stats === null ? null : plainStats(stats), failure })
      : stats === null
        ? ''
        : statsText(stats);
  return finish(text, failure);

  function finish(out: string | null, failed: RzscontrolFailure | null): number {
    if (failed !== null) terminal.err(`${failed.what}: ${strerror(failed.errno)}\n`);
    if (out !== null) terminal.out(out);
    else if (flags.json === true)
      terminal.out(jsonText({ device: words[0] ?? '', stats: null, failure: failed }));
    return failed === null ? EXIT_FINE : EXIT_FAILED;
  }
}

/**
 * Runs `swaplab zramctl`.
 *
 * @param flags - as they come from the command line
 * @param context - where text goes
 * @returns the exit code
 */
export function zramctlCommand(flags: ZramctlFlags, { terminal }: CommandContext): number {
  const machine = openMachineFile(machinePath(flags.machine, 'zramctl'));
  const view = machine.attach({ name: 'zramctl', mayWait: true });
  const codec = codecOf(machine);
  const rows = codec === null ? [] : zramctlRows(view, codec);
  view.detach();
  terminal.out(
    flags.json === true
      ? `${JSON.stringify({ schema: ZRAMCTL_SCHEMA, devices: rows }, null, 2)}\n`
      : zramctlTable(rows),
  );
  return EXIT_FINE;
}

function machinePath(path: string | undefined, command: string): string {
  if (path === undefined || path === '')
    throw new UsageError(`${command} works on a machine kept in a file: --machine FILE`);
  return path;
}

function jsonText(content: {
  readonly device: string;
  readonly stats: unknown;
  readonly failure: RzscontrolFailure | null;
}): string {
  return `${JSON.stringify({ schema: RZSCONTROL_SCHEMA, ...content }, null, 2)}\n`;
}

/** The machine of a file, or a new one when there is none. */
function openOrCreate(path: string, flags: RzscontrolFlags): Machine {
  const { devices, profile, ram, seed } = flags;
  if (existsSync(path)) {
    const given = Object.entries({ devices, profile, ram, seed }).find(([, value]) => value !== undefined);
    if (given !== undefined)
      throw new UsageError(`there is a machine in ${path} already, and --${given[0]} is for a new one`);
    return openMachineFile(path);
  }
  assertFileWritable(path, { what: 'the machine' });
  return createToolMachine({
    devices: devices ?? 1,
    profile: profileOf(profile ?? 'sound'),
    ramBytes: ram === undefined ? RAM_BYTES_DEFAULT : parseSize(ram, 'ram'),
    seed: seed ?? 1,
  });
}

/** The machine of a file, if it can still run. */
function openMachineFile(path: string): Machine {
  const machine = loadMachine(path);
  const report = machine.stopReport();
  if (report !== null) throw new EnvironmentError(`the machine in ${path} has stopped:\n${report}`);
  return machine;
}

/** A machine as it is when the driver was just loaded: with devices, none of them initialised. */
function createToolMachine(options: {
  readonly devices: number;
  readonly profile: RunProfile;
  readonly ramBytes: number;
  readonly seed: number;
}): Machine {
  const { devices, profile, ramBytes, seed } = options;
  const slots = DISK_TO_RAM * (ramBytes / PAGE_SIZE);
  try {
    return createMachine({
      ramBytes,
      profile,
      policy: NATURAL_POLICY[profile],
      seed,
      tableBytes: pages(TABLE_BYTES_LEAST + ramBytes / 256) + devices * pages(slots * TABLE_BYTES_PER_SLOT),
      drivers: [ramzswap({ numDevices: devices, initialise: false })],
    });
  } catch (error) {
    if (error instanceof MisuseError || error instanceof KernelError)
      throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** Bytes, rounded up to whole pages. */
function pages(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}

function profileOf(name: string): RunProfile {
  const profile = RUN_PROFILES.find((known) => known === name);
  if (profile !== undefined) return profile;
  throw new UsageError(`the profile "${name}" is not known; allowed: ${RUN_PROFILES.join(', ')}`);
}

/** Name of the codec of a machine's driver; null without one. */
function codecOf(machine: Machine): string | null {
  const driver = machine.handle.drivers.find(({ name }) => name === 'ramzswap');
  const options = driver?.options;
  return typeof options === 'object' && options !== null && 'codec' in options ? String(options.codec) : null;
}
