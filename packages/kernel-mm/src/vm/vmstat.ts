/**
 * `/proc/vmstat`: what the memory manager has counted, as the text that programs read. @kernel mm/vmstat.c, 2.6.34
 *
 * Promise: pure functions. The lines are those of the original about what is modelled here, with its names in its order, one zone `normal`: no
 * pages of files, no slab. A name, a space, a number.
 */
import type { VmEventSums } from './stats.js';

/** The counts that are not events, in pages. */
export interface ZoneCounts {
  /** Frames nobody uses. @kernel NR_FREE_PAGES */
  readonly free: number;
  /** Pages on the inactive list. @kernel NR_INACTIVE_ANON */
  readonly inactive: number;
  /** Pages on the active list. @kernel NR_ACTIVE_ANON */
  readonly active: number;
  /** Pages off both lists in the hands of reclaim. @kernel NR_ISOLATED_ANON */
  readonly isolated: number;
}

/** A line: the name, and what stands behind it. */
export type VmstatRow = readonly [name: string, value: number];

/**
 * The lines of `/proc/vmstat`.
 * @param zone - the counts of the moment
 * @param events - what was counted since the machine was made
 * @kernel mm/vmstat.c vmstat_text, 2.6.34
 */
export function vmstatRows(zone: ZoneCounts, events: VmEventSums): readonly VmstatRow[] {
  return [
    ['nr_free_pages', zone.free],
    ['nr_inactive_anon', zone.inactive],
    ['nr_active_anon', zone.active],
    ['nr_isolated_anon', zone.isolated],
    ['pswpin', events.swapIns],
    ['pswpout', events.swapOuts],
    ['pgactivate', events.pgactivate],
    ['pgdeactivate', events.pgdeactivate],
    ['pgfault', events.faults],
    ['pgmajfault', events.majorFaults],
    ['pgrefill_normal', events.pgrefill],
    ['pgsteal_normal', events.reclaimed],
    ['pgscan_kswapd_normal', events.pgscanKswapd],
    ['pgscan_direct_normal', events.pgscanDirect],
    ['kswapd_steal', events.pgstealKswapd],
    ['pageoutrun', events.pageoutrun],
    ['allocstall', events.allocstall],
    ['pgrotated', events.pgrotated],
  ];
}

/**
 * The text of `/proc/vmstat`.
 * @param rows - from {@link vmstatRows}
 * @kernel mm/vmstat.c vmstat_show, 2.6.34
 */
export function formatVmstat(rows: readonly VmstatRow[]): string {
  let text = '';
  for (const [name, value] of rows) text += `${name} ${value}\n`;
  return text;
}
