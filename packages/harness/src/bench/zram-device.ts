/**
 * A zram device of this machine, borrowed for a measurement.
 *
 * Promise: only a device that nobody uses is taken, one whose disksize is 0, or a new one where the kernel makes them; and whatever happens while it is
 * borrowed, {@link ZramDevice.giveBack} leaves it as it was: reset, with the algorithm it had, and gone if it was new. It is called at the exit of
 * the process at the latest. Nothing but a kill without warning comes in between.
 *
 * All files are below a root, so that tests can have a machine of their own.
 */
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** The machine as far as zram is concerned. */
export interface ZramHost {
  /** What its files lie below: `'/'`. */
  readonly root: string;
  readonly platform: NodeJS.Platform;
  /** Whether we are root. */
  readonly privileged: boolean;
  /** Whether transfers go past the page cache, as they must for a device. */
  readonly direct: boolean;
}

/** Algorithms, the best comparison first; any other is better than none. */
const ALGORITHMS = ['lzo', 'lzo-rle'];
const PAGE_BYTES = 4096;

/** What a device says about its memory, in bytes. @kernel mm_stat in drivers/block/zram/zram_drv.c, from 4.1 on */
export interface ZramMemory {
  /** Bytes of the pages stored. */
  readonly original: number;
  /** What they are compressed to. */
  readonly compressed: number;
  /** What they take. */
  readonly used: number;
}

/** This machine. */
export function thisHost(): ZramHost {
  return { root: '/', platform: process.platform, privileged: process.getuid?.() === 0, direct: true };
}

/**
 * Borrows a device and makes a disk of it.
 * @param bytes - size of the disk, whole pages
 * @param host - the machine
 * @returns the device, or the reason why there is none
 */
export function borrowZram(bytes: number, host: ZramHost = thisHost()): ZramDevice | string {
  if (host.platform !== 'linux') return 'there is zram on Linux only';
  if (!host.privileged) return 'a zram device can be set up by root only';
  const found = findIdle(host) ?? addDevice(host);
  if (found === null) {
    const names = zramNames(host);
    if (names.length === 0) return 'this machine has no zram device (modprobe zram makes one)';
    return `no zram device is idle: ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} in use`;
  }
  const device = new ZramDevice(host, found.name, found.added);
  try {
    device.setUp(bytes);
    return device;
  } catch (error) {
    device.giveBack();
    return `${found.name} cannot be set up: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A device that is ours for a while. */
export class ZramDevice {
  /** `'zram0'`. */
  readonly name: string;
  private readonly host: ZramHost;
  private readonly added: boolean;
  private file = -1;
  /** The algorithm it had, null while it has it. */
  private algorithmBefore: string | null = null;
  private returned = false;
  private readonly atExit = (): void => this.giveBack();

  /**
   * @param host - the machine
   * @param name - of an idle device
   * @param added - whether it was made for us
   */
  constructor(host: ZramHost, name: string, added: boolean) {
    this.host = host;
    this.name = name;
    this.added = added;
    process.once('exit', this.atExit);
  }

  /**
   * Chooses the algorithm and the size.
   * @param bytes - size of the disk, whole pages
   */
  setUp(bytes: number): void {
    const { current, offered } = parseAlgorithms(this.read('comp_algorithm'));
    const algorithm = ALGORITHMS.find((name) => offered.includes(name)) ?? current;
    if (algorithm !== current) {
      this.algorithmBefore = current;
      this.write('comp_algorithm', algorithm);
    }
    this.write('disksize', String(bytes));
    // A device that does not say what it holds is not worth the measurement.
    this.memory();
    const flags = constants.O_RDWR | (this.host.direct ? constants.O_DIRECT : 0);
    this.file = openSync(join(this.host.root, 'dev', this.name), flags);
  }

  /** The algorithm it compresses with. */
  algorithm(): string {
    return parseAlgorithms(this.read('comp_algorithm')).current;
  }

  /** What it holds. */
  memory(): ZramMemory {
    const [original = NaN, compressed = NaN, used = NaN] = this.read('mm_stat')
      .trim()
      .split(/\s+/)
      .map(Number);
    if (Number.isNaN(used)) throw new Error('its mm_stat has no numbers');
    return { original, compressed, used };
  }

  /**
   * Writes a page.
   * @param page - which of the disk
   * @param bytes - its contents, aligned to a page in memory
   */
  writePage(page: number, bytes: Uint8Array): void {
    const count = writeSync(this.file, bytes, 0, PAGE_BYTES, page * PAGE_BYTES);
    if (count !== PAGE_BYTES) throw new Error(`${this.name} took ${String(count)} bytes of a page`);
  }

  /**
   * Reads a page.
   * @param page - which of the disk
   * @param bytes - receives it, aligned to a page in memory
   */
  readPage(page: number, bytes: Uint8Array): void {
    const count = readSync(this.file, bytes, 0, PAGE_BYTES, page * PAGE_BYTES);
    if (count !== PAGE_BYTES) throw new Error(`${this.name} gave ${String(count)} bytes of a page`);
  }

  /** Leaves it as it was found. Does nothing the second time. */
  giveBack(): void {
    if (this.returned) return;
    this.returned = true;
    process.off('exit', this.atExit);
    // Closed first: a device that is open cannot be reset.
    if (this.file >= 0) closeSync(this.file);
    this.write('reset', '1');
    if (this.algorithmBefore !== null) this.write('comp_algorithm', this.algorithmBefore);
    if (this.added) writeFileSync(control(this.host, 'hot_remove'), this.name.replace('zram', ''));
  }

  private read(attribute: string): string {
    return readFileSync(join(this.host.root, 'sys/block', this.name, attribute), 'latin1');
  }

  private write(attribute: string, value: string): void {
    writeFileSync(join(this.host.root, 'sys/block', this.name, attribute), value);
  }
}

/** The names of an algorithm file: `'lzo [lzo-rle] lz4'`. */
function parseAlgorithms(text: string): { readonly current: string; readonly offered: readonly string[] } {
  const offered = text.trim().split(/\s+/);
  const chosen = offered.find((name) => name.startsWith('[')) ?? offered[0] ?? '';
  const bare = (name: string): string => name.replace(/^\[|\]$/g, '');
  return { current: bare(chosen), offered: offered.map(bare) };
}

function zramNames({ root }: ZramHost): string[] {
  const folder = join(root, 'sys/block');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^zram\d+$/.test(name))
    .sort((one, other) => Number(one.slice(4)) - Number(other.slice(4)));
}

function findIdle(host: ZramHost): { readonly name: string; readonly added: boolean } | null {
  for (const name of zramNames(host)) {
    try {
      const disksize = readFileSync(join(host.root, 'sys/block', name, 'disksize'), 'latin1');
      if (disksize.trim() === '0') return { name, added: false };
    } catch {
      // A device that is just going away is none of ours.
    }
  }
  return null;
}

/** Asks the kernel for a new device: reading the file makes one, and gives its number. */
function addDevice(host: ZramHost): { readonly name: string; readonly added: boolean } | null {
  try {
    const number = readFileSync(control(host, 'hot_add'), 'latin1').trim();
    return /^\d+$/.test(number) ? { name: `zram${number}`, added: true } : null;
  } catch {
    return null;
  }
}

function control({ root }: ZramHost, name: string): string {
  return join(root, 'sys/class/zram-control', name);
}
