// Ids of the places where points are taken.
//
// Promise: an id is a hash of `file#function#primitive#ordinal`, so a change in one function leaves the ids of all others as they are; it has 30
// bits and is not 0. Where two places have one hash, the later one, in order of files and places in them, takes the next free number.
import ts from 'typescript';
import { parametersOf, siteIndex } from './leaves.mjs';
import { nameOf } from './names.mjs';
import { racyReason, tagsOf } from './tags.mjs';

const ID_MASK = 0x3fff_ffff;

/**
 * One row of sites.json.
 *
 * @typedef {object} Site
 * @property {number} id
 * @property {string} file relative to the base of the project
 * @property {number} line from 1
 * @property {number} column from 1
 * @property {string} function
 * @property {string} primitive the leaf that is called
 * @property {string} kind of the operation; `'call'` for a function that only hands the site on
 * @property {string} [racy] why a data race is intended there
 */

/**
 * FNV-1a, folded to 30 bits.
 * @param {string} text
 */
export function hashSite(text) {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 30)) & ID_MASK;
}

/** The sites of a project. */
export class Sites {
  /** @type {Map<ts.Node, Site>} */
  #byNode = new Map();
  /** All sites, by file. @type {Map<ts.SourceFile, Site[]>} */
  byFile = new Map();

  /**
   * @param {import('./weaver.mjs').Analysis} analysis
   * @param {Iterable<number>} [taken] ids of packages that were woven before and are used by these
   */
  constructor(analysis, taken = []) {
    const used = new Set(taken);
    used.add(0);
    const ordinals = new Map();
    for (const file of analysis.project.files) this.byFile.set(file, []);
    for (const call of analysis.flows.calls) {
      const primitive = siteTaker(analysis, call);
      if (primitive === undefined) continue;
      const site = describe(analysis, call, primitive);
      const key = `${site.file}#${site.function}#${site.primitive}`;
      const ordinal = ordinals.get(key) ?? 0;
      ordinals.set(key, ordinal + 1);
      let id = hashSite(`${key}#${ordinal}`);
      while (used.has(id)) id = (id + 1) & ID_MASK;
      used.add(id);
      site.id = id;
      this.#byNode.set(call.node, site);
      this.byFile.get(call.node.getSourceFile()).push(site);
    }
  }

  /** The id of a call, or undefined when it is given none. */
  idOf(node) {
    return this.#byNode.get(node)?.id;
  }

  /** Number of sites. */
  get count() {
    return this.#byNode.size;
  }

  /**
   * The table of one package, as `sites.json` has it.
   * @param {import('./project.mjs').Project} project
   * @param {import('./project.mjs').WovenPackage} wovenPackage
   */
  tableOf(project, wovenPackage) {
    const table = {};
    for (const [file, sites] of this.byFile) {
      if (project.packageOf(file) !== wovenPackage) continue;
      for (const { id, ...rest } of sites) table[id] = rest;
    }
    return table;
  }
}

/** The function that takes the site of a call; undefined when none does, or when the call hands a site on. */
function siteTaker({ project, colours }, { node, caller, targets, form }) {
  const target = targets.find((each) => project.owns(each) && siteIndex(each) >= 0);
  if (target === undefined || form === 'tag' || form === 'new' || form === 'super') return undefined;
  if (tagsOf(caller).point || (!colours.isLeaf(target) && form === 'using')) return undefined;
  if (form === 'using') return target;
  const given = node.arguments.length - (form === 'method-call' ? 1 : 0);
  return given > siteIndex(target) ? undefined : target;
}

function describe({ project, leaves, colours }, { node, caller }, primitive) {
  const { file, line, column } = project.placeOf(placeToName(node));
  const racy = racyReason(node);
  return {
    id: 0,
    file,
    line,
    column,
    function: nameOf(caller),
    primitive: nameOf(primitive),
    kind: colours.isLeaf(primitive) ? (leaves.operationOf(primitive).kind ?? 'other') : 'call',
    ...(racy === null ? {} : { racy }),
  };
}

/** Where people look for a call: at the name of what is called, which may stand lines below the start of a chain. */
function placeToName(node) {
  const callee = node.expression;
  return callee !== undefined && ts.isPropertyAccessExpression(callee) ? callee.name : node;
}

/** The text of the arguments that a call leaves out before the site. */
export function omittedArguments(target, given) {
  const missing = siteIndex(target) - given;
  return missing > 0 && parametersOf(target).length > 0 ? 'undefined, '.repeat(missing) : '';
}
