/**
 * The devices of a machine in a table, as `zramctl` of util-linux shows those of zram, which is what became of ramzswap.
 */
import type { MachineView } from '@swaplab/kernel-mm';
import { ramzswapOf } from '@swaplab/ramzswap';

import { interfaceOf, ioctlStats } from './rzscontrol.js';

/** One initialised device; sizes in bytes. */
export interface ZramctlRow {
  /** Path: `/dev/ramzswap0`. */
  readonly name: string;
  /** Codec. */
  readonly algorithm: string;
  readonly disksize: number;
  /** Bytes that were written into the pages now stored. */
  readonly data: number;
  /** Bytes they take after compression. */
  readonly compr: number;
  /** Bytes of memory that hold them. */
  readonly total: number;
  /** Pages that can be compressed at one time: there is one buffer for each device. */
  readonly streams: 1;
  /** `[SWAP]` while the device is a swap area, else empty. */
  readonly mountpoint: '[SWAP]' | '';
}

/** Units of sizes, each 1024 of the one before. */
const UNITS = 'BKMGTPE';

/** Whether the values of a column stand at its right. */
const COLUMNS: readonly { readonly name: string; readonly right: boolean }[] = [
  { name: 'NAME', right: false },
  { name: 'ALGORITHM', right: false },
  { name: 'DISKSIZE', right: true },
  { name: 'DATA', right: true },
  { name: 'COMPR', right: true },
  { name: 'TOTAL', right: true },
  { name: 'STREAMS', right: true },
  { name: 'MOUNTPOINT', right: false },
];

/**
 * Reads what the table shows.
 *
 * @param view - of a machine that has ramzswap
 * @param codec - name of its codec
 * @returns the initialised devices, in order of their numbers; as in zramctl, others are not shown
 */
export function zramctlRows(view: MachineView, codec: string): ZramctlRow[] {
  const { devices } = ramzswapOf(view);
  const version = interfaceOf(view);
  const active = new Set(view.kernel.swap.report.swaps().map(({ device }) => device));
  return devices.flatMap((device): ZramctlRow[] => {
    const name = `/dev/ramzswap${String(device.index)}`;
    const stats = ioctlStats(device, version);
    if (typeof stats === 'number') return [];
    return [
      {
        name,
        algorithm: codec,
        disksize: Number(stats.disksize),
        data: Number(stats.orig_data_size),
        compr: Number(stats.compr_data_size),
        total: Number(stats.mem_used_total),
        streams: 1,
        mountpoint: active.has(name) ? '[SWAP]' : '',
      },
    ];
  });
}

/**
 * Writes the table.
 *
 * @param rows - devices
 * @returns lines with a line feed each; empty without devices, as zramctl prints nothing then
 */
export function zramctlTable(rows: readonly ZramctlRow[]): string {
  if (rows.length === 0) return '';
  const cells = [
    COLUMNS.map(({ name }) => name),
    ...rows.map((row) => [
      row.name,
      row.algorithm,
      humanSize(row.disksize),
      humanSize(row.data),
      humanSize(row.compr),
      humanSize(row.total),
      String(row.streams),
      row.mountpoint,
    ]),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const padded = (text: string, column: number): string => {
    const width = widths[column] ?? 0;
    return COLUMNS[column]?.right === true ? text.padStart(width) : text.padEnd(width);
  };
  return cells.map((line) => `${line.map(padded).join(' ').trimEnd()}\n`).join('');
}

/**
 * A size as util-linux writes it: `74B`, `4K`, `1.5G`; at most one digit behind the point, rounded to the nearest.
 *
 * @param bytes - a whole number from 0 on
 */
export function humanSize(bytes: number): string {
  let unit = 0;
  while (unit < UNITS.length - 1 && bytes >= 1024 ** (unit + 1)) unit++;
  const tenths = Math.round((bytes / 1024 ** unit) * 10);
  const [whole, rest] = [Math.floor(tenths / 10), tenths % 10];
  return `${String(whole)}${rest === 0 ? '' : `.${String(rest)}`}${UNITS.charAt(unit)}`;
}
