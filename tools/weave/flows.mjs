// Reads the sources once: which function calls which, and which signatures can stand in the same place.
//
// The result is the graph that the colours spread on (colour.mjs) and that the rules look at (rules.mjs).
import ts from 'typescript';
import { Classes } from './classes.mjs';
import { parameterType, Relations } from './relate.mjs';
import { tagsOf } from './tags.mjs';

/**
 * A call in the sources.
 *
 * @typedef {object} Call
 * @property {ts.Node} node a call, `new`, a tagged template, or the declaration of a `using`
 * @property {ts.Node} caller the function it stands in; another node where it stands in none (see {@link callerOf})
 * @property {ts.Node[]} targets signatures it can lead to
 * @property {'call' | 'new' | 'super' | 'tag' | 'using' | 'method-call'} form `method-call` is `f.call(receiver, ...)`
 */

/**
 * @typedef {object} Flows
 * @property {Classes} classes
 * @property {Call[]} calls in order of the text
 * @property {ts.Node[]} functions all signatures of the sources
 * @property {{ from: ts.Node, to: ts.Node, at: ts.Node }[]} foreignUses
 * @property {{ from: ts.Node, as: string, at: ts.Node }[]} lost
 * @property {{ node: ts.Node, type: string }[]} untyped calls of what has no type
 * @property {ts.Node[]} moduleState variables of modules and static fields that can change
 */

/**
 * @param {import('./project.mjs').Project} project
 * @returns {Flows}
 */
export function collectFlows(project) {
  const collector = new Collector(project);
  for (const file of project.files) collector.visit(file);
  return collector.flows;
}

class Collector {
  #project;
  #checker;
  #relations;

  constructor(project) {
    this.#project = project;
    this.#checker = project.checker;
    const classes = new Classes();
    this.#relations = new Relations(project, classes);
    this.flows = {
      classes,
      calls: [],
      functions: [],
      foreignUses: this.#relations.foreignUses,
      lost: this.#relations.lost,
      untyped: [],
      moduleState: [],
    };
    this.visit = this.visit.bind(this);
  }

