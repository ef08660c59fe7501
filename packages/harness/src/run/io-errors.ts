/**
 * `--io-errors`: how often transfers to and from the disks of a run are made to fail.
 *
 * A rate is a share of all requests, from 0 to 1; the machine knows parts of a million, so finer ones are refused. One number stands for reads and
 * writes alike. Discards fail as often as writes.
 */
import type { IoFaults, MachineView } from '@swaplab/kernel-mm';

import { UsageError } from '../errors.js';

/** How often requests fail. */
export interface IoErrorRates {
  /** Share of the reads, 0 to 1. */
  readonly read: number;
  /** Share of the writes and of the discards, 0 to 1. */
  readonly write: number;
}

const PARTS = 1_000_000;
const FORMS = 'a share of all requests from 0 to 1, such as 0.001, or read:0.0005,write:0.01';

/**
 * Reads rates as a person types them.
 *
 * @param text - `0.001`, or `read:0.0005,write:0.01`, of which one may be left out
 * @throws UsageError when it is anything else
 */
export function parseIoErrors(text: string): IoErrorRates {
  const parts = text.split(',').map((part) => part.trim());
  const rates: { read?: number; write?: number } = {};
  for (const part of parts) {
    const [, kind, number] = /^(?:(read|write):)?(\d*\.?\d+(?:e-?\d+)?)$/i.exec(part) ?? [];
    const rate = number === undefined ? Number.NaN : Number(number);
    if (kind === undefined && parts.length > 1) throw refusal(text);
    for (const name of kind === undefined ? (['read', 'write'] as const) : [kind.toLowerCase() as 'read']) {
      if (rates[name] !== undefined) throw refusal(text);
      rates[name] = rate;
    }
  }
  return checkIoErrors({ read: rates.read ?? 0, write: rates.write ?? 0 }, text);
}

/**
 * Refuses rates that are not possible.
 *
 * @param rates - to be checked
 * @param text - how they were given, for the message
 * @returns the rates
 * @throws UsageError
 */
export function checkIoErrors(rates: IoErrorRates, text = formatIoErrors(rates)): IoErrorRates {
  for (const rate of [rates.read, rates.write]) {
    const isParts = Math.abs(rate * PARTS - Math.round(rate * PARTS)) < 1e-6;
    if (!(rate >= 0 && rate <= 1 && isParts)) throw refusal(text);
  }
  return rates;
}

/**
 * Writes rates as {@link parseIoErrors} reads them.
 *
 * @param rates - of a run
 */
export function formatIoErrors({ read, write }: IoErrorRates): string {
  return read === write ? String(read) : `read:${String(read)},write:${String(write)}`;
}

/**
 * Makes transfers fail from now on, or lets them be.
 *
 * @param view - any thread's
 * @param paths - of all disks
 * @param rates - how often; null to let them be
 */
export function setIoErrors(view: MachineView, paths: readonly string[], rates: IoErrorRates | null): void {
  const faults: IoFaults | null =
    rates === null ? null : { read: Math.round(rates.read * PARTS), write: Math.round(rates.write * PARTS) };
  for (const path of paths) view.injectIoFaults(path, faults);
}

function refusal(text: string): UsageError {
  return new UsageError(`io-errors "${text}" is not possible; allowed: ${FORMS}, in millionths`);
}
