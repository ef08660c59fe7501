/**
 * A thread that switches a swap area on and off while others swap, and those others: what they do is with their own tests.
 */
import { KernelError } from '#src/errno.js';
import { attachMachine, type MachineHandle } from '#src/machine/machine.js';

export { family } from './fork-scenarios.js';
export { comeAndGo, swapper } from './scenarios.js';

/** What a switcher is told. */
export interface SwitcherInput {
  readonly handle: MachineHandle;
  readonly name: string;
  readonly path: string;
  readonly priority: number;
  readonly milliseconds: number;
  /** How long the area stays on, and then off. */
  readonly pauseMs: number;
}

/** What it did. */
export interface SwitcherResult {
  readonly swapons: number;
  readonly swapoffs: number;
  /** Slots that were handed out in all lives of the area. */
  readonly allocated: number;
  /** How often swapoff answered what. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Switches an area on and off until the time is over; leaves it off. A swapoff that fails is tried again, in the end without a pause. */
export function switcher(input: SwitcherInput): SwitcherResult {
  const view = attachMachine(input.handle, { name: input.name, waitLimitMs: 20_000 });
  const { report } = view.kernel.swap;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const errors: Record<string, number> = {};
  const result = { swapons: 0, swapoffs: 0, allocated: 0, errors };
  const end = performance.now() + input.milliseconds;
  let isOn = false;
  while (isOn || performance.now() < end) {
    if (performance.now() < end) Atomics.wait(pause, 0, 0, input.pauseMs);
    if (!isOn) {
      view.swapon(input.path, { priority: input.priority });
      result.swapons++;
      isOn = true;
      continue;
    }
    const allocated = report.swaps().find(({ device }) => device === input.path)?.allocated ?? 0;
    try {
      view.swapoff(input.path);
      result.swapoffs++;
      result.allocated += allocated;
      isOn = false;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      errors[error.code] = (errors[error.code] ?? 0) + 1;
    }
  }
  view.detach();
  return result;
}
