/**
 * Pages of the memory of a running process, through `/proc/N/maps`, `/proc/N/pagemap` and `/proc/N/mem` (Linux).
 *
 * Taken are pages of its private readable mappings, anonymous ones and those of files, that are in memory or swapped out at this moment, since
 * these are the pages that a system would swap. Shared mappings are left out, and so are pages that are all zero (swap would hold nothing for
 * them) and pages that the system does not let us read; the latter two are counted. The process is neither stopped nor changed: a page may be
 * taken while it is being written.
 *
 * Reading is allowed to root and, as far as the Yama module lets it, to the owner; otherwise the error says so.
 */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';

import { EnvironmentError } from '../errors.js';
import { codeOf, reasonOf } from '../files.js';
import type { Random } from '../random.js';
import {
  counted,
  isZeroPage,
  PAGES_PER_TURN,
  Reservoir,
  type Gathering,
  type PageRoom,
} from './gathering.js';
import { PAGE_BYTES } from './generate.js';

/** What a mapping is for. */
export type RegionKind = 'heap' | 'stack' | 'anonymous' | 'file-mapped';

const REGION_KINDS: readonly RegionKind[] = ['heap', 'stack', 'anonymous', 'file-mapped'];

/** A mapping whose pages may be taken. */
export interface MemoryRegion {
  readonly kind: RegionKind;
  /** Address of its first byte; whole pages, below 2^53. */
  readonly start: number;
  /** Address behind its last byte. */
  readonly end: number;
}

/** So many candidates for each page wanted, since some are all zero or cannot be read. */
const CANDIDATES_PER_PAGE = 4;
/** A larger mapping is a reserve that is used here and there; looking at all its entries would take minutes. */
const REGION_BYTES_MAX = 64 * 2 ** 30;
/** Entries of the page map read at once: half a megabyte. */
const ENTRIES_AT_ONCE = 65_536;
const ENTRY_BYTES = 8;
/** Bits of the upper half of an entry: the page is in memory, or swapped out. */
const IN_MEMORY_OR_SWAP = 0xc000_0000;
/** Type of the entry of the auxiliary vector that holds the page size of the system. */
const AT_PAGESZ = 6n;

/**
 * Takes pages of a running process.
 *
 * @param pid - its number
 * @param room - where they go
 * @param random - chooses when there are too many
 * @param platform - of the operating system, as `process.platform` names it
 * @returns one line for people: how many pages of which kind were taken, and what was left out
 * @throws EnvironmentError when its memory may not or cannot be read, or when it ends meanwhile
 */
export function* gatherProcess(
  pid: number,
  room: PageRoom,
  random: Random,
  platform: string = process.platform,
): Gathering<string> {
  if (platform !== 'linux') {
    throw new EnvironmentError(
      `the memory of process ${String(pid)} cannot be read: that needs /proc/N/mem of Linux, and this is ${platform}`,
    );
  }
  const name = nameOf(pid);
  const memory = openMemory(pid);
  try {
    const regions = parseRegions(readMaps(pid));
    const { candidates, regionsSkipped } = yield* findCandidates(pid, regions, room.capacity, random);
    const count = yield* takePages(pid, memory, regions, candidates.shuffled(), room);
    if (room.pages === 0) throw nothingIn(pid, regions.length, count);
    const kinds = REGION_KINDS.filter((kind) => count[kind] > 0).map(
      (kind) => `${count[kind].toLocaleString('en-US')} ${kind}`,
    );
    const large = regionsSkipped === 0 ? '' : `, ${counted(regionsSkipped, 'mapping')} above 64 GiB`;
    return (
      `${room.pages.toLocaleString('en-US')} of ${counted(candidates.seen, 'page')} of process ${String(pid)} ` +
      `(${name}): ${kinds.join(', ')}; left out on the way: ${String(count.zero)} all zero, ` +
      `${String(count.unreadable)} not readable${large}`
    );
  } finally {
    closeSync(memory);
  }
}

