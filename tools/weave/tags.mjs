// The tags of doc comments that say what the types cannot: `@point`, `@fastpath`, `@seed`, `@quiescent`, `@steppable`, `@perthread`, `@racy`.
//
// A tag counts where it stands free in the comment, also in the middle of a line; in backquotes it is only mentioned.
import ts from 'typescript';

const TAG = /(?<=^|[\s*])@(point|fastpath|seed|quiescent|steppable|perthread|racy)\b([^@\n]*)/g;

/** Kinds of visible operations by their names in `kind=`, with the numbers that `sync/point.ts` gives them. */
export const KINDS = Object.freeze({
  load: 1,
  store: 2,
  atomic: 3,
  lock: 4,
  unlock: 5,
  wait: 6,
  wake: 7,
  bytes: 8,
  yield: 9,
  trylock: 10,
});

/**
 * @typedef {object} Tags
 * @property {boolean} point
 * @property {string | null} obj `'0'`, the index of an argument, or `'this.address'`; null when not said
 * @property {string | null} kind one of {@link KINDS}; null when not said
 * @property {boolean} fastpath
 * @property {boolean} seed
 * @property {boolean} quiescent
 * @property {boolean} steppable
 * @property {boolean} perthread
 * @property {string | null} racy why a data race is intended; null when none is
 */

/** @type {Tags} */
const NONE = Object.freeze({
  point: false,
  obj: null,
  kind: null,
  fastpath: false,
  seed: false,
  quiescent: false,
  steppable: false,
  perthread: false,
  racy: null,
});

/** @type {WeakMap<ts.Node, Tags>} */
const known = new WeakMap();

/**
 * The tags of a declaration. A function without a name of its own has those of the variable, property or type that holds it.
 * @param {ts.Node} declaration
 * @returns {Tags}
 */
export function tagsOf(declaration) {
  let tags = known.get(declaration);
  if (tags === undefined) {
    tags = read(docOf(declaration));
    known.set(declaration, tags);
  }
  return tags;
}

/** Reads the tags in a text. */
function read(text) {
  if (!text.includes('@')) return NONE;
  const tags = { ...NONE };
  for (const [, name, rest] of text.matchAll(TAG)) {
    if (name === 'racy') tags.racy = rest.replace(/\*\/\s*$/, '').trim();
    else tags[name] = true;
    if (name === 'point') {
      tags.obj = /\bobj=([\w.()]+)/.exec(rest)?.[1] ?? null;
      tags.kind = /\bkind=(\w+)/.exec(rest)?.[1] ?? null;
    }
  }
  return tags;
}

/** The doc comment of a declaration, or of what holds it. */
function docOf(declaration) {
  for (let node = declaration; node !== undefined; node = holderOf(node)) {
    const doc = node.jsDoc?.at(-1);
    if (doc !== undefined) return doc.getText();
  }
  return '';
}

/** What names a function, or a type of functions, that has no comment of its own; undefined at the end. */
function holderOf(node) {
  const { parent } = node;
  if (parent === undefined) return undefined;
  if (ts.isFunctionTypeNode(node)) {
    if (
      ts.isTypeAliasDeclaration(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent)
    )
      return parent;
    if (ts.isUnionTypeNode(parent) || ts.isParenthesizedTypeNode(parent)) return holderOfType(parent);
    return undefined;
  }
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) {
    if (
      ts.isPropertyAssignment(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isVariableDeclaration(parent)
    )
      return parent;
    return undefined;
  }
  if (ts.isVariableDeclaration(node)) return parent.parent;
  return undefined;
}

function holderOfType(node) {
  let holder = node.parent;
  while (holder !== undefined && (ts.isUnionTypeNode(holder) || ts.isParenthesizedTypeNode(holder)))
    holder = holder.parent;
  if (holder === undefined) return undefined;
  return ts.isTypeAliasDeclaration(holder) ||
    ts.isPropertySignature(holder) ||
    ts.isPropertyDeclaration(holder)
    ? holder
    : undefined;
}

/**
 * Why a data race at a place is intended: said in the comment of the function, or in one before the statement.
 * @param {ts.Node} node
 * @returns {string | null}
 */
export function racyReason(node) {
  const file = node.getSourceFile();
  for (let at = node; at !== undefined && !ts.isSourceFile(at); at = at.parent) {
    if (ts.isStatement(at) && !ts.isBlock(at)) {
      const comments = ts.getLeadingCommentRanges(file.text, at.getFullStart()) ?? [];
      for (const { pos, end } of comments) {
        const { racy } = read(file.text.slice(pos, end).replace(/^\/\//, ' '));
        if (racy !== null) return racy;
      }
    }
    if (ts.isFunctionLike(at) && tagsOf(at).racy !== null) return tagsOf(at).racy;
  }
  return null;
}
