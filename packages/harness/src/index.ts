/**
 * `@swaplab/harness`: workloads, checks, conformance and benchmarks for the machine of `@swaplab/kernel-mm`, on real Node threads.
 *
 * {@link runWorkload} is the main entry; the `swaplab` command is a thin wrapper over what is exported here.
 */
export * from './errors.js';
export { assertFileWritable, writeFileAtomically, type FileOptions } from './files.js';
export * from './random.js';
export * from './pages/contents.js';
export * from './pages/corpus.js';
export * from './pages/spec.js';
export * from './workload/generator.js';
export * from './workload/plan.js';
export * from './run/document.js';
export * from './run/options.js';
export * from './run/run-workload.js';
export * from './run/suspects.js';
export { RunFailedError } from './run/swapper-pool.js';
export { INJECTED_FAULTS, type InjectedFault } from './swappers/task.js';
export * from './report/table.js';
export { renderReport } from './report/html/report.js';
export * from './replay/document.js';
export * from './replay/replay-trace.js';
export {
  completeReplayOptions,
  REPLAY_SLOTS,
  repeatReplayCommand,
  TRACE_SIZES,
  type PartialReplayOptions,
  type ReplayOptions,
  type ReplaySlots,
} from './replay/options.js';
export { TRACE_FORMATS, type TraceFormat } from './replay/formats/row.js';
export { renderReplay, replayIsSound } from './report/replay-table.js';
export { renderReplayReport } from './report/html/replay-report.js';
export * from './conformance/conformance.js';
export * from './conformance/document.js';
export { loadMachine, saveMachine } from './machine-file/machine-file.js';
export { MachineFormatError, packMachine, unpackMachine } from './machine-file/format.js';
export * from './rzscontrol/arguments.js';
export * from './rzscontrol/rzscontrol.js';
export * from './rzscontrol/stats-text.js';
export * from './rzscontrol/zramctl.js';
export * from './trace-out/chrome-trace.js';
export * from './trace-out/traced-machine.js';
export * from './bench/bench.js';
export * from './bench/document.js';
