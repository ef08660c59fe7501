/**
 * All deliberately wrong variants of this package, by name, and the profiles made of them.
 *
 * Promise: one table says what there is; what is not in it cannot be installed. Those of a profile are installed first, then those asked for by
 * name, each in the order of the table, so that every thread of a machine ends up with the same functions. Where two of them replace the
 * same function, the one installed later is in force.
 */
import { MisuseError } from '../errno.js';
import { installC01 } from './c01.js';
import { installC02 } from './c02.js';
import { installC03 } from './c03.js';
import { installC04 } from './c04.js';
import { installC05 } from './c05.js';
import { installC07 } from './c07.js';
import { installC09 } from './c09.js';
import { installC10 } from './c10.js';
import { installC13 } from './c13.js';
import { installC15 } from './c15.js';
import { installC16 } from './c16.js';
import { installC17 } from './c17.js';
import { installC18 } from './c18.js';
import { installC20 } from './c20.js';
import { installC21 } from './c21.js';
import { installC24 } from './c24.js';
import { installEarlyCall } from './early-call.js';
import { installEarlyFlagDrop } from './early-flag-drop.js';
import { installEarlyRemoval } from './early-removal.js';
import { installEarlySlotFree } from './early-slot-free.js';
import { installFileOffset } from './file-offset.js';
import { installForgottenRecord } from './forgotten-record.js';
import { installForgottenReservation } from './forgotten-reservation.js';
import { installInheritedHook } from './inherited-hook.js';
import { installLateCall } from './late-call.js';
import { installNoScanWait } from './no-scan-wait.js';
import { installNotifierErrno } from './notifier-errno.js';
import { HISTORICAL_PROFILES, type Profile } from './profiles.js';
import { installSleepingCall } from './sleeping-call.js';
import { installStrayCursor } from './stray-cursor.js';
import { installUncheckedRegisterEverywhere } from './unchecked-register.js';
import { installUncheckedWriteok } from './unchecked-writeok.js';
import { installUnreadHome } from './unread-home.js';
import { installUnseenWriteError } from './unseen-write-error.js';
import type { Variant, VariantTarget } from './variant.js';

/** Faults that all three historical versions have. */
const ALL_VERSIONS = HISTORICAL_PROFILES;
/** Faults that were mended in 2.6.35. */
const UP_TO_2_6_34 = HISTORICAL_PROFILES.filter((profile) => profile !== '2.6.35');
/** What a swap core alone can have, and mostly without a report of its own. */
const OF_SWAP = { needs: 'nothing', report: null } as const;
/** What is about processes. */
const OF_VM = { needs: 'vm', report: null } as const;

