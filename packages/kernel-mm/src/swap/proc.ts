/**
 * What the kernel shows about swap, as the text that programs read: `/proc/swaps`, the swap lines of `/proc/meminfo` and of a process's status, and
 * the lines of SysRq-m.
 *
 * Promise: pure functions, byte for byte as 2.6.34 writes them. Sizes go in as pages and come out as KiB. The layout of `/proc/swaps` and what its
 * columns mean is that of `kernel-mm.md` 8; that a column of `/proc/meminfo` is a name with its colon in 16 characters, a number in 8 and ` kB` is
 * how every Linux shows it, and so is the tab of `VmSwap`.
 */
import { PAGE_SHIFT } from '../arena/memory.js';

/** The first line of `/proc/swaps`. @kernel mm/swapfile.c swap_show, 2.6.34 */
export const PROC_SWAPS_HEADER = 'Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n';
/** What is said in place of the path of an area without a device. */
export const NO_DEVICE = 'none';
/** Column behind the path in `/proc/swaps`, at the least one space further. */
const PATH_COLUMN = 40;
/** Width of a name in `/proc/meminfo`, and of a number there and in a process's status. */
const NAME_WIDTH = 16;
const NUMBER_WIDTH = 8;

/** A line of `/proc/swaps`. */
export interface ProcSwapsRow {
  /** Path that was given to swapon, of printable characters. */
  readonly path: string;
  /** Whether it is a whole block device. */
  readonly isPartition: boolean;
  /** Usable slots. */
  readonly pages: number;
  readonly inusePages: number;
  readonly priority: number;
}

/** What `/proc/meminfo` tells of memory and swap, in pages. */
export interface MeminfoPages {
  /** Modelled memory. @kernel MemTotal */
  readonly memTotal: number;
  /** Frames nobody uses. @kernel MemFree */
  readonly memFree: number;
  /** Pages in the swap cache. @kernel SwapCached, total_swapcache_pages */
  readonly swapCached: number;
  /** Pages of processes that were used lately. There are no pages of files, so `Active` is the same. @kernel Active(anon), NR_ACTIVE_ANON */
  readonly activeAnon: number;
  /** Pages reclaim takes first. @kernel Inactive(anon), NR_INACTIVE_ANON */
  readonly inactiveAnon: number;
  /** Usable slots; those of an area being switched off count as long as they are in use. @kernel SwapTotal, sysinfo.totalswap */
  readonly swapTotal: number;
  /** Slots nobody uses. @kernel SwapFree, sysinfo.freeswap */
  readonly swapFree: number;
}

/** The counters SysRq-m shows. */
export interface SwapCacheCounters {
  /** Pages in the swap cache. */
  readonly pages: number;
  readonly addTotal: number;
  readonly delTotal: number;
  readonly findSuccess: number;
  readonly findTotal: number;
}

/**
 * KiB of a number of pages.
 * @param pages - may be negative
 */
export function kibOf(pages: number): number {
  return pages * 2 ** (PAGE_SHIFT - 10);
}

/**
 * A path as `/proc` files show it: space, tab, newline and backslash become a backslash and three octal digits.
 * @param path - any
 * @kernel fs/seq_file.c mangle_path, 2.6.34, as mm/swapfile.c uses it
 */
export function escapePath(path: string): string {
  let escaped = '';
  for (let index = 0; index < path.length; index++) {
    const unit = path.charCodeAt(index);
    const isPlain = unit !== 0x20 && unit !== 0x09 && unit !== 0x0a && unit !== 0x5c;
    escaped += isPlain ? path.charAt(index) : `\\${unit.toString(8).padStart(3, '0')}`;
  }
  return escaped;
}

/**
 * `/proc/swaps`.
 * @param rows - the areas in order of their types
 * @kernel mm/swapfile.c swap_show, 2.6.34
 */
export function formatProcSwaps(rows: readonly ProcSwapsRow[]): string {
  let text = PROC_SWAPS_HEADER;
  for (const { path, isPartition, pages, inusePages, priority } of rows) {
    const name = escapePath(path).padEnd(PATH_COLUMN - 1);
    const kind = isPartition ? 'partition' : 'file\t';
    text += `${name} ${kind}\t${kibOf(pages)}\t${kibOf(inusePages)}\t${priority}\n`;
  }
  return text;
}

/**
 * A line of `/proc/meminfo`.
 * @param name - without its colon
 * @param pages - how many
 * @kernel fs/proc/meminfo.c meminfo_proc_show, 2.6.34
 */
export function meminfoLine(name: string, pages: number): string {
  return `${`${name}:`.padEnd(NAME_WIDTH)}${String(kibOf(pages)).padStart(NUMBER_WIDTH)} kB\n`;
}

/**
 * The lines of `/proc/meminfo` that are about what is modelled here, in the order of the original.
 * @param pages - what to show
 * @kernel fs/proc/meminfo.c meminfo_proc_show, 2.6.34
 */
export function formatMeminfo(pages: MeminfoPages): string {
  return (
    meminfoLine('MemTotal', pages.memTotal) +
    meminfoLine('MemFree', pages.memFree) +
    meminfoLine('SwapCached', pages.swapCached) +
    meminfoLine('Active', pages.activeAnon) +
    meminfoLine('Inactive', pages.inactiveAnon) +
    meminfoLine('Active(anon)', pages.activeAnon) +
    meminfoLine('Inactive(anon)', pages.inactiveAnon) +
    meminfoLine('SwapTotal', pages.swapTotal) +
    meminfoLine('SwapFree', pages.swapFree)
  );
}

/**
 * The line of a process's status that tells how much of it is in swap.
 * @param swapents - its swap entries. @kernel MM_SWAPENTS
 * @kernel fs/proc/task_mmu.c task_mem, 2.6.34
 */
export function vmSwapLine(swapents: number): string {
  return `VmSwap:\t${String(kibOf(swapents)).padStart(NUMBER_WIDTH)} kB\n`;
}

/**
 * What SysRq-m writes into the kernel log about swap, line by line.
 * @param cache - counters of the swap cache
 * @param nrSwapPages - free slots less reservations; negative during a swapoff, and shown so
 * @param totalSwapPages - usable slots of all writable areas
 * @kernel mm/swap_state.c show_swap_cache_info, 2.6.34
 */
export function swapCacheInfoLines(
  cache: SwapCacheCounters,
  nrSwapPages: number,
  totalSwapPages: number,
): string[] {
  const { addTotal, delTotal, findSuccess, findTotal } = cache;
  return [
    `${cache.pages} pages in swap cache`,
    `Swap cache stats: add ${addTotal}, delete ${delTotal}, find ${findSuccess}/${findTotal}`,
    `Free swap  = ${kibOf(nrSwapPages)}kB`,
    `Total swap = ${kibOf(totalSwapPages)}kB`,
  ];
}
