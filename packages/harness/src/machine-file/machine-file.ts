/**
 * A machine in a file: put away with everything that is in it, and made again later, by another process.
 *
 * Promise: the file is written beside its place and renamed, so that there is always a whole machine in it, the old or the new one. A file that is no
 * machine, is damaged or was made by another version is refused with a sentence that says so. Two processes that change one file at once are
 * not kept apart: the later one wins.
 */
import { readFileSync } from 'node:fs';

import { createMachineFrom, MisuseError, type Machine } from '@swaplab/kernel-mm';
import { ramzswap } from '@swaplab/ramzswap';

import { EnvironmentError } from '../errors.js';
import { reasonOf, writeFileAtomically } from '../files.js';
import { MachineFormatError, packMachine, unpackMachine } from './format.js';

/**
 * Puts a machine into a file. It lives on in its memory.
 *
 * @param machine - with no thread attached
 * @param path - where; a file that is there is replaced
 * @throws MisuseError while a thread is attached; EnvironmentError when the file cannot be written: what was there before is then untouched
 */
export function saveMachine(machine: Machine, path: string): void {
  writeFileAtomically(path, packMachine(machine.image()), { what: 'the machine' });
}

/**
 * Makes a machine from a file.
 *
 * @param path - of a file that {@link saveMachine} wrote
 * @returns a machine in a memory of its own; nothing that happens to it changes the file
 * @throws EnvironmentError when the file cannot be read, is no machine, is damaged, or was made by another version of the packages
 */
export function loadMachine(path: string): Machine {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new EnvironmentError(`the machine cannot be read from ${path}: ${reasonOf(cause)}`, { cause });
  }
  try {
    return createMachineFrom(unpackMachine(bytes), { drivers: { ramzswap } });
  } catch (cause) {
    if (cause instanceof MachineFormatError)
      throw new EnvironmentError(`${path} is no machine: ${cause.message}`, { cause });
    if (cause instanceof MisuseError)
      throw new EnvironmentError(`the machine in ${path} cannot be made again: ${cause.message}`, { cause });
    throw cause;
  }
}