/**
 * Reads the list of mappings of a process.
 *
 * @param maps - the text of `/proc/N/maps`
 * @returns those that are private, readable, and memory of the process rather than of the kernel
 */
export function parseRegions(maps: string): MemoryRegion[] {
  const regions: MemoryRegion[] = [];
  for (const line of maps.split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (r..p) \S+ \S+ \d+ *(.*)$/.exec(line);
    if (match === null) continue;
    const start = Number.parseInt(match[1] ?? '', 16);
    const end = Number.parseInt(match[2] ?? '', 16);
    const kind = kindOf(match[4] ?? '');
    if (kind !== null && end <= Number.MAX_SAFE_INTEGER) regions.push({ kind, start, end });
  }
  return regions;
}

function kindOf(name: string): RegionKind | null {
  if (name === '' || name.startsWith('[anon')) return 'anonymous';
  if (name === '[heap]') return 'heap';
  if (name.startsWith('[stack')) return 'stack';
  // Private memory of a device is the device's; reading it may do things. A private mapping of /dev/zero is plain memory.
  if (name.startsWith('/dev/zero')) return 'anonymous';
  if (name.startsWith('/dev/') && !name.startsWith('/dev/shm/')) return null;
  return name.startsWith('/') ? 'file-mapped' : null;
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/comm`, 'utf8').trim();
  } catch (cause) {
    throw cannotRead(pid, cause);
  }
}

function readMaps(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/maps`, 'latin1');
  } catch (cause) {
    throw cannotRead(pid, cause);
  }
}

function openMemory(pid: number): number {
  try {
    return openSync(`/proc/${String(pid)}/mem`, 'r');
  } catch (cause) {
    throw cannotRead(pid, cause);
  }
}

interface Candidates {
  /** Addresses of pages. */
  readonly candidates: Reservoir;
  readonly regionsSkipped: number;
}

/** Looks for pages that are there. */
function* findCandidates(
  pid: number,
  regions: readonly MemoryRegion[],
  wanted: number,
  random: Random,
): Gathering<Candidates> {
  const candidates = new Reservoir(wanted * CANDIDATES_PER_PAGE, random);
  let regionsSkipped = 0;
  let pagemap: number;
  try {
    pagemap = openSync(`/proc/${String(pid)}/pagemap`, 'r');
  } catch (cause) {
    throw cannotRead(pid, cause);
  }
  const bytes = new Uint8Array(ENTRIES_AT_ONCE * ENTRY_BYTES);
  const halves = new Uint32Array(bytes.buffer);
  const entryCovers = systemPageBytes();
  try {
    for (const { start, end } of regions) {
      if (end - start > REGION_BYTES_MAX) {
        regionsSkipped += 1;
        continue;
      }
      for (let address = start; address < end;) {
        yield;
        const asked = Math.min(ENTRIES_AT_ONCE, (end - address) / entryCovers);
        const position = (address / entryCovers) * ENTRY_BYTES;
        const got = Math.floor(readSync(pagemap, bytes, 0, asked * ENTRY_BYTES, position) / ENTRY_BYTES);
        if (got === 0) throw endedMeanwhile(pid);
        for (let entry = 0; entry < got; entry++, address += entryCovers) {
          if (((halves[entry * 2 + 1] ?? 0) & IN_MEMORY_OR_SWAP) === 0) continue;
          for (let page = 0; page < entryCovers; page += PAGE_BYTES) candidates.offer(address + page);
        }
      }
    }
  } catch (cause) {
    throw cannotRead(pid, cause);
  } finally {
    closeSync(pagemap);
  }
  return { candidates, regionsSkipped };
}

/** Bytes that one entry of a page map stands for: 4096 almost everywhere, 16 or 64 KiB on some systems. */
function systemPageBytes(): number {
  const vector = new BigUint64Array(new Uint8Array(readFileSync('/proc/self/auxv')).buffer);
  for (let at = 0; at + 1 < vector.length; at += 2) {
    if (vector[at] === AT_PAGESZ) return Number(vector[at + 1]);
  }
  return PAGE_BYTES;
}