  visit(node) {
    if (ts.isFunctionLike(node)) this.#function(node);
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) this.#call(node);
    else if (ts.isTaggedTemplateExpression(node)) this.#taggedTemplate(node);
    else if (ts.isVariableDeclarationList(node)) this.#variables(node);
    else if (ts.isClassLike(node) || ts.isInterfaceDeclaration(node)) this.#heritage(node);
    else if (ts.isTypeReferenceNode(node)) this.#typeArguments(node, node.typeArguments);
    else this.#value(node);
    ts.forEachChild(node, this.visit);
  }

  /** A value is given to a place. */
  #give(expression, target) {
    if (expression === undefined) return;
    const checker = this.#checker;
    const source = typeOfValue(checker, expression);
    const place = target ?? checker.getContextualType(expression);
    if (place !== undefined) this.#relations.relate(source, place, expression);
  }

  #value(node) {
    if (ts.isPropertyDeclaration(node)) {
      this.#give(node.initializer);
      const isStatic = (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Static) !== 0;
      const isReadonly = (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Readonly) !== 0;
      if (isStatic && !isReadonly && !tagsOf(node).perthread) this.flows.moduleState.push(node);
    } else if (ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node)) {
      if (node.initializer !== undefined && ts.isIdentifier(node.name)) {
        this.#give(node.initializer, this.#checker.getTypeAtLocation(node.name));
      }
    } else if (ts.isPropertyAssignment(node)) {
      this.#give(node.initializer);
    } else if (ts.isReturnStatement(node)) {
      this.#give(node.expression);
    } else if (ts.isArrowFunction(node)) {
      if (!ts.isBlock(node.body)) this.#give(node.body);
    } else if (ts.isBinaryExpression(node)) {
      this.#binary(node);
    } else if (ts.isConditionalExpression(node)) {
      const whole = this.#checker.getTypeAtLocation(node);
      // Of two equal types of functions the whole keeps one: relate the branches with it, and so with each other.
      this.#give(node.whenTrue, whole);
      this.#give(node.whenFalse, whole);
    } else if (ts.isArrayLiteralExpression(node)) {
      const whole = this.#checker.getTypeAtLocation(node);
      const element = this.#checker.getIndexTypeOfType(whole, ts.IndexKind.Number);
      for (const part of node.elements) if (!ts.isSpreadElement(part)) this.#give(part, element);
      this.#give(node);
    } else if (ts.isObjectLiteralExpression(node)) {
      // A pattern takes it apart and keeps the types of its parts, but looks like a place for anything.
      if (!isTakenApart(node)) this.#give(node);
    } else if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) {
      this.#give(innermost(node), this.#checker.getTypeFromTypeNode(node.type));
    } else if (ts.isForOfStatement(node) && !ts.isVariableDeclarationList(node.initializer)) {
      const element = this.#checker.getIndexTypeOfType(
        this.#checker.getTypeAtLocation(node.expression),
        ts.IndexKind.Number,
      );
      const place = this.#checker.getTypeAtLocation(node.initializer);
      if (element !== undefined) this.#relations.relate(element, place, node);
    }
  }

  #binary(node) {
    const { kind } = node.operatorToken;
    const { SyntaxKind } = ts;
    if (kind === SyntaxKind.EqualsToken && isPattern(node.left)) {
      this.#assignPattern(node.left, this.#checker.getTypeAtLocation(node.right));
      return;
    }
    if (
      kind === SyntaxKind.EqualsToken ||
      kind === SyntaxKind.BarBarEqualsToken ||
      kind === SyntaxKind.QuestionQuestionEqualsToken ||
      kind === SyntaxKind.AmpersandAmpersandEqualsToken
    ) {
      this.#give(node.right, this.#checker.getTypeAtLocation(node.left));
    }
    if (
      kind === SyntaxKind.BarBarToken ||
      kind === SyntaxKind.QuestionQuestionToken ||
      kind === SyntaxKind.AmpersandAmpersandToken
    ) {
      const whole = this.#checker.getTypeAtLocation(node);
      this.#give(node.left, whole);
      this.#give(node.right, whole);
    }
  }

  /** `({ a: place } = value)`: each part of the value comes to its place. */
  #assignPattern(pattern, type) {
    if (!ts.isObjectLiteralExpression(pattern)) return;
    for (const part of pattern.properties) {
      if (!ts.isPropertyAssignment(part) && !ts.isShorthandPropertyAssignment(part)) continue;
      const property = this.#checker.getPropertyOfType(type, part.name.getText());
      const place = ts.isPropertyAssignment(part) ? part.initializer : part.name;
      if (property === undefined) continue;
      const from = this.#checker.getTypeOfSymbol(property);
      this.#relations.relate(from, this.#checker.getTypeAtLocation(place), part);
    }
  }

  #function(node) {
    this.flows.functions.push(node);
    if (ts.isArrowFunction(node)) this.#value(node);
    const { symbol } = node;
    // The overloads of a function, and its body.
    const overloads = symbol?.declarations?.filter(
      (other) => ts.isFunctionLike(other) && other.kind === node.kind,
    );
    if (overloads !== undefined && overloads.length > 1 && overloads[0] === node) {
      this.#relations.uniteAll(overloads, node);
    }
  }

  #call(node) {
    const checker = this.#checker;
    const callee = node.expression;
    const signature = checker.getResolvedSignature(node);
    const given = node.arguments ?? [];
    this.#typeArguments(node, node.typeArguments);
    if (callee.kind === ts.SyntaxKind.ImportKeyword) return;
    for (const argument of given) if (!ts.isSpreadElement(argument)) this.#give(argument);
    if (signature === undefined) return;
    this.#constraints(signature, given);
    const form =
      callee.kind === ts.SyntaxKind.SuperKeyword ? 'super' : ts.isNewExpression(node) ? 'new' : 'call';
    if (form !== 'call') {
      this.#addCall(node, form, signature.declaration === undefined ? [] : [signature.declaration]);
      return;
    }
    const type = checker.getTypeAtLocation(callee);
    if (
      (type.flags & ts.TypeFlags.Any) !== 0 ||
      (signature.declaration === undefined && isUntypedFunction(checker, type))
    ) {
      this.flows.untyped.push({ node, type: checker.typeToString(type) });
      return;
    }
    if (this.#languageMethod(node, callee, signature)) return;
    this.#addCall(node, 'call', this.#targetsOf(type, signature));
  }

  /** `f.call(...)` is a call of `f`; what else the language does with functions and objects hides their calls. */
  #languageMethod(node, callee, signature) {
    const checker = this.#checker;
    const { declaration } = signature;
    if (
      !ts.isPropertyAccessExpression(callee) ||
      declaration === undefined ||
      this.#project.owns(declaration)
    )
      return false;
    const receiver = checker.getTypeAtLocation(callee.expression);
    const method = callee.name.text;
    const signatures = checker.getSignaturesOfType(receiver, ts.SignatureKind.Call);
    if (signatures.length > 0 && method === 'call') {
      this.#addCall(node, 'method-call', this.#targetsOf(receiver, signatures[0]));
      const declared = signatures[0];
      for (const [index, argument] of node.arguments.slice(1).entries()) {
        const place = parameterType(checker, declared, index);
        if (place !== undefined && !ts.isSpreadElement(argument)) this.#give(argument, place);
      }
      return true;
    }
    if (signatures.length > 0 && method === 'apply') this.#relations.loseNamed(receiver, 'apply', node);
    const isOfObjects =
      ts.isIdentifier(callee.expression) &&
      ((callee.expression.text === 'Object' && /^(assign|define)/.test(method)) ||
        (callee.expression.text === 'Reflect' && method === 'set'));
    if (isOfObjects) {
      for (const argument of node.arguments) {
        const type = checker.getTypeAtLocation(argument);
        const as = `an argument of ${callee.expression.text}.${method}`;
        this.#relations.loseNamed(type, as, argument);
        if ((type.flags & ts.TypeFlags.Object) === 0) continue;
        for (const property of checker.getPropertiesOfType(type)) {
          this.#relations.loseNamed(checker.getTypeOfSymbol(property), as, argument);
        }
      }
    }
    return false;
  }

  /** All signatures that a call of a value of a type can lead to. They must be one class: the call is written in one way. */
  #targetsOf(type, signature) {
    const checker = this.#checker;
    const targets = new Set();
    const parts = type.isUnion() ? type.types : [type];
    if (parts.length === 1 && signature.declaration !== undefined) return [signature.declaration];
    for (const part of parts) {
      for (const each of checker.getSignaturesOfType(part, ts.SignatureKind.Call)) {
        if (each.declaration !== undefined) targets.add(each.declaration);
      }
    }
    if (targets.size === 0 && signature.declaration !== undefined) targets.add(signature.declaration);
    const list = [...targets];
    this.#relations.uniteAll(list, list[0]);
    return list;
  }

  #addCall(node, form, targets) {
    this.flows.calls.push({ node, caller: callerOf(node), targets, form });
  }

  /** What is given for a type parameter comes to its bound, which is what the function calls it by. */
  #constraints(signature, given) {
    const declared = signature.declaration;
    if (declared === undefined || declared.typeParameters === undefined) return;
    const checker = this.#checker;
    const parameters = declared.parameters.filter((parameter) => parameter.name.getText() !== 'this');
    for (const [index, argument] of given.entries()) {
      const parameter = parameters[Math.min(index, parameters.length - 1)];
      if (parameter === undefined || ts.isSpreadElement(argument)) continue;
      let type = checker.getTypeAtLocation(parameter);
      if (parameter.dotDotDotToken !== undefined)
        type = checker.getIndexTypeOfType(type, ts.IndexKind.Number) ?? type;
      this.#relations.relate(typeOfValue(checker, argument), type, argument);
    }
  }

  #typeArguments(node, given) {
    if (given === undefined) return;
    const parameters = typeParametersOf(this.#checker, node);
    for (const [index, argument] of given.entries()) {
      const constraint = parameters[index]?.constraint;
      // To a bound of the language a type is only given to be looked at: values are seen where they are given.
      if (constraint === undefined || !this.#project.owns(constraint)) continue;
      const type = this.#checker.getTypeFromTypeNode(argument);
      this.#relations.relate(type, this.#checker.getTypeFromTypeNode(constraint), argument);
    }
  }

  #taggedTemplate(node) {
    const signature = this.#checker.getResolvedSignature(node);
    if (signature?.declaration !== undefined) this.#addCall(node, 'tag', [signature.declaration]);
  }

  #variables(list) {
    const isUsing = (list.flags & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Using;
    if (isUsing) {
      for (const declaration of list.declarations) {
        const type = this.#checker.getNonNullableType(this.#checker.getTypeAtLocation(declaration.name));
        const parts = type.isUnion() ? type.types : [type];
        const targets = parts.flatMap((part) => disposersOf(this.#checker, part));
        this.#relations.uniteAll(targets, declaration);
        this.#addCall(declaration, 'using', targets);
      }
    }
    const isConst = (list.flags & ts.NodeFlags.BlockScoped) !== 0 && (list.flags & ts.NodeFlags.Let) === 0;
    const statement = list.parent;
    if (isConst || !ts.isVariableStatement(statement) || !ts.isSourceFile(statement.parent)) return;
    const isAmbient = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword) ?? false;
    if (isAmbient || tagsOf(statement).perthread) return;
    this.flows.moduleState.push(...list.declarations);
  }

  #heritage(node) {
    const checker = this.#checker;
    for (const clause of node.heritageClauses ?? []) {
      for (const base of clause.types) this.#typeArguments(base, base.typeArguments);
    }
    if (node.heritageClauses === undefined || node.symbol === undefined) return;
    const own = checker.getDeclaredTypeOfSymbol(node.symbol);
    for (const clause of node.heritageClauses) {
      for (const base of clause.types) {
        // What disposes is called by `using`, which is woven.
        if (this.#isLanguages(base, 'Disposable')) continue;
        this.#inherit(own, checker.getTypeAtLocation(base), node);
        if (ts.isClassLike(node) && clause.token === ts.SyntaxKind.ExtendsKeyword) {
          this.#inherit(
            checker.getTypeOfSymbol(node.symbol),
            checker.getTypeAtLocation(base.expression),
            node,
          );
        }
      }
    }
  }

  /** Whether a base is an interface of the language. */
  #isLanguages(base, name) {
    const declaration = this.#checker.getTypeAtLocation(base).symbol?.declarations?.[0];
    return declaration?.name?.text === name && !this.#project.owns(declaration);
  }

  /** What overrides or implements a member is of its class. */
  #inherit(own, base, at) {
    const checker = this.#checker;
    for (const property of checker.getPropertiesOfType(base)) {
      const mine = checker.getPropertyOfType(own, property.name);
      if (mine === undefined || mine === property || property.name === 'prototype') continue;
      this.#relations.relate(checker.getTypeOfSymbol(mine), checker.getTypeOfSymbol(property), at);
    }
    for (const from of checker.getSignaturesOfType(own, ts.SignatureKind.Call)) {
      for (const to of checker.getSignaturesOfType(base, ts.SignatureKind.Call)) {
        if (from.declaration !== undefined && to.declaration !== undefined) {
          this.#relations.uniteAll([from.declaration, to.declaration], at);
        }
      }
    }
  }
}

