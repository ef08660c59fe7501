// Which functions can reach a point: those become generators in the twin.
//
// A class of signatures has one colour: where one of them reaches a point, a caller cannot know that the others do not. A leaf (`@point`) stays
// plain, since its callers take its point; a function outside of schedules (`@quiescent`) stays plain, too, and runs what it calls to its end.
import ts from 'typescript';
import { nameOf } from './names.mjs';
import { tagsOf } from './tags.mjs';

/** The colours of all classes, and why. */
export class Colours {
  #flows;
  #project;
  /** The call that coloured a class, or null for a seed. @type {Map<ts.Node, import('./flows.mjs').Call | null>} */
  #marks = new Map();
  /** Classes of leaves. @type {Map<ts.Node, ts.Node>} */
  #leaves = new Map();
  /** Classes of which one function is tagged as outside of schedules. @type {Set<ts.Node>} */
  #mixed = new Set();
  /** Classes whose place is outside of schedules: an interface or a type of functions says so. @type {Set<ts.Node>} */
  #quietClasses = new Set();
  /** Functions that run outside of schedules, whatever else is of their class. @type {Set<ts.Node>} */
  #quiet = new Set();
  /** Functions written inside of such a function: they do, too, unless they come to a place where others are stepped. @type {Set<ts.Node>} */
  #inner = new Set();

  /**
   * @param {import('./project.mjs').Project} project
   * @param {import('./flows.mjs').Flows} flows
   */
  constructor(project, flows) {
    this.#flows = flows;
    this.#project = project;
    const { classes } = flows;
    for (const node of flows.functions) {
      const { point, quiescent, seed } = tagsOf(node);
      const root = classes.find(node);
      if (point) this.#leaves.set(root, node);
      if (seed) this.#marks.set(root, null);
      if (quiescent && node.body === undefined) this.#quietClasses.add(root);
      else if (quiescent) this.#mixed.add(root);
    }
    for (const { from, to } of flows.foreignUses) if (tagsOf(to).quiescent) this.#quiet.add(from);
    for (const node of flows.functions) {
      if (tagsOf(node).quiescent || this.#quietClasses.has(classes.find(node))) this.#quiet.add(node);
    }
    for (const node of flows.functions) if (this.#isInsideQuiet(node)) this.#inner.add(node);
    this.#spread();
  }

  #isInsideQuiet(node) {
    for (let at = node.parent; !ts.isSourceFile(at); at = at.parent) {
      if (ts.isFunctionLike(at) && this.#quiet.has(at)) return true;
      if (ts.isClassLike(at)) return false;
    }
    return false;
  }

  #spread() {
    // Each class lists the calls that lead to it, so that every call is looked at once.
    const { classes, calls } = this.#flows;
    const callersOf = new Map();
    const ready = [];
    for (const call of calls) {
      if (!this.#canBeColoured(call.caller)) continue;
      for (const target of call.targets) {
        const root = classes.find(target);
        if (this.#leaves.has(root)) ready.push(call);
        else {
          const list = callersOf.get(root);
          if (list === undefined) callersOf.set(root, [call]);
          else list.push(call);
        }
      }
    }
    for (const root of this.#marks.keys()) ready.push(...(callersOf.get(root) ?? []));
    for (let index = 0; index < ready.length; index++) {
      const call = ready[index];
      const root = classes.find(call.caller);
      if (this.#marks.has(root) || this.#leaves.has(root)) continue;
      this.#marks.set(root, call);
      ready.push(...(callersOf.get(root) ?? []));
    }
  }

  #canBeColoured(caller) {
    if (!ts.isFunctionLike(caller) || tagsOf(caller).point) return false;
    return !this.#quiet.has(caller) && !this.#inner.has(caller);
  }

  /** Whether a signature is that of a leaf. */
  isLeaf(node) {
    return this.#leaves.has(this.#flows.classes.find(node));
  }

  /** Whether a function runs outside of schedules. */
  isQuiescent(node) {
    if (this.#quiet.has(node)) return true;
    return this.#inner.has(node) && !this.#marks.has(this.#flows.classes.find(node));
  }

  /** Whether another function of the class of a signature runs outside of schedules, by a tag of its own. */
  hasQuiescent(node) {
    return this.#mixed.has(this.#flows.classes.find(node));
  }

  /** Whether a signature is that of functions that reach a point: a generator in the twin. */
  isStepped(node) {
    if (!this.#project.owns(node)) return false;
    return this.#marks.has(this.#flows.classes.find(node)) && !this.#quiet.has(node);
  }

  /** Whether a call leads to a generator in the twin. */
  callsStepped(call) {
    return call.targets.some((target) => this.isStepped(target));
  }

  /** The leaf a call leads to, or undefined. */
  leafOf(call) {
    return call.targets.find((target) => this.#project.owns(target) && this.isLeaf(target));
  }

  /** Whether a call reaches a point, now or later. */
  reaches(call) {
    return this.callsStepped(call) || this.leafOf(call) !== undefined;
  }

  /** How a signature comes to a point: `'A.x -> leaf -> Cells.ld32'`. */
  chainOf(node) {
    const names = [nameOf(node)];
    let at = node;
    while (names.length < 12) {
      const call = this.#marks.get(this.#flows.classes.find(at));
      if (call === undefined || call === null) break;
      const from = nameOf(call.caller);
      if (from !== names.at(-1)) names.push(`(as ${from})`);
      at = this.#next(call);
      names.push(nameOf(at));
    }
    return names.join(' -> ');
  }

  /** How a call comes to a point. */
  chainOfCall(call) {
    return this.chainOf(this.#next(call));
  }

  #next(call) {
    return this.leafOf(call) ?? call.targets.find((target) => this.isStepped(target)) ?? call.targets[0];
  }
}
