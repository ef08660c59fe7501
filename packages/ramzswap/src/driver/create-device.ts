/**
 * Makes the devices of a profile. The only place that knows all of them.
 *
 * A profile is the code of a version, with its faults; how a device is told of freed slots is the policy's business, and every pair can be run. The policy
 * that the code of a version really had is its {@link NATURAL_POLICY}.
 */
import type { FreeSlotPolicy, Profile } from '@swaplab/kernel-mm';
import type { DeviceKernel } from './device-kernel.js';
import type { DeviceParts, RamzswapDevice } from './device.js';
import { Device2635, HistoricalDevice } from './historical/device.js';
import { SoundDevice } from './sound-device.js';

/** How the driver of each version was told of freed slots: not at all; by a function that a swapon notifier installs; by a method of its disks. */
export const NATURAL_POLICY: Readonly<Record<Profile, FreeSlotPolicy>> = {
  sound: 'notify',
  '2.6.34': 'none',
  '2.6.34+series': 'notify',
  '2.6.35': 'bdev-op',
};

/** Whether the driver of a profile can have backing swap. */
export function hasBackingSwap(profile: Profile): boolean {
  return profile !== '2.6.35';
}

/**
 * Makes a device. Called once for each device in each thread, at attach.
 * @param profile - of the machine
 * @param kernel - this thread's kernel
 * @param parts - what the device is made of
 */
export function createDevice(profile: Profile, kernel: DeviceKernel, parts: DeviceParts): RamzswapDevice {
  switch (profile) {
    case 'sound':
      return new SoundDevice(kernel, parts);
    case '2.6.34':
    case '2.6.34+series':
      return new HistoricalDevice(kernel, parts);
    case '2.6.35':
      return new Device2635(kernel, parts);
  }
}
