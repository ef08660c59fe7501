/**
 * What tests of the commands that choose schedules have in common: scenarios of somebody else, and a folder that is gone afterwards.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ExploreDocument, ReplayTokenDocument } from '#src/explore/document.js';
import type { MuseumDocument } from '#src/museum/document.js';
import { swaplab, type CommandOutcome } from '../run/support.js';

/** Folder of the repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.resolve('@swaplab/harness/package.json')));

/**
 * A scenario of `test/fixtures/scenarios`.
 *
 * @param name - of its file, without `.js`
 * @returns its path
 */
export function scenarioFile(name: string): string {
  return fileURLToPath(new URL(`../../test/fixtures/scenarios/${name}.js`, import.meta.url));
}

/** What a command with `--json` left behind. */
export type Told<Document> = CommandOutcome & { readonly document: Document };

/** Runs a command that prints a document. */
async function told(...words: string[]): Promise<CommandOutcome & { readonly document: unknown }> {
  const outcome = await swaplab([...words, '--json']);
  if (outcome.out === '') throw new Error(`no document; ${outcome.err}`);
  return { ...outcome, document: JSON.parse(outcome.out) as unknown };
}

/** `swaplab explore ... --json`. */
export function explored(...words: string[]): Promise<Told<ExploreDocument>> {
  return told('explore', ...words) as Promise<Told<ExploreDocument>>;
}

/** `swaplab replay ... --json`. */
export function replayed(...words: string[]): Promise<Told<ReplayTokenDocument>> {
  return told('replay', ...words) as Promise<Told<ReplayTokenDocument>>;
}

/** `swaplab museum ... --json`. */
export function visited(...words: string[]): Promise<Told<MuseumDocument>> {
  return told('museum', ...words) as Promise<Told<MuseumDocument>>;
}

/** Runs something with a folder for files. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'swaplab-explore-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
