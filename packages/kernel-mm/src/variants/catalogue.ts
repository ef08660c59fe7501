/**
 * The catalogue of known bugs of the swap core in, or near, 2.6.34: `c01` to `c26`, and what became of each here.
 *
 * Promise: all 26 are listed. Each is a variant, or stays in all profiles because it was meant, or is not modelled for a reason that is given.
 */
import { VARIANTS } from './registry.js';

/**
 * What became of a bug:
 *
 * - `in the profiles`: a variant of that name, part of the historical profiles;
 * - `fixed before`: a variant of that name, but it was mended before 2.6.34, so it is in no profile;
 * - `by design`: it was meant, and is so in all profiles;
 * - `not modelled`: there is nothing here it could happen to.
 */
export type CatalogueState = 'in the profiles' | 'fixed before' | 'by design' | 'not modelled';

/** A bug of the catalogue. */
export interface CatalogueEntry {
  /** `c01` to `c26`. */
  readonly id: string;
  /** What is wrong, in one sentence. */
  readonly title: string;
  readonly state: CatalogueState;
  /** Why it was meant, or is not modelled; null for a variant. */
  readonly reason: string | null;
}

/** Those that are no variants. */
const WITHOUT_VARIANT: readonly CatalogueEntry[] = [
  {
    id: 'c06',
    title: 'While a hibernation image is saved, a scan reclaims slots whose pages are in it as clean ones.',
    state: 'not modelled',
    reason: 'Slots can be taken for hibernation, but no image is saved and no machine wakes up from one.',
  },
  {
    id: 'c08',
    title: 'A swapon that fails closes a file on NFS while it holds the lock of its inode.',
    state: 'not modelled',
    reason: 'Swap files lie on block devices; closing one takes no lock of its inode.',
  },
  {
    id: 'c11',
    title: 'The device of a swap file is used where the file system has none.',
    state: 'not modelled',
    reason: 'Every file system of the model lies on a block device.',
  },
  {
    id: 'c12',
    title: 'Inserting a page into the swap cache sleeps while its slot already has the cache flag.',
    state: 'not modelled',
    reason: 'The swap cache is a hash table that needs no memory, so inserting never sleeps.',
  },
  {
    id: 'c14',
    title: 'Counts of 16 bits overflow, and the slot stays in use until swapoff.',
    state: 'not modelled',
    reason: 'Counts are the bytes of 2.6.34, with continuations; the older format is not there.',
  },
  {
    id: 'c19',
    title: 'Setting page-cluster to 0 in the middle of a read-ahead makes its loop very long.',
    state: 'not modelled',
    reason: 'The size of a block is an argument of the call, so nobody can change it meanwhile.',
  },
  {
    id: 'c22',
    title: 'The list of continuation pages has no lock of its own beside the locks of clusters.',
    state: 'not modelled',
    reason: 'There is one swap_lock, as in 2.6.34; clusters have no locks.',
  },
  {
    id: 'c23',
    title: 'A page that KSM shares and that is reused under writeback is taken for clean later.',
    state: 'not modelled',
    reason: 'Pages are never merged.',
  },
  {
    id: 'c25',
    title: 'A device that somebody else holds is answered with EINVAL.',
    state: 'by design',
    reason: 'So since 2005: EBUSY means that it is a swap area already.',
  },
  {
    id: 'c26',
    title: 'Too many areas are answered with EPERM.',
    state: 'by design',
    reason: 'What swapon has answered at all times.',
  },
];

/** All 26, in order of their numbers. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  ...VARIANTS.filter(({ id }) => /^c\d\d$/.test(id)).map(({ id, title, inProfiles }): CatalogueEntry => ({
    id,
    title,
    state: inProfiles.length === 0 ? 'fixed before' : 'in the profiles',
    reason: null,
  })),
  ...WITHOUT_VARIANT,
].sort((a, b) => (a.id < b.id ? -1 : 1));
