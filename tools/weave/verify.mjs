// The second net under the colouring, independent of it: a walk over the written twin.
//
// A generator that nobody runs is a call that silently does nothing. So every call that returns one must stand under `yield*`, be drained, be kept
// as the result of a fast path, or be handed on by one; and no function that returns one may come to a place that returns nothing, which is the
// one hole that types leave open: `() => Generator` fits `() => void`.
import { join, relative } from 'node:path';
import ts from 'typescript';
import { filesBelow } from './sources.mjs';
import { sourceOfWoven } from './weave.mjs';

/**
 * @param {{ base: string, packages: import('./project.mjs').WovenPackage[], tsconfig: string, lib: readonly string[] }} options
 * @returns {string[]} findings, as lines at the places of the sources
 */
export function verify({ base, packages, tsconfig, lib }) {
  const paths = packages.flatMap(({ folder }) =>
    filesBelow(join(folder, 'woven', 'stepped')).filter((path) => path.endsWith('.ts')),
  );
  const { config } = ts.readConfigFile(tsconfig, (path) => ts.sys.readFile(path));
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, base);
  const program = ts.createProgram({
    rootNames: paths,
    options: {
      ...options,
      lib: lib.map((name) => `lib.${name.toLowerCase()}.d.ts`),
      noEmit: true,
      composite: false,
      declarationMap: false,
    },
  });
  const checker = program.getTypeChecker();
  const findings = [];
  for (const path of paths) {
    const file = program.getSourceFile(path);
    const wovenPackage = packages.find(({ folder }) => path.startsWith(join(folder, 'woven')));
    const add = (node, text) => {
      const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file));
      const source = relative(base, sourceOfWoven(wovenPackage, path));
      findings.push(`${source}:${line + 1}:${character + 1} - error STEP90: internal check: ${text}`);
    };
    const visit = (node) => {
      if (ts.isCallExpression(node)) checkCall(checker, node, add);
      if (isFunctionValue(node)) checkValue(checker, node, add);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return findings;
}

function checkCall(checker, node, add) {
  if (!holdsStepped(checker.getTypeAtLocation(node))) return;
  const parent = innermostParent(node);
  if (ts.isYieldExpression(parent) && parent.asteriskToken !== undefined) return;
  if (ts.isReturnStatement(parent) || ts.isArrowFunction(parent)) return;
  if (ts.isCallExpression(parent) && parent.expression.getText() === '$drain') return;
  if (ts.isBinaryExpression(parent) && parent.left.getText() === '$S.g') return;
  add(node, `'${shorten(node)}' makes a stepped call that nobody runs.`);
}

/** A name or a function that is given to somebody. */
function isFunctionValue(node) {
  const isValue =
    ts.isIdentifier(node) ||
    ts.isPropertyAccessExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isFunctionExpression(node) ||
    ts.isObjectLiteralExpression(node);
  if (!isValue || node.parent === undefined) return false;
  const { parent } = node;
  return (
    (ts.isCallExpression(parent) && parent.arguments.includes(node)) ||
    ts.isNewExpression(parent) ||
    (ts.isVariableDeclaration(parent) && parent.initializer === node) ||
    (ts.isPropertyAssignment(parent) && parent.initializer === node) ||
    (ts.isBinaryExpression(parent) && parent.right === node) ||
    ts.isReturnStatement(parent) ||
    ts.isArrayLiteralExpression(parent)
  );
}

function checkValue(checker, node, add) {
  const place = checker.getContextualType(node);
  if (place === undefined) return;
  const type = checker.getTypeAtLocation(node);
  if (fallsThrough(checker, type, place, 2))
    add(node, `'${shorten(node)}' is stepped, but its place returns nothing.`);
}

/** Whether a function that returns a generator comes to a place that returns nothing, itself or as a property. */
function fallsThrough(checker, type, place, depth) {
  for (const part of place.isUnion() ? place.types : [place]) {
    const wanted = checker.getSignaturesOfType(part, ts.SignatureKind.Call);
    const given = checker.getSignaturesOfType(type, ts.SignatureKind.Call);
    const isVoid = wanted.some(
      (each) => (checker.getReturnTypeOfSignature(each).flags & ts.TypeFlags.Void) !== 0,
    );
    if (isVoid && given.some((each) => holdsStepped(checker.getReturnTypeOfSignature(each)))) return true;
    if (depth === 0 || type === part || wanted.length > 0) continue;
    for (const property of checker.getPropertiesOfType(part)) {
      const own = checker.getPropertyOfType(type, property.name);
      if (own === undefined || own === property) continue;
      if (fallsThrough(checker, checker.getTypeOfSymbol(own), checker.getTypeOfSymbol(property), depth - 1))
        return true;
    }
  }
  return false;
}

/** Whether a type is `Stepped<T>`, or `undefined | Stepped<T>`. A generator without a written type yields `never` or sites. */
function holdsStepped(type) {
  const parts = type.isUnion() ? type.types : [type];
  return parts.some((part) => {
    if (part.aliasSymbol?.name === 'Stepped') return true;
    if (part.symbol?.name !== 'Generator') return false;
    const yields = part.typeArguments?.[0] ?? part.resolvedTypeArguments?.[0];
    return (
      yields === undefined ||
      (yields.flags & ts.TypeFlags.Never) !== 0 ||
      yields.aliasSymbol?.name === 'Yielded'
    );
  });
}

/** The node around a node, parentheses left out. */
function innermostParent(node) {
  let { parent } = node;
  while (ts.isParenthesizedExpression(parent)) parent = parent.parent;
  return parent;
}

function shorten(node) {
  const text = node.getText().replace(/\s+/g, ' ');
  return text.length > 50 ? `${text.slice(0, 47)}...` : text;
}
