/**
 * What the C library says about an error number.
 */
import { errnoName } from '@swaplab/kernel-mm';

const WORDS: Readonly<Record<string, string>> = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  EINTR: 'Interrupted system call',
  EIO: 'Input/output error',
  ENXIO: 'No such device or address',
  ENOMEM: 'Cannot allocate memory',
  EACCES: 'Permission denied',
  EFAULT: 'Bad address',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  ENODEV: 'No such device',
  EISDIR: 'Is a directory',
  EINVAL: 'Invalid argument',
  ENOTTY: 'Inappropriate ioctl for device',
  ENOSPC: 'No space left on device',
  ENAMETOOLONG: 'File name too long',
  EOVERFLOW: 'Value too large for defined data type',
  ENOSYS: 'Function not implemented',
  EOPNOTSUPP: 'Operation not supported',
};

/**
 * The words for an error.
 *
 * @param errno - its name, `'EBUSY'`, or its number, positive or negative
 */
export function strerror(errno: string | number): string {
  const name = typeof errno === 'string' ? errno : errnoName(errno);
  return WORDS[name] ?? `Unknown error ${name.replace(/^E/, '')}`;
}
