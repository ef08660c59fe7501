/**
 * The scenario `swapoff-under-load`: beside the workload an area of higher priority than all others comes, is used at once, and goes again while
 * the swappers fault, fork and exit, over and over. Its thread is in `spare-area.ts`.
 */
import { count, plural, type Scenario } from './scenario.js';

/** An area comes and goes. */
export const swapoffUnderLoad: Scenario<'swapoff-under-load'> = {
  name: 'swapoff-under-load',
  description: 'one more area comes and goes while the swappers run',
  meaning:
    'Each swapoff brings home all pages of an area that is in use. Nothing may be lost, and the device must be empty afterwards if it is told of frees.',
  spareDisks: 1,
  hasThread: true,
  explain: ({ swapons, swapoffs, swapoffErrors }) => {
    const failures = Object.entries(swapoffErrors).map(([code, times]) => `${count(times)} with ${code}`);
    const failed =
      failures.length === 0 ? 'no swapoff failed' : `swapoffs that failed: ${failures.join(', ')}`;
    return [
      `one more area came ${plural(swapons, 'time')} and went ${plural(swapoffs, 'time')} while the threads ran; ${failed}.`,
    ];
  },
};
