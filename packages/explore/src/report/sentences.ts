/**
 * Sentences about a model, the same in the text and on the page.
 */
import { POINT_YIELD } from '@swaplab/kernel-mm';
import type { ReportChain, ReportHeld, ReportModel, ReportSegment } from './model.js';
import { listOf, whatOf } from './words.js';

/**
 * Who waits for whom, a sentence for each thread that waits: `A waits for X, held by B since step 12 (counts.ts:120).`
 * @param model - of a report
 */
export function deadlockSentences(model: ReportModel): string[] {
  if (model.graph?.kind !== 'wait-for') return [];
  return model.graph.chains.flatMap((chain) => chainSentences(model, chain));
}

function chainSentences(model: ReportModel, { nodes, links }: ReportChain): string[] {
  const parts: string[] = [];
  for (let at = 0; at + 1 < nodes.length; at += 2) {
    const thread = nodes[at]!.name;
    const lock = nodes[at + 1]!.name;
    const holder = (nodes[at + 2] ?? nodes[0]!).name;
    const held = links[at + 1];
    const by =
      held === undefined ? ', which nobody holds' : `, held by ${holder} since ${stepPlace(model, held)}`;
    parts.push(`${thread} waits for ${lock}${placeText(model, links[at]!.place, ' at ')}${by}.`);
  }
  return parts;
}

/**
 * What a broken order of locks says, a sentence for each lock.
 * @param model - of a report
 */
export function orderSentences(model: ReportModel): string[] {
  if (model.graph?.kind !== 'lock order') return [];
  return model.graph.chains.flatMap(({ links }) =>
    links.map((link) => {
      const { thread, held, taken } = link;
      return `${thread ?? 'A thread'} takes ${taken ?? 'a lock'} while it holds ${held ?? 'another one'}, at ${stepPlace(model, link)}.`;
    }),
  );
}

/** What was made to go wrong, in words; empty for nothing. */
export function faultText({ faults }: ReportModel): string {
  const words = faults.map(({ kind, decision }) => `${FAULTS[kind]} (decision ${decision})`);
  return words.length === 0 ? '' : `Injected: ${listOf(words)}.`;
}

const FAULTS = {
  allocation: 'a page frame is not to be had',
  io: 'a transfer fails',
  wake: 'a thread is woken by nobody',
  other: 'a fault',
} as const;

function stepPlace(
  model: ReportModel,
  { step, place }: { readonly step: number; readonly place: number | null },
): string {
  if (step < 0) return 'before the schedule began';
  const where = placeText(model, place, '');
  return where === '' ? `step ${step + 1}` : `step ${step + 1} (${where})`;
}

function placeText(model: ReportModel, place: number | null, before: string): string {
  return place === null ? '' : `${before}${model.places[place]!.short}`;
}

/**
 * Locks that are held, and since when: `swap_lock (step 12, counts.ts:120)`.
 * @param model - of a report
 * @param held - locks
 */
export function heldText(model: ReportModel, held: readonly ReportHeld[]): string {
  return listOf(
    held.map(({ object, step, place }) => {
      const since = step === null ? '' : ` (since step ${step + 1}${placeText(model, place, ', ')})`;
      return `${model.objects[object]!.name}${since}`;
    }),
  );
}

/**
 * What a thread stands before, with its place.
 * @param model - of a report
 * @param segment - that ends there
 */
export function pendingText(model: ReportModel, { pending }: Pick<ReportSegment, 'pending'>): string {
  return pending === null ? '' : `'${pending.what}'${placeText(model, pending.place, ' at ')}`;
}

/**
 * Why another thread goes on.
 * @param model - of a report
 * @param segment - that ends
 */
export function switchText(model: ReportModel, segment: ReportSegment): string {
  const name = model.threads[segment.thread]!.name;
  const held = segment.holds.length === 0 ? '' : `, holding ${heldText(model, segment.holds)}`;
  switch (segment.ends) {
    case 'preempted': {
      const before = segment.pending === null ? '' : ` before ${pendingText(model, segment)}`;
      return `${name} is interrupted${before}${held}`;
    }
    case 'waits':
      return `${name} waits${held}`;
    case 'gives way':
      return `${name} lets others go first${held}`;
    case 'ended':
      return `${name} has ended`;
    case 'end':
      return 'the end of the schedule';
  }
}

/**
 * What a thread was doing when the schedule failed.
 * @param model - of a report
 * @param index - of the thread
 */
export function stateText(model: ReportModel, index: number): string {
  const { pending, holds, leftOut } = model.threads[index]!;
  const held = holds.length === 0 ? '' : `; holds ${heldText(model, holds)}`;
  const without = leftOut.length === 0 ? '' : `; does without ${listOf(leftOut)}`;
  return `${stateWords(model, index, pending)}${held}${without}`;
}

function stateWords(
  model: ReportModel,
  index: number,
  pending: ReportModel['threads'][number]['pending'],
): string {
  const { state } = model.threads[index]!;
  const where = pendingText(model, { pending });
  switch (state) {
    case 'waits':
      return pending === null
        ? 'waits'
        : `waits for ${objectName(model, pending.object)}${placeText(model, pending.place, ' at ')}`;
    case 'stands':
      if (pending !== null && pending.what === whatOf(POINT_YIELD, '', '')) return 'lets others go first';
      return where === '' ? 'is interrupted' : `is interrupted before ${where}`;
    case 'runs':
      return model.failed === index ? 'has failed' : 'runs';
    case 'ended':
      return 'has ended';
    case 'not started':
      return 'has not begun';
    case 'left out':
      return 'is left out: the failure does not need it';
  }
}

function objectName(model: ReportModel, object: number | null): string {
  return object === null ? 'something' : model.objects[object]!.name;
}
