/**
 * `@swaplab/explore`: controlled schedules for code that shares memory.
 *
 * Importing this package touches neither a Node API nor `SharedArrayBuffer`.
 */
export * from './core/words.js';
export * from './core/random.js';
export * from './core/tasks.js';
export * from './core/state.js';
export * from './core/decisions.js';
export * from './core/conflicts.js';
export * from './core/schedule.js';
export * from './core/trace.js';
export * from './strategies/strategy.js';
export * from './strategies/portfolio.js';
export { SURW_EVERYTHING } from './strategies/surw.js';
export type { SearchReport } from './strategies/search.js';
export * from './token.js';
export * from './scenario/index.js';
export * from './engines/job.js';
export { siteFactsOf, type SiteEntry, type SiteFacts } from './watch/site-facts.js';
export { DetectedError } from './watch/watch.js';
export * from './engines/stepped/engine.js';
export * from './explore/schedule.js';
export * from './explore/shrink.js';
export * from './explore/exploration.js';
export * from './explore/open-scenario.js';
export * from './explore/explore.js';
export * from './explore/report-of.js';
export * from './explore/command.js';
export * from './explore/faults.js';
export * from './report/model.js';
export * from './report/build.js';
export * from './report/sites.js';
export * from './report/text.js';
export * from './report/chrome-trace.js';
export * from './report/shiviz.js';
export * from './report/html.js';
