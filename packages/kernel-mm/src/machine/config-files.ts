/**
 * The files of a machine: options as users give them, completed and checked.
 *
 * Promise: what is returned is plain data that survives `postMessage`. Every bad value is refused with one sentence that names it. Whether a file
 * fits on the disk of a driver is seen only when the driver has made it: `Kernel.mountFiles`.
 */
import { PAGE_SIZE } from '../arena/memory.js';
import { SECTOR_SIZE } from '../block/device.js';
import { NULL_DEVICE_PATH, PATH_MAX, type FileConfig, type FileExtent } from '../block/files.js';
import type { RamDiskConfig } from '../block/ram-disk.js';
import { MisuseError } from '../errno.js';
import { SWAP_EXTENT } from '../swap/info.js';
import { areaTableBytes } from '../swap/swap-core.js';

/** Most files of a machine. */
export const FILES_MAX = 64;
const FILE_BYTES_MAX = 2 ** 32 - PAGE_SIZE;
const BLOCK_BYTES: readonly number[] = [SECTOR_SIZE, 1024, 2048, PAGE_SIZE];

/** Bytes of a disk that belong to a file. */
interface Piece {
  readonly path: string;
  readonly disk: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Completes and checks the files.
 * @param files - as given
 * @param ramDisks - RAM disks of the machine, checked
 * @throws {@link MisuseError} `ERR_OUT_OF_RANGE` or `ERR_INVALID_ARGUMENT`
 */
export function completeFiles(
  files: readonly FileConfig[],
  ramDisks: readonly RamDiskConfig[],
): Required<FileConfig>[] {
  if (files.length > FILES_MAX)
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `A machine has at most ${FILES_MAX} files, not ${files.length}.`,
    );
  const complete: Required<FileConfig>[] = [];
  const pieces: Piece[] = [];
  for (const file of files) {
    requirePath(file.path, complete);
    const whole = completeFile(file);
    requireRoom(whole, ramDisks, pieces);
    complete.push(whole);
  }
  return complete;
}

/**
 * Room that swapping to files takes in table memory: for each the tables of an area, and its extents.
 * @param files - complete
 * @returns bytes
 */
export function tableBytesOfFiles(files: readonly Required<FileConfig>[]): number {
  let bytes = 0;
  for (const file of files)
    bytes +=
      areaTableBytes(file.bytes / PAGE_SIZE) + file.extents.length * 2 * SWAP_EXTENT.$bytes + PAGE_SIZE;
  return bytes;
}

function requirePath(path: string, earlier: readonly FileConfig[]): void {
  const isPath =
    typeof path === 'string' &&
    path.length < PATH_MAX &&
    /^(\/[\x20-\x2e\x30-\x7e]+)+$/.test(path) &&
    !/\/\.\.?(\/|$)/.test(path);
  if (!isPath) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `A file cannot be called '${path}': a path begins with a slash and has printable ASCII characters, and neither '.' nor '..' alone.`,
    );
  }
  if (path === '/dev' || path.startsWith('/dev/')) {
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `The file '${path}' cannot lie in /dev: there are only devices, ${NULL_DEVICE_PATH} among them.`,
    );
  }
  for (const other of earlier) {
    if (other.path === path)
      throw new MisuseError('ERR_INVALID_ARGUMENT', `The file '${path}' is given twice.`);
    if (other.path.startsWith(`${path}/`) || path.startsWith(`${other.path}/`)) {
      throw new MisuseError(
        'ERR_INVALID_ARGUMENT',
        `Of '${path}' and '${other.path}' one would have to be a directory, but both are files.`,
      );
    }
  }
}

function completeFile(file: FileConfig): Required<FileConfig> {
  const { path, disk, blockBytes = PAGE_SIZE } = file;
  if (typeof disk !== 'string' || disk === '')
    throw new MisuseError(
      'ERR_INVALID_ARGUMENT',
      `The file '${path}' needs a disk: the name of a block device, without /dev/.`,
    );
  if (!BLOCK_BYTES.includes(blockBytes))
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `The blocks of the file '${path}' have ${blockBytes} bytes, but must have one of ${BLOCK_BYTES.join(', ')}.`,
    );
  const extents: FileExtent[] = [];
  let blocks = 0;
  for (const [firstBlock, count] of file.extents) {
    if (!isWhole(firstBlock ?? 0, 0, 2 ** 32 - 1) || !isWhole(count, 1, 2 ** 32 - 1)) {
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `The file '${path}' has an extent [${firstBlock}, ${count}]: give the first block on the disk, null for a hole, and how many blocks, at least 1.`,
      );
    }
    extents.push([firstBlock === 0 ? null : firstBlock, count]);
    blocks += count;
  }
  const most = blocks * blockBytes;
  const bytes = file.bytes ?? most;
  if (!isWhole(bytes, 0, Math.min(most, FILE_BYTES_MAX)))
    throw new MisuseError(
      'ERR_OUT_OF_RANGE',
      `The file '${path}' has ${bytes} bytes, but its blocks have room for 0 to ${most}, and no file is larger than ${FILE_BYTES_MAX}.`,
    );
  return { path, disk, blockBytes, extents, bytes };
}

/** Blocks must lie on the disk, and belong to one file only. */
function requireRoom(file: Required<FileConfig>, ramDisks: readonly RamDiskConfig[], pieces: Piece[]): void {
  const { path, disk, blockBytes } = file;
  const diskBytes = ramDisks.find(({ name }) => name === disk)?.bytes ?? Number.POSITIVE_INFINITY;
  for (const [firstBlock, count] of file.extents) {
    if (firstBlock === null) continue;
    const start = firstBlock * blockBytes;
    const end = start + count * blockBytes;
    if (end > diskBytes)
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `The file '${path}' has blocks up to byte ${end} of the disk '${disk}', which has ${diskBytes} bytes.`,
      );
    for (const other of pieces) {
      if (other.disk === disk && start < other.end && other.start < end)
        throw new MisuseError(
          'ERR_INVALID_ARGUMENT',
          `Bytes ${Math.max(start, other.start)} and on of the disk '${disk}' belong to '${path}' and to '${other.path}'.`,
        );
    }
    pieces.push({ path, disk, start, end });
  }
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}
