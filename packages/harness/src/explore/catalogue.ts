/**
 * Which scenarios there are, and where: those of the museum by name, those of users by file.
 *
 * The museum is found through its package, so that it does not matter from where a command is called. A scenario of the museum is the default
 * export of a module `scenarios/NAME.js` of its own, in each build.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type { Scenario } from '@swaplab/explore';

import { UsageError } from '../errors.js';
import { allowedNames } from './words.js';

/** A scenario, and the module it is in. */
export interface ListedScenario {
  readonly name: string;
  /** One sentence: what its threads do. */
  readonly about: string;
  readonly threads: readonly string[];
  /** Address of its module, in the plain build. */
  readonly module: string;
  /** As a person would name it in a command: its name, or its file. */
  readonly word: string;
}

/** The folder of the museum's scenarios, as an address that ends in a slash. */
function museumFolder(): URL {
  return new URL('./dist/scenarios/', import.meta.resolve('@swaplab/museum/package.json'));
}

/** Names of the museum's scenarios, as its modules are called. */
export function museumScenarioNames(): string[] {
  const files = readdirSync(fileURLToPath(museumFolder()));
  return files
    .filter((file) => file.endsWith('.js'))
    .map((file) => basename(file, '.js'))
    .sort();
}

/** All scenarios of the museum. */
export function museumScenarios(): Promise<ListedScenario[]> {
  return Promise.all(museumScenarioNames().map((name) => museumScenario(name)));
}

/**
 * A scenario of the museum.
 *
 * @param name - one of {@link museumScenarioNames}
 */
export function museumScenario(name: string): Promise<ListedScenario> {
  return loadScenario(new URL(`./${name}.js`, museumFolder()).href, name);
}

/**
 * Finds what a person asks for.
 *
 * @param word - the name of a scenario of the museum, or the file of a module with one
 * @throws UsageError when there is none, with the most similar name
 */
export async function findScenario(word: string): Promise<ListedScenario> {
  if (isFile(word)) return loadScenario(pathToFileURL(resolve(word)).href, word);
  const names = museumScenarioNames();
  if (names.includes(word)) return museumScenario(word);
  if (/[\\/]|\.[cm]?[jt]s$/.test(word)) throw new UsageError(`the scenario ${word} is no file that is there`);
  throw new UsageError(
    `scenario "${word}" is not known; ${allowedNames(word, names)}, or the file of a module with one`,
  );
}

async function loadScenario(module: string, word: string): Promise<ListedScenario> {
  let loaded: { readonly default?: Partial<Scenario<unknown, unknown>> };
  try {
    loaded = (await import(module)) as typeof loaded;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`the scenario ${word} cannot be loaded: ${reason}`, { cause });
  }
  const { name, about = '', threads } = loaded.default ?? {};
  if (name === undefined || threads === undefined) {
    throw new UsageError(
      `${word} has no scenario: the default export of its module must be made by defineScenario({ name, about, threads, ... })`,
    );
  }
  return { name, about, threads: threads.map((thread) => thread.name), module, word };
}

function isFile(word: string): boolean {
  return existsSync(word) && statSync(word).isFile();
}
