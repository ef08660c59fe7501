/**
 * Scenarios that must find nothing on the sound machine, whatever the schedule.
 */

/** Their names, which are also the names of their modules in `scenarios/`. */
export const SOUND_SCENARIOS: readonly string[] = [
  'swap-storm',
  'swapoff-under-load',
  'fork-and-exit',
  'two-devices',
  'device-reset',
  'notifier-churn',
  'slot-reads',
  'slot-writes',
  'slot-recycling',
  'listener-leaves',
  'last-slot',
  'area-order',
];
