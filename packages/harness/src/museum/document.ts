/**
 * What `swaplab museum --json` prints. Fields may be added, never renamed, within a schema number.
 */
import type { FailureKind, ReportModel } from '@swaplab/explore';

import type { EngineName, ThreadsConfirmation } from '../explore/document.js';

/** A room, and what was found in it. */
export interface RoomDocument {
  readonly id: string;
  readonly title: string;
  readonly scenario: string;
  readonly variants: readonly string[];
  /** Whether the bug was found, in one of the ways in which it may show. */
  readonly found: boolean;
  /** Schedules until then, the failed one included. */
  readonly schedules: number;
  /** Seconds of the search alone. */
  readonly seconds: number;
  /** The strategy that found it; null when it was not found. */
  readonly strategy: string | null;
  /** Null when it was not found, like all that follows of it. */
  readonly token: string | null;
  readonly switches: number | null;
  readonly preemptions: number | null;
  readonly threads: number | null;
  readonly minimal: boolean | null;
  readonly minimality: string | null;
  readonly kind: FailureKind | null;
  /** What went wrong, in one sentence. */
  readonly sentence: string | null;
  /** How often it was played again. */
  readonly confirmed: number | null;
  /** How it plays on real threads; null when it was found there. */
  readonly onThreads: ThreadsConfirmation | null;
  /** Plays it again. */
  readonly command: string | null;
  /** Something else that failed instead, in words, or null. */
  readonly unexpected: string | null;
  /** Whether no schedule of the mended code failed; null when none was played, or there is no mended form. */
  readonly fixedClean: boolean | null;
  readonly fixedSchedules: number;
  readonly fixedSeconds: number;
  /** What failed in the mended code, and the command that plays it again; null when nothing did. */
  readonly fixedFinding: { readonly sentence: string; readonly command: string } | null;
  /** Everything that is known about the schedule; only when one room was asked for. */
  readonly report?: ReportModel;
}

/** `swaplab.museum/1`. */
export interface MuseumDocument {
  readonly schema: 'swaplab.museum/1';
  readonly engine: EngineName;
  readonly seed: number;
  /** The limit of each search. */
  readonly secondsPerRoom: number;
  /** Seconds of everything. */
  readonly seconds: number;
  readonly interrupted: boolean;
  /** Whether every bug was found, the canary too, and all mended code was clean. */
  readonly ok: boolean;
  readonly bugs: readonly RoomDocument[];
  /** What any explorer must find; null when it was not looked for. */
  readonly canary: RoomDocument | null;
}

/** A room in a list. */
export interface ListedRoom {
  readonly id: string;
  readonly title: string;
  readonly scenario: string;
  readonly variants: readonly string[];
  readonly detector: string;
}

/** `swaplab.museum-rooms/1`. */
export interface RoomsDocument {
  readonly schema: 'swaplab.museum-rooms/1';
  readonly rooms: readonly ListedRoom[];
}
