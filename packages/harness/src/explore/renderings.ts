/**
 * A report in the forms that go into files, and in colours.
 */
import {
  chromeTraceText,
  htmlReport,
  shivizLog,
  textReport,
  type PageStory,
  type ReportModel,
  type TextStyle,
} from '@swaplab/explore';
import { createColors } from 'picocolors';

import type { Terminal } from '../cli/terminal.js';

/**
 * The report for a terminal.
 *
 * @param report - of a failure
 * @param terminal - where it goes
 */
export function reportText(report: ReportModel, terminal: Pick<Terminal, 'colour' | 'columns'>): string {
  return textReport(report, styleOf(terminal));
}

/**
 * The report as a page to step through.
 *
 * @param report - of a failure
 * @param story - what stands above it, null for nothing
 */
export function reportPage(report: ReportModel, story: PageStory | null): string {
  return htmlReport(report, story);
}

/** The schedule as a Chrome trace. */
export function reportChromeTrace(report: ReportModel): string {
  return chromeTraceText(report);
}

/** The schedule as a log for ShiViz. */
export function reportShiviz(report: ReportModel): string {
  return shivizLog(report);
}

function styleOf({ colour, columns }: Pick<Terminal, 'colour' | 'columns'>): TextStyle {
  const colours = createColors(colour);
  const ofThreads = [colours.cyan, colours.yellow, colours.magenta, colours.green, colours.blue];
  return {
    width: columns,
    bold: colours.bold,
    dim: colours.dim,
    bad: colours.red,
    thread: (index, text) => (ofThreads[index % ofThreads.length] ?? colours.bold)(text),
  };
}
