/**
 * Error numbers and the error classes of the whole system.
 *
 * Promise: inside the kernel packages a function returns 0 or a positive result, or a *negative* errno, as C does. Only the façade
 * (`machine/`) turns a negative errno into a thrown {@link KernelError}. Three kinds of error never mix:
 *
 * - {@link KernelError}: an expected failure, as the system call would report it (`EBUSY`, `ENOMEM`, ...);
 * - {@link MisuseError}: the API was called wrongly, detected before any state was changed (`ERR_...`);
 * - {@link KernelBug}: an invariant is broken; the machine is stopped and every thread that waits is told so.
 */

/** Operation not permitted. */
export const EPERM = 1;
/** No such file, device or entry. */
export const ENOENT = 2;
/** Interrupted. */
export const EINTR = 4;
/** Input or output error. */
export const EIO = 5;
/** No such device or address. */
export const ENXIO = 6;
/** Out of memory. */
export const ENOMEM = 12;
/** Permission denied. */
export const EACCES = 13;
/** Bad address. */
export const EFAULT = 14;
/** Device or resource busy. */
export const EBUSY = 16;
/** Already exists. */
export const EEXIST = 17;
/** No such device. */
export const ENODEV = 19;
/** Is a directory. */
export const EISDIR = 21;
/** Invalid argument. */
export const EINVAL = 22;
/** Inappropriate ioctl for device. */
export const ENOTTY = 25;
/** No space left on device. */
export const ENOSPC = 28;
/** File name too long. */
export const ENAMETOOLONG = 36;
/** Function not implemented. */
export const ENOSYS = 38;
/** Operation not supported. */
export const EOPNOTSUPP = 95;
/** The owner of a lock died while holding it. */
export const EOWNERDEAD = 130;

const NAMES = new Map<number, string>([
  [EPERM, 'EPERM'],
  [ENOENT, 'ENOENT'],
  [EINTR, 'EINTR'],
  [EIO, 'EIO'],
  [ENXIO, 'ENXIO'],
  [ENOMEM, 'ENOMEM'],
  [EACCES, 'EACCES'],
  [EFAULT, 'EFAULT'],
  [EBUSY, 'EBUSY'],
  [EEXIST, 'EEXIST'],
  [ENODEV, 'ENODEV'],
  [EISDIR, 'EISDIR'],
  [EINVAL, 'EINVAL'],
  [ENOTTY, 'ENOTTY'],
  [ENOSPC, 'ENOSPC'],
  [ENAMETOOLONG, 'ENAMETOOLONG'],
  [ENOSYS, 'ENOSYS'],
  [EOPNOTSUPP, 'EOPNOTSUPP'],
  [EOWNERDEAD, 'EOWNERDEAD'],
]);

/**
 * The symbolic name of an errno.
 * @param errno - positive or negative number
 * @returns `'EBUSY'` and the like, or `'E<number>'` for one this system does not use
 */
export function errnoName(errno: number): string {
  const positive = Math.abs(errno);
  return NAMES.get(positive) ?? `E${positive}`;
}

/** An expected failure of a system call of the modelled kernel. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  /** Symbolic name, `'EBUSY'`. */
  readonly code: string;
  /** Negative number, `-16`. */
  readonly errno: number;
  /** The call that failed, `'swapon'`. */
  readonly syscall: string;

  /**
   * @param syscall - the call that failed
   * @param errno - negative errno
   * @param sentence - what was wrong with which value, and what to do
   */
  constructor(syscall: string, errno: number, sentence: string) {
    super(`${syscall}: ${errnoName(errno)}: ${sentence}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = errnoName(errno);
  }
}

/** Codes of {@link MisuseError}. */
export type MisuseCode =
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_OUT_OF_RANGE'
  | 'ERR_SYMBOL_MISMATCH'
  | 'ERR_UNKNOWN_SYMBOL'
  | 'ERR_WOULD_BLOCK'
  | 'ERR_NO_SHARED_MEMORY'
  | 'ERR_BAD_HANDLE'
  | 'ERR_TOO_MANY_TASKS'
  | 'ERR_MACHINE_STOPPED';

/** The API was used wrongly, or a view that must not wait would have had to. Nothing was changed. */
export class MisuseError extends Error {
  override readonly name = 'MisuseError';
  /** Stable code, `'ERR_OUT_OF_RANGE'`. */
  readonly code: MisuseCode;

  /**
   * @param code - stable code
   * @param sentence - what was wrong with which value, and the allowed range
   */
  constructor(code: MisuseCode, sentence: string) {
    super(sentence);
    this.code = code;
  }
}

/** An invariant of the machine is broken. The machine is stopped; its report says who, where and since when. */
export class KernelBug extends Error {
  override readonly name = 'KernelBug';
  /** Always `'ERR_KERNEL_BUG'`. */
  readonly code = 'ERR_KERNEL_BUG';
}