type PageCount = Record<RegionKind | 'zero' | 'unreadable', number>;

function* takePages(
  pid: number,
  memory: number,
  regions: readonly MemoryRegion[],
  addresses: readonly number[],
  room: PageRoom,
): Gathering<PageCount> {
  const count: PageCount = {
    heap: 0,
    stack: 0,
    anonymous: 0,
    'file-mapped': 0,
    zero: 0,
    unreadable: 0,
  };
  const buffer = new Uint8Array(PAGE_BYTES);
  for (const [turn, address] of addresses.entries()) {
    if (room.pages === room.capacity) break;
    if (turn % PAGES_PER_TURN === 0) yield;
    const outcome = readPage(pid, memory, buffer, address);
    if (outcome === 'unreadable') count.unreadable += 1;
    else if (isZeroPage(buffer)) count.zero += 1;
    else {
      room.add(buffer);
      const region = regions.find(({ start, end }) => start <= address && address < end);
      if (region !== undefined) count[region.kind] += 1;
    }
  }
  return count;
}

function readPage(pid: number, memory: number, buffer: Uint8Array, address: number): 'whole' | 'unreadable' {
  try {
    const read = readSync(memory, buffer, 0, PAGE_BYTES, address);
    if (read === 0) throw endedMeanwhile(pid);
    return read === PAGE_BYTES ? 'whole' : 'unreadable';
  } catch (cause) {
    // Unmapped in the meantime, or memory that is not for reading.
    if (codeOf(cause) === 'EIO' || codeOf(cause) === 'EFAULT') return 'unreadable';
    throw cannotRead(pid, cause);
  }
}

function nothingIn(pid: number, regions: number, count: PageCount): EnvironmentError {
  const why =
    regions === 0
      ? 'it has none of its own: it is a thread of the kernel, or it has just ended'
      : `none of its pages is readable and not all zero (${String(count.zero)} all zero, ` +
        `${String(count.unreadable)} not readable)`;
  return new EnvironmentError(`the memory of process ${String(pid)} cannot be read: ${why}`);
}

function endedMeanwhile(pid: number): EnvironmentError {
  return new EnvironmentError(
    `the memory of process ${String(pid)} cannot be read: it ended, or began another program, meanwhile`,
  );
}

function cannotRead(pid: number, cause: unknown): EnvironmentError {
  if (cause instanceof EnvironmentError) return cause;
  const code = codeOf(cause);
  const folder = `/proc/${String(pid)}`;
  let why = reasonOf(cause);
  if (code === 'EACCES' || code === 'EPERM') why = forbidden(folder);
  else if (code === 'ESRCH' || code === 'ENOENT') {
    why = statSync('/proc/self', { throwIfNoEntry: false })
      ? 'there is no process with this number, or it ended meanwhile'
      : '/proc is not mounted here';
  }
  return new EnvironmentError(`the memory of process ${String(pid)} cannot be read: ${why}`, { cause });
}

/** Why the system says no, as far as it can be seen. */
function forbidden(folder: string): string {
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  const user = process.getuid?.();
  if (owner !== undefined && user !== undefined && user !== 0 && owner !== user) {
    return `permission is denied, since it belongs to user ${String(owner)} and not to user ${String(user)}; root may`;
  }
  const scope = yamaScope();
  if (scope !== null && scope !== '0') {
    const allowed = { '1': 'root and the parents of a process', '2': 'root' }[scope] ?? 'nobody';
    return (
      `permission is denied: /proc/sys/kernel/yama/ptrace_scope is ${scope}, ` +
      `which lets only ${allowed} read its memory`
    ).replace('only nobody', 'nobody');
  }
  return 'permission is denied, also to its owner: it is protected, or a container forbids it';
}

function yamaScope(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8').trim();
  } catch {
    return null;
  }
}
