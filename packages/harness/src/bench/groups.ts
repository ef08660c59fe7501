/**
 * The names of the groups of benchmarks: all that the command line needs before it measures anything.
 */

/** The groups that can be measured, in the order they are shown. */
export const BENCH_GROUPS = ['sync', 'slots', 'path', 'codec', 'xvmalloc', 'policies', 'engines'] as const;
