/**
 * The statistics of a device as rzscontrol prints them: one line each, in a fixed order.
 */
import type { IoctlStats } from '@swaplab/ramzswap';

/** Columns up to the values, and of the values. */
const NAME_WIDTH = 16;
const VALUE_WIDTH = 10;
/** log2 of 1 kB in bytes. */
const KB_SHIFT = 10n;

/** The statistics of a device for programs: sizes in bytes, shares in percent, all else counts. */
export interface RzscontrolStats {
  /** Path of the backing swap; null without one. */
  readonly backingSwap: string | null;
  readonly disksize: number;
  /** Null without one. */
  readonly memlimit: number | null;
  readonly numReads: number;
  readonly numWrites: number;
  readonly failedReads: number;
  readonly failedWrites: number;
  readonly invalidIo: number;
  readonly notifyFree: number;
  readonly pagesZero: number;
  readonly goodCompressPct: number;
  readonly pagesExpandPct: number;
  readonly pagesStored: number;
  readonly pagesUsed: number;
  readonly origDataSize: number;
  readonly comprDataSize: number;
  readonly memUsedTotal: number;
  /** Null without a backing swap. */
  readonly bdevNumReads: number | null;
  /** Null without a backing swap. */
  readonly bdevNumWrites: number | null;
}

/**
 * Writes the statistics for people.
 *
 * @param stats - as RZSIO_GET_STATS gave them
 * @returns lines with a line feed each; those about a backing swap and a memory limit only where there is one
 */
export function statsText(stats: IoctlStats): string {
  const lines: string[] = [];
  const line = (name: string, value: bigint | number, unit = ''): void => {
    lines.push(`${`${name}:`.padEnd(NAME_WIDTH)}${String(value).padStart(VALUE_WIDTH)}${unit}\n`);
  };
  const backed = stats.backing_swap_name !== '';
  if (backed) lines.push(`${'BackingSwap:'.padEnd(NAME_WIDTH)}${stats.backing_swap_name}\n`);
  line('DiskSize', stats.disksize >> KB_SHIFT, ' kB');
  if (stats.memlimit !== 0n) line('MemLimit', stats.memlimit >> KB_SHIFT, ' kB');
  line('NumReads', stats.num_reads);
  line('NumWrites', stats.num_writes);
  line('FailedReads', stats.failed_reads);
  line('FailedWrites', stats.failed_writes);
  line('InvalidIO', stats.invalid_io);
  line('NotifyFree', stats.notify_free);
  line('ZeroPages', stats.pages_zero);
  line('GoodCompress', stats.good_compress_pct, ' %');
  line('NoCompress', stats.pages_expand_pct, ' %');
  line('PagesStored', stats.pages_stored);
  line('PagesUsed', stats.pages_used);
  line('OrigDataSize', stats.orig_data_size >> KB_SHIFT, ' kB');
  line('ComprDataSize', stats.compr_data_size >> KB_SHIFT, ' kB');
  line('MemUsedTotal', stats.mem_used_total >> KB_SHIFT, ' kB');
  if (backed) {
    line('BDevNumReads', stats.bdev_num_reads);
    line('BDevNumWrites', stats.bdev_num_writes);
  }
  return lines.join('');
}

/**
 * The statistics for programs. What has passed below zero, as counters of history can, is a large number here as it is in the structure.
 *
 * @param stats - as RZSIO_GET_STATS gave them
 */
export function plainStats(stats: IoctlStats): RzscontrolStats {
  const backed = stats.backing_swap_name !== '';
  return {
    backingSwap: backed ? stats.backing_swap_name : null,
    disksize: Number(stats.disksize),
    memlimit: stats.memlimit === 0n ? null : Number(stats.memlimit),
    numReads: Number(stats.num_reads),
    numWrites: Number(stats.num_writes),
    failedReads: Number(stats.failed_reads),
    failedWrites: Number(stats.failed_writes),
    invalidIo: Number(stats.invalid_io),
    notifyFree: Number(stats.notify_free),
    pagesZero: stats.pages_zero,
    goodCompressPct: stats.good_compress_pct,
    pagesExpandPct: stats.pages_expand_pct,
    pagesStored: stats.pages_stored,
    pagesUsed: stats.pages_used,
    origDataSize: Number(stats.orig_data_size),
    comprDataSize: Number(stats.compr_data_size),
    memUsedTotal: Number(stats.mem_used_total),
    bdevNumReads: backed ? Number(stats.bdev_num_reads) : null,
    bdevNumWrites: backed ? Number(stats.bdev_num_writes) : null,
  };
}
