/**
 * What a thread of a test does: load the scenario module, call the function, post how it ended.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Outcome, ThreadOrder } from './threads.js';

const order = workerData as ThreadOrder;
const scenarios = (await import(order.module)) as Readonly<Record<string, (input: unknown) => unknown>>;
parentPort?.postMessage(run());

function run(): Outcome {
  const scenario = scenarios[order.scenario];
  if (scenario === undefined) {
    return { kind: 'threw', name: 'Error', code: '', message: `there is no scenario '${order.scenario}'` };
  }
  try {
    return { kind: 'returned', value: scenario(order.input) };
  } catch (error) {
    const { name, message, code } = error as Error & { readonly code?: string };
    return { kind: 'threw', name, code: code ?? '', message };
  }
}