/** The table: first those of the catalogue, then the others. */
export const VARIANTS: readonly Variant[] = [
  {
    ...OF_SWAP,
    id: 'c01',
    title: 'The second half of a scan skips the lowest slot that may be free.',
    source: 'scan_swap_map, 2.6.29 to 3.13; a5998061daab (Jamie Liu, 2014)',
    inProfiles: ALL_VERSIONS,
    symptoms: ['refusal', 'stop'],
    report: /goes round for ever/,
    install: ({ swap }) => installC01(swap),
  },
  {
    ...OF_SWAP,
    id: 'c02',
    title: 'Areas of different lower priorities take turns once the highest is full.',
    source: 'get_swap_page, up to 3.15; discussion of 2014',
    inProfiles: ALL_VERSIONS,
    symptoms: ['order'],
    install: ({ swap }) => installC02(swap),
  },
  {
    ...OF_VM,
    id: 'c03',
    title: 'A fault does not look again, once it has the lock, whether the page is still that of its entry.',
    source: 'do_swap_page, up to 2.6.35; 4969c1192d15, 31c4a3d3a0f8 (2010)',
    inProfiles: ALL_VERSIONS,
    symptoms: ['contents', 'books', 'stop'],
    install: (target) => installC03(vmOf(target).faults),
  },
  {
    ...OF_SWAP,
    id: 'c04',
    title: 'swapoff frees the entry of the table before it has given back the device of the area.',
    source: 'sys_swapoff, up to 3.12; Krzysztof Kozlowski (2013), Weijie Yang (2014)',
    inProfiles: ALL_VERSIONS,
    symptoms: ['order'],
    install: ({ swap }) => installC04(swap),
  },
  {
    ...OF_VM,
    id: 'c05',
    title: 'Who waits for a page to appear in the swap cache does not let others run.',
    source: 'read_swap_cache_async, up to 3.9; Rafael Aquini (2013)',
    inProfiles: ALL_VERSIONS,
    symptoms: ['stop'],
    report: /claims to be cached for ever/,
    install: (target) => installC05(vmOf(target).faults),
  },
  {
    needs: 'frames',
    id: 'c07',
    title: 'The bad pages of a header of the other byte order are swapped before they are counted.',
    source: 'sys_swapon, up to 4.8; Jann Horn (2016)',
    inProfiles: ALL_VERSIONS,
    symptoms: ['contents', 'stop'],
    report: /bad pages before it counts them/,
    install: (target) => installC07(target.swap, framesOf(target)),
  },
  {
    ...OF_SWAP,
    id: 'c09',
    title: 'The last usable page in the header is taken for the number of pages.',
    source: 'sys_swapon, up to 2.6.33; ad2bd7e0e964 (2010)',
    inProfiles: [],
    symptoms: ['refusal'],
    install: ({ swap }) => installC09(swap),
  },
  {
    ...OF_SWAP,
    id: 'c10',
    title: 'Freeing a slot while the list of areas is empty reads swap_info[-1].',
    source: 'swap_entry_free, up to 2.6.32; guarded since efa90a981bbc (2009)',
    inProfiles: [],
    symptoms: ['order', 'stop'],
    report: /swap_info\[-1\]/,
    install: ({ swap }) => installC10(swap),
  },
  {
    ...OF_SWAP,
    id: 'c13',
    title:
      'Dropping a reference that nobody has is not noticed: a count of users wraps to that of a slot of shmem.',
    source: 'swap_entry_free, 2.6.34',
    inProfiles: ALL_VERSIONS,
    symptoms: ['books'],
    install: ({ swap }) => installC13(swap),
  },
  {
    ...OF_VM,
    id: 'c15',
    title: 'swapoff takes a page out of the swap cache that belongs to a slot of another area by now.',
    source: 'try_to_unuse, up to 2.6.28; 68bdc8d64742 (2009)',
    inProfiles: [],
    symptoms: ['contents', 'books'],
    install: (target) => installC15(vmOf(target)),
  },
  {
    ...OF_SWAP,
    id: 'c16',
    title: 'swapoff leaves a gap in the automatic priorities, which sink with every swapon.',
    source: 'sys_swapoff, up to 2.6.26; 78ecba081224 (2008)',
    inProfiles: [],
    symptoms: ['books', 'order'],
    report: /^I10: /,
    install: ({ swap }) => installC16(swap),
  },
  {
    ...OF_VM,
    id: 'c17',
    title: 'A page that could not be written counts as written.',
    source: 'end_swap_bio_write, up to 2.6.18; 6ddab3b9ebeb (2006)',
    inProfiles: [],
    symptoms: ['contents'],
    install: (target) => installC17(vmOf(target).io),
  },
  {
    ...OF_SWAP,
    id: 'c18',
    title: 'Read-ahead always begins at the first slot of its block, and ends at the first free one.',
    source: 'valid_swaphandles, up to 2.6.25; 8952898b0d25 (2008)',
    inProfiles: [],
    symptoms: ['refusal'],
    install: ({ swap }) => installC18(swap),
  },
  {
    ...OF_SWAP,
    id: 'c20',
    title: 'A free cluster is said to begin two slots lower than it does.',
    source: 'scan_swap_map, up to 2.6.19; 9b65ef59d42a (2006)',
    inProfiles: [],
    symptoms: ['order'],
    install: ({ swap }) => installC20(swap),
  },
  {
    ...OF_SWAP,
    id: 'c21',
    title: 'Readers of the map of an area that is being switched off do not look whether it is still there.',
    source: 'swap_info_get, valid_swaphandles, 2.6.34; get_swap_device (2019)',
    inProfiles: ALL_VERSIONS,
    symptoms: ['books', 'stop'],
    report: /which swapoff has freed: a null pointer/,
    install: ({ swap }) => installC21(swap),
  },
  {
    ...OF_SWAP,
    id: 'c24',
    title: 'A bad page that the header lists twice lowers the number of usable slots twice.',
    source: 'sys_swapon, 2.6.34',
    inProfiles: ALL_VERSIONS,
    symptoms: ['books', 'refusal'],
    report: /^I2: /,
    install: ({ swap }) => installC24(swap),
  },
  {
    ...OF_SWAP,
    id: 'early-call',
    title: 'The device is also told of a slot that the swap cache still holds.',
    source: 'a teaching variant of the callback',
    inProfiles: [],
    symptoms: ['contents'],
    install: ({ swap }) => installEarlyCall(swap),
  },
  {
    ...OF_VM,
    id: 'early-flag-drop',
    title: 'A page leaves the swap cache only after its slot has lost the cache flag.',
    source: 'a teaching variant of delete_from_swap_cache',
    inProfiles: [],
    symptoms: ['stop'],
    report: /Two pages for the swap entry/,
    install: (target) => installEarlyFlagDrop(vmOf(target), target.swap.counts),
  },
  {
    ...OF_SWAP,
    id: 'early-removal',
    title: 'The hook of an area is removed before its pages are brought home.',
    source: 'a teaching variant of sys_swapoff with the series',
    inProfiles: [],
    symptoms: ['contents'],
    install: ({ swap }) => installEarlyRemoval(swap),
  },
  {
    ...OF_VM,
    id: 'early-slot-free',
    title: 'A fault tries to free the slot before it gives its own reference to it back.',
    source: 'a teaching variant of do_swap_page',
    inProfiles: [],
    symptoms: ['order'],
    install: (target) => installEarlySlotFree(vmOf(target).faults, target.swap),
  },
  {
    ...OF_SWAP,
    id: 'file-offset',
    title: 'Under bdev-op the device of a swap file is told of slots, which are no places on it.',
    source: 'the patch in compcache 0.6.2 (January 2010)',
    inProfiles: [],
    symptoms: ['contents'],
    install: ({ swap }) => installFileOffset(swap),
  },
  {
    ...OF_SWAP,
    id: 'forgotten-record',
    title: 'A task that could not use the free cluster it found leaves its record of the search open.',
    source: 'scan_swap_map, 2.6.34; found by reading',
    inProfiles: ALL_VERSIONS,
    symptoms: ['order'],
    install: ({ swap }) => installForgottenRecord(swap),
  },
  {
    ...OF_SWAP,
    id: 'forgotten-reservation',
    title: 'An allocation that fails does not give its reservation back.',
    source: 'a teaching variant of get_swap_page',
    inProfiles: [],
    symptoms: ['books', 'refusal'],
    report: /^I6: /,
    install: ({ swap }) => installForgottenReservation(swap),
  },
  {
    ...OF_SWAP,
    id: 'inherited-hook',
    title: 'What was installed for an area stays in its entry of the table at swapoff.',
    source: 'the drafts of 2009 on 2.6.33, which does not clear the entry',
    inProfiles: [],
    symptoms: ['contents', 'stop'],
    install: ({ swap }) => installInheritedHook(swap),
  },
  {
    ...OF_SWAP,
    id: 'late-call',
    title: 'The device is told of a freed slot after swap_lock was dropped.',
    source: 'asked for by reviewers in 2009',
    inProfiles: [],
    symptoms: ['contents'],
    install: ({ swap }) => installLateCall(swap),
  },
  {
    ...OF_SWAP,
    id: 'no-scan-wait',
    title: 'swapoff does not wait until nobody scans the map any more.',
    source: 'a teaching variant of sys_swapoff',
    inProfiles: [],
    symptoms: ['books'],
    report: /^I16: /,
    install: ({ swap }) => installNoScanWait(swap),
  },
  {
    ...OF_SWAP,
    id: 'notifier-errno',
    title: 'The answer a notifier callback makes from success ends the call.',
    source: 'notifier_from_errno, up to 2.6.34; b957e043ee5 (2010)',
    inProfiles: UP_TO_2_6_34,
    symptoms: ['order'],
    install: ({ notifierBlocks }) => installNotifierErrno(notifierBlocks),
  },
  {
    ...OF_SWAP,
    id: 'sleeping-call',
    title: 'Who is told of a freed slot may sleep, under swap_lock.',
    source: 'a teaching variant of the callback; bug-museum B02',
    inProfiles: [],
    symptoms: ['stop'],
    report: /Sleeping in atomic context: telling the device/,
    install: ({ swap }) => installSleepingCall(swap),
  },
  {
    ...OF_SWAP,
    id: 'stray-cursor',
    title: 'Freeing a slot moves the cursor to an area that is being switched off and on no list any more.',
    source: 'swap_entry_free, 2.6.34; found by reading',
    inProfiles: ALL_VERSIONS,
    symptoms: ['books'],
    report: /^I9: the cursor /,
    install: ({ swap }) => installStrayCursor(swap),
  },
  {
    ...OF_SWAP,
    id: 'unchecked-register',
    title: 'A notifier block can be registered although it is on a chain.',
    source: 'notifier_chain_register, 2.6.34',
    inProfiles: ALL_VERSIONS,
    symptoms: ['order', 'stop'],
    report: /has no end after \d+ blocks/,
    install: ({ swap }) => installUncheckedRegisterEverywhere(swap),
  },
  {
    ...OF_SWAP,
    id: 'unchecked-writeok',
    title: 'A scan that dropped the lock does not look again whether its area is still writable.',
    source: 'a teaching variant of scan_swap_map',
    inProfiles: [],
    symptoms: ['books', 'stop'],
    report: /is in use when its map is freed/,
    install: ({ swap }) => installUncheckedWriteok(swap),
  },
  {
    ...OF_VM,
    id: 'unread-home',
    title: 'swapoff maps a page that could not be read.',
    source: 'try_to_unuse, up to 5.18; found by reading 2.6.34',
    inProfiles: ALL_VERSIONS,
    symptoms: ['contents'],
    install: (target) => installUnreadHome(vmOf(target).unuse),
  },
  {
    ...OF_VM,
    id: 'unseen-write-error',
    title: 'swapoff drops a page whose slot still has users although it could not be written.',
    source: 'try_to_unuse, 2.6.34; found by reading',
    inProfiles: ALL_VERSIONS,
    symptoms: ['contents'],
    install: (target) => installUnseenWriteError(vmOf(target).unuse),
  },
];

