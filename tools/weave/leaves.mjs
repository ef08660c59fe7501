// What the weaver knows about a leaf (`@point`): its site, the object and the kind of its operation.
import ts from 'typescript';
import { KINDS, tagsOf } from './tags.mjs';

/**
 * The index of the trailing parameter `site: Site`, not counting `this`; -1 when there is none.
 * @param {ts.SignatureDeclaration} declaration
 */
export function siteIndex(declaration) {
  const parameters = parametersOf(declaration);
  const last = parameters.at(-1);
  const isSite =
    last?.type !== undefined && ts.isTypeReferenceNode(last.type) && last.type.typeName.getText() === 'Site';
  return isSite ? parameters.length - 1 : -1;
}

/** The parameters of a function without `this`. */
export function parametersOf(declaration) {
  return declaration.parameters.filter(({ name }) => !ts.isIdentifier(name) || name.text !== 'this');
}

/** The name of a function's own site, or null. */
export function siteName(declaration) {
  const index = siteIndex(declaration);
  return index < 0 ? null : parametersOf(declaration)[index].name.getText();
}

/** Answers about leaves; asked for each call, so it keeps its answers. */
export class Leaves {
  #flows;
  /** @type {Map<ts.Node, { obj: string | null, kind: string | null }>} */
  #known = new Map();
  /** @type {Map<ts.Node, import('./flows.mjs').Call[]>} */
  #callsIn = new Map();

  /** @param {import('./flows.mjs').Flows} flows */
  constructor(flows) {
    this.#flows = flows;
    for (const call of flows.calls) {
      if (!tagsOf(call.caller).point) continue;
      const list = this.#callsIn.get(call.caller);
      if (list === undefined) this.#callsIn.set(call.caller, [call]);
      else list.push(call);
    }
  }

  /**
   * Object and kind of the operation of a leaf: by its own tag, else by that of another one of its class, else by that of the leaf it calls.
   * @param {ts.Node} leaf
   */
  operationOf(leaf) {
    let operation = this.#known.get(leaf);
    if (operation !== undefined) return operation;
    // A leaf that calls itself, in however many steps, says nothing about its kind.
    this.#known.set(leaf, { obj: null, kind: null });
    const { obj, kind } = tagsOf(leaf);
    operation = { obj, kind };
    for (const other of this.#flows.classes.members(leaf)) {
      operation.obj ??= tagsOf(other).obj;
      operation.kind ??= tagsOf(other).kind;
    }
    for (const call of operation.kind === null ? this.forwardsOf(leaf) : []) {
      operation.kind ??= this.operationOf(call.targets[0]).kind;
    }
    this.#known.set(leaf, operation);
    return operation;
  }

  /** The calls inside of a leaf to which it hands its own site. */
  forwardsOf(leaf) {
    const name = siteName(leaf);
    if (name === null) return [];
    return (this.#callsIn.get(leaf) ?? []).filter(({ node }) => {
      const last = node.arguments?.at(-1);
      return last !== undefined && ts.isIdentifier(last) && last.text === name;
    });
  }

  /** The number of a kind; 0 for one that is not known. */
  kindNumber(leaf) {
    return KINDS[this.operationOf(leaf).kind] ?? 0;
  }
}