/**
 * The function a node stands in. Where none runs it: the parameter, field, static block, class or file that does.
 * @param {ts.Node} node
 */
export function callerOf(node) {
  for (let child = node, at = node.parent; ; child = at, at = at.parent) {
    if (ts.isSourceFile(at)) return at;
    if (ts.isParameter(at) && child === at.initializer) return at;
    if (ts.isBindingElement(at) && child === at.initializer && ts.isParameter(rootOfBinding(at)))
      return rootOfBinding(at);
    if (ts.isPropertyDeclaration(at) && child === at.initializer) return at;
    if (ts.isClassStaticBlockDeclaration(at)) return at;
    if (ts.isHeritageClause(at) || ts.isDecorator(at)) return at.parent;
    if (ts.isComputedPropertyName(at) && ts.isClassLike(at.parent.parent)) return at.parent.parent;
    if (ts.isFunctionLike(at)) return at;
  }
}

function rootOfBinding(element) {
  let at = element.parent.parent;
  while (ts.isBindingElement(at)) at = at.parent.parent;
  return at;
}

/** The type of a value; `f.bind(...)` is called as `f` is. */
export function typeOfValue(checker, expression) {
  const inner = innermost(expression);
  if (
    ts.isCallExpression(inner) &&
    ts.isPropertyAccessExpression(inner.expression) &&
    inner.expression.name.text === 'bind'
  ) {
    const type = checker.getTypeAtLocation(inner.expression.expression);
    if (checker.getSignaturesOfType(type, ts.SignatureKind.Call).length > 0) return type;
  }
  return checker.getTypeAtLocation(expression);
}

