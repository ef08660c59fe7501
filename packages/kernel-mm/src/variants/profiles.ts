/**
 * Profiles: which faults of history are in the code.
 */

/**
 * The profiles. `sound` is 2.6.34 with every catalogued fault in its fixed form. The others are the code of their time, with its faults:
 * 2.6.34 as released, 2.6.34 with the series of May 2010, and 2.6.35. Here they differ from `sound` in the swap core, the vm and the
 * notifier chains; a driver looks at the profile of its machine when it attaches, and takes the code of that version.
 */
export const PROFILES = ['sound', '2.6.34', '2.6.34+series', '2.6.35'] as const;

/** Which faults of history are in the code. */
export type Profile = (typeof PROFILES)[number];

/** Every profile but `sound`. */
export type HistoricalProfile = Exclude<Profile, 'sound'>;

/** The profiles with the faults that all three versions have. */
export const HISTORICAL_PROFILES: readonly HistoricalProfile[] = ['2.6.34', '2.6.34+series', '2.6.35'];