/**
 * The variants a profile is made of, in the order of the table.
 * @param profile - any
 */
export function variantsOf(profile: Profile): Variant[] {
  return VARIANTS.filter(({ inProfiles }) => inProfiles.some((name) => name === profile));
}

/**
 * Checks names of variants.
 * @param ids - as a user gave them
 * @returns the same
 * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` for one that there is not
 */
export function requireVariants(ids: readonly string[]): readonly string[] {
  for (const id of ids) {
    if (VARIANTS.some((variant) => variant.id === id)) continue;
    const choices = VARIANTS.map((variant) => variant.id).join(', ');
    throw new MisuseError('ERR_INVALID_ARGUMENT', `There is no variant '${id}'; choose from ${choices}.`);
  }
  return ids;
}

/**
 * Puts the faults of a profile, and single ones besides, into a thread's kernel, each once. Before anything runs in that thread.
 * @param target - to be changed. Where it has no vm or no page frames, those of the profile that need them are left out
 * @param profile - as the machine was made with
 * @param ids - of variants to be installed besides
 * @throws {@link MisuseError} `ERR_INVALID_ARGUMENT` for an id that there is not, or that needs what is not there
 */
export function installVariants(target: VariantTarget, profile: Profile, ids: readonly string[] = []): void {
  requireVariants(ids);
  const ofProfile = variantsOf(profile).filter(
    ({ needs }) => needs === 'nothing' || target[needs] !== undefined,
  );
  for (const variant of ofProfile) if (!ids.includes(variant.id)) variant.install(target);
  for (const variant of VARIANTS) if (ids.includes(variant.id)) variant.install(target);
}

function vmOf({ vm }: VariantTarget): NonNullable<VariantTarget['vm']> {
  if (vm !== undefined) return vm;
  throw new MisuseError('ERR_INVALID_ARGUMENT', 'This variant changes the vm, but there is none here.');
}

function framesOf({ frames }: VariantTarget): NonNullable<VariantTarget['frames']> {
  if (frames !== undefined) return frames;
  throw new MisuseError(
    'ERR_INVALID_ARGUMENT',
    'This variant needs the page frames, but there are none here.',
  );
}