/** An expression without the casts and parentheses around it. */
function innermost(expression) {
  let at = expression;
  while (
    ts.isAsExpression(at) ||
    ts.isSatisfiesExpression(at) ||
    ts.isParenthesizedExpression(at) ||
    ts.isNonNullExpression(at)
  ) {
    at = at.expression;
  }
  return at;
}

function isTakenApart({ parent }) {
  return ts.isVariableDeclaration(parent) && !ts.isIdentifier(parent.name) && parent.type === undefined;
}

function isPattern(node) {
  return ts.isObjectLiteralExpression(node) || ts.isArrayLiteralExpression(node);
}

function isUntypedFunction(checker, type) {
  return (
    checker.getSignaturesOfType(type, ts.SignatureKind.Call).length === 0 && type.symbol?.name === 'Function'
  );
}

function disposersOf(checker, type) {
  const property = checker.getPropertiesOfType(type).find(({ name }) => name.startsWith('__@dispose'));
  if (property === undefined) return [];
  return checker
    .getSignaturesOfType(checker.getTypeOfSymbol(property), ts.SignatureKind.Call)
    .flatMap(({ declaration }) => (declaration === undefined ? [] : [declaration]));
}

function typeParametersOf(checker, node) {
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
    const { declaration } = checker.getResolvedSignature(node) ?? {};
    if (ts.isNewExpression(node) && declaration !== undefined) {
      return (
        (ts.isConstructorDeclaration(declaration) ? declaration.parent : declaration).typeParameters ?? []
      );
    }
    return declaration?.typeParameters ?? [];
  }
  const name = ts.isExpressionWithTypeArguments(node) ? node.expression : node.typeName;
  let symbol = checker.getSymbolAtLocation(name);
  if (symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0)
    symbol = checker.getAliasedSymbol(symbol);
  return (
    symbol?.declarations?.find((declaration) => declaration.typeParameters !== undefined)?.typeParameters ??
    []
  );
}
