// The weaver as a whole: loads, decides, and says what cannot be woven. What is then written is the business of sited.mjs and stepped.mjs.
import { Colours } from './colour.mjs';
import { collectFlows } from './flows.mjs';
import { Leaves } from './leaves.mjs';
import { Project } from './project.mjs';
import { findForbidden } from './rules.mjs';

/**
 * Everything that is known about the sources.
 *
 * @typedef {object} Analysis
 * @property {Project} project
 * @property {import('./flows.mjs').Flows} flows
 * @property {Colours} colours
 * @property {Leaves} leaves
 */

/**
 * Reads the sources.
 * @param {import('./project.mjs').ProjectOptions} options
 * @returns {Analysis}
 */
export function analyse(options) {
  const project = new Project(options);
  const flows = collectFlows(project);
  return { project, flows, colours: new Colours(project, flows), leaves: new Leaves(flows) };
}

/**
 * What cannot be woven, as lines `FILE:LINE:COL - error STEP01: ...`.
 * @param {Analysis} analysis
 * @returns {{ code: string, file: string, isWarning: boolean, line: string }[]}
 */
export function diagnose(analysis) {
  return findForbidden(analysis).map(({ code, node, text, isWarning }) => {
    const { file, line, column } = analysis.project.placeOf(node);
    const word = isWarning ? 'warning' : 'error';
    return { code, file, isWarning, line: `${file}:${line}:${column} - ${word} ${code}: ${text}` };
  });
}
