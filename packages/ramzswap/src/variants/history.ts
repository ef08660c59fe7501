/**
 * The faults that the driver of each historical profile has, as the catalogue names them, and how each shows.
 *
 * These are no variants to be installed: they are the code of `driver/historical/`, which a profile has or has not as a whole. The table is for who finds
 * something wrong in a run, and wants to know what it can be.
 */
import { HISTORICAL_PROFILES, type HistoricalProfile, type Profile, type Symptom } from '@swaplab/kernel-mm';

/** A fault of the driver. */
export interface DriverFault {
  /** `d01` to `d43`. */
  readonly id: string;
  /** What is wrong, in one sentence. */
  readonly title: string;
  /** Where it is from. */
  readonly source: string;
  /** The profiles that have it. */
  readonly inProfiles: readonly HistoricalProfile[];
  /** How it can show in swapping, besides in its {@link report}; nothing for what needs somebody who uses the disk directly. */
  readonly symptoms: readonly Symptom[];
  /** Found in the sentence of a check that saw its trace, or in the report of a machine that it has stopped. */
  readonly report: RegExp;
}

const UP_TO_2_6_34 = HISTORICAL_PROFILES.filter((profile) => profile !== '2.6.35');

/** A counter of a device that is not what a walk over its table finds. */
const DRIFT = /^ramzswap\d+: (comprDataSize|pagesStored|pagesExpand|pagesZero|goodCompress) is /;
/** Pages of a pool that are counted and not there, or there and not counted. */
const POOL_DRIFT = /^ramzswap\d+: poolPages is |^The pool counts \d+ pages/;
/** What stops a machine, or is left behind, when something is freed twice, or not at all; also later, when the pool stumbles over it. */
const TWICE_OR_NEVER =
  /is freed, but (it is free already|no object can start there)|are to be taken from a free block|Freeing page \d+ with|null pointer|page frame\(s\) are not given back/;

/** The table, in order of the catalogue. */
export const DRIVER_FAULTS: readonly DriverFault[] = [
  {
    id: 'd01',
    title: 'The slot-free callback changes entries and counters without a lock of the driver.',
    source: 'ramzswap 2.6.35, zram 2.6.36 to 3.10; 57ab0485 (2013)',
    inProfiles: HISTORICAL_PROFILES,
    symptoms: [],
    report: DRIFT,
  },
  {
    id: 'd14',
    title: 'A write does not free the old content of its slot, but trusts that a callback did.',
    source: 'ramzswap 2.6.35; found by reading',
    inProfiles: ['2.6.35'],
    symptoms: ['contents', 'stop'],
    report: new RegExp(
      `${DRIFT.source}|${POOL_DRIFT.source}|^Slot \\d+ (has|shares) |^Offset \\d+ of page |^Free list |^xvmalloc: |${TWICE_OR_NEVER.source}`,
    ),
  },
  {
    id: 'd17',
    title:
      'A write frees the old content before it takes the mutex, so two writers of one slot free it twice.',
    source: 'ramzswap 2.6.33 and 2.6.34; found by reading',
    inProfiles: UP_TO_2_6_34,
    symptoms: [],
    report: TWICE_OR_NEVER,
  },
  {
    id: 'd20',
    title: 'Counters of 32 bits, and the sum of sizes, are changed without a lock of their own.',
    source: 'ramzswap and zram up to 3.13',
    inProfiles: HISTORICAL_PROFILES,
    symptoms: [],
    report: DRIFT,
  },
  {
    id: 'd21',
    title: 'The number of pages of the pool is changed outside its lock.',
    source: 'xvmalloc; found by reading',
    inProfiles: HISTORICAL_PROFILES,
    symptoms: [],
    report: POOL_DRIFT,
  },
  {
    id: 'd22',
    title: 'The header page is not counted when it comes, but discounted when it is overwritten.',
    source: 'ramzswap 2.6.33 and 2.6.34; found by reading',
    inProfiles: UP_TO_2_6_34,
    symptoms: [],
    report: /^ramzswap\d+: \w+ is (429496729\d|-4096), but a walk finds 0\.$/,
  },
];

/**
 * The faults of the driver of a profile, in the order of the table.
 * @param profile - any; `sound` has none
 */
export function driverFaultsOf(profile: Profile): DriverFault[] {
  return DRIVER_FAULTS.filter(({ inProfiles }) => inProfiles.some((name) => name === profile));
}
