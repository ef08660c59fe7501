// Names of functions for people, and for the ids of sites: they must not change when something else in the file does.
import ts from 'typescript';

/**
 * The name of a function: `'SlotScanner.scanSwapMap'`, `'createMachine'`, `'Devices.constructor.define()'` for a callback without a name.
 * @param {ts.Node} node a function, a signature, or anything else that holds calls
 * @returns {string}
 */
export function nameOf(node) {
  const own = ownName(node);
  const outer = outerOf(node);
  return outer === '' || outer === own ? own : `${outer}.${own}`;
}

function ownName(node) {
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  if (ts.isSourceFile(node)) return 'module';
  if (ts.isClassStaticBlockDeclaration(node)) return 'static';
  const { name } = node;
  if (name !== undefined) return nameText(name);
  return heldName(node);
}

/** The name of what holds a function that has none: a variable, a property, a type, or the call it is handed to. */
function heldName(node) {
  let child = node;
  for (let at = node.parent; at !== undefined; child = at, at = at.parent) {
    if (ts.isParenthesizedExpression(at) || ts.isAsExpression(at) || ts.isSatisfiesExpression(at)) continue;
    if (ts.isUnionTypeNode(at) || ts.isParenthesizedTypeNode(at) || ts.isConditionalExpression(at)) continue;
    if (ts.isCallExpression(at) || ts.isNewExpression(at)) {
      return child === at.expression ? '()' : `${nameText(lastName(at.expression))}()`;
    }
    if (ts.isBinaryExpression(at)) return nameText(lastName(at.left));
    if (ts.isExportAssignment(at)) return 'default';
    if (at.name !== undefined) return nameText(at.name);
    break;
  }
  return ts.isFunctionLike(node) ? 'function' : 'code';
}

/** The last name in an expression such as `this.devices.define`. */
export function lastName(expression) {
  if (ts.isPropertyAccessExpression(expression)) return expression.name;
  if (ts.isParenthesizedExpression(expression) || ts.isNonNullExpression(expression))
    return lastName(expression.expression);
  return expression;
}

function nameText(name) {
  if (ts.isIdentifier(name) || ts.isPrivateIdentifier(name)) return name.text;
  if (ts.isStringLiteral(name) || ts.isNumericLiteral(name)) return name.text;
  if (ts.isComputedPropertyName(name)) return `[${name.expression.getText()}]`;
  const text = name.getText().replace(/\s+/g, ' ');
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** The name of the function, class or object around a node. */
function outerOf(node) {
  for (let at = node.parent; at !== undefined && !ts.isSourceFile(at); at = at.parent) {
    if (ts.isClassLike(at) || ts.isInterfaceDeclaration(at)) return at.name?.text ?? heldName(at);
    if (ts.isFunctionLike(at) && !ts.isFunctionTypeNode(at)) return nameOf(at);
    if (ts.isTypeAliasDeclaration(at) || (ts.isVariableDeclaration(at) && at.initializer !== node)) {
      return ts.isIdentifier(at.name) ? at.name.text : '';
    }
  }
  return '';
}
