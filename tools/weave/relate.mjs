// How values flow between types: where a value of one type is given to a place of another, the functions in both are of one class.
//
// Structural, as the types themselves: through properties, parameters (both ways, so that callbacks of callbacks work), results, elements and
// type arguments, to a depth of six.
import ts from 'typescript';

const DEPTH_MAX = 6;

const { TypeFlags, SignatureKind } = ts;
/** Types that hold no function. */
const PLAIN =
  TypeFlags.StringLike |
  TypeFlags.NumberLike |
  TypeFlags.BigIntLike |
  TypeFlags.BooleanLike |
  TypeFlags.ESSymbolLike |
  TypeFlags.VoidLike |
  TypeFlags.Null |
  TypeFlags.Never;
const INSTANTIABLE = TypeFlags.Instantiable;

/** Relates types, and remembers what it did. */
export class Relations {
  /** Where a function goes to a signature of foreign code: `{ from, to, at }`. */
  foreignUses = [];
  /** Where a function is kept as something that does not say how it is called: `{ from, as, at }`. */
  lost = [];

  #project;
  #checker;
  #classes;
  /** Least depth at which two types were related. @type {Map<number, Map<number, number>>} */
  #seen = new Map();

  /**
   * @param {import('./project.mjs').Project} project
   * @param {import('./classes.mjs').Classes} classes
   */
  constructor(project, classes) {
    this.#project = project;
    this.#checker = project.checker;
    this.#classes = classes;
  }

  /**
   * A value of one type comes to a place of another.
   * @param {ts.Type} source
   * @param {ts.Type} target
   * @param {ts.Node} at where, for messages
   */
  relate(source, target, at, depth = 0) {
    if (source === target || depth > DEPTH_MAX) return;
    if ((source.flags & PLAIN) !== 0 || (target.flags & PLAIN) !== 0) return;
    if (source.isUnion()) {
      for (const part of source.types) this.relate(part, target, at, depth);
      return;
    }
    if (target.isUnion()) {
      for (const part of this.#fitting(source, target)) this.relate(source, part, at, depth);
      return;
    }
    if ((target.flags & (TypeFlags.Any | TypeFlags.Unknown | TypeFlags.NonPrimitive)) !== 0) {
      this.#lose(source, target, at);
      return;
    }
    if ((source.flags & INSTANTIABLE) !== 0 || (target.flags & INSTANTIABLE) !== 0) {
      const from = this.#bound(source);
      const to = this.#bound(target);
      if (from !== undefined && to !== undefined) this.relate(from, to, at, depth + 1);
      return;
    }
    if ((source.flags & TypeFlags.Any) !== 0 || this.#isKnown(source, target, depth)) return;
    this.#relateObjects(source, target, at, depth);
  }

  /** The functions of two calls of one name are one: the overloads of a symbol, the parts of a union. */
  uniteAll(declarations, at) {
    for (const declaration of declarations) this.#unite(declarations[0], declaration, at);
  }

  #isKnown(source, target, depth) {
    let targets = this.#seen.get(source.id);
    if (targets === undefined) this.#seen.set(source.id, (targets = new Map()));
    const before = targets.get(target.id);
    if (before !== undefined && before <= depth) return true;
    targets.set(target.id, depth);
    return false;
  }

  /** The parts of a union that a value can be. */
  #fitting(source, union) {
    if (union.types.includes(source)) return [];
    const parts = union.types.filter((part) => (part.flags & PLAIN) === 0);
    if (parts.length < 2) return parts;
    const fitting = parts.filter((part) => this.#checker.isTypeAssignableTo(source, part));
    return fitting.length > 0 ? fitting : parts;
  }

  #bound(type) {
    if ((type.flags & INSTANTIABLE) === 0) return type;
    const bound = this.#checker.getBaseConstraintOfType(type);
    return bound === type ? undefined : bound;
  }

  #lose(source, target, at) {
    for (const signature of this.#checker.getSignaturesOfType(source, SignatureKind.Call)) {
      if (signature.declaration !== undefined) {
        this.lost.push({ from: signature.declaration, as: this.#checker.typeToString(target), at });
      }
    }
  }

  /** A function is kept where its calls cannot be found. */
  loseNamed(source, as, at) {
    for (const signature of this.#checker.getSignaturesOfType(source, SignatureKind.Call)) {
      if (signature.declaration !== undefined) this.lost.push({ from: signature.declaration, as, at });
    }
  }

  #relateObjects(source, target, at, depth) {
    const checker = this.#checker;
    const sourceCalls = checker.getSignaturesOfType(source, SignatureKind.Call);
    const targetCalls = checker.getSignaturesOfType(target, SignatureKind.Call);
    if (sourceCalls.length > 0 && targetCalls.length === 0 && isUntyped(checker, target))
      this.#lose(source, target, at);
    for (const from of sourceCalls) for (const to of targetCalls) this.#relateSignatures(from, to, at, depth);
    const sourceNews = checker.getSignaturesOfType(source, SignatureKind.Construct);
    for (const to of checker.getSignaturesOfType(target, SignatureKind.Construct)) {
      for (const from of sourceNews) {
        this.relate(
          checker.getReturnTypeOfSignature(from),
          checker.getReturnTypeOfSignature(to),
          at,
          depth + 1,
        );
      }
    }
    if (this.#relateArguments(source, target, at, depth)) return;
    for (const property of checker.getPropertiesOfType(target)) {
      const own = checker.getPropertyOfType(source, property.name);
      if (own === undefined || own === property) continue;
      this.relate(checker.getTypeOfSymbol(own), checker.getTypeOfSymbol(property), at, depth + 1);
    }
    this.#relateIndexes(source, target, at, depth);
  }

  /**
   * Two uses of one generic type differ only in their arguments. Two types of the language are told apart no further: a `Map` given as a
   * `ReadonlyMap`, an array given as an `Iterable`.
   */
  #relateArguments(source, target, at, depth) {
    const checker = this.#checker;
    const bothForeign = this.#isForeign(source) && this.#isForeign(target);
    const same = source.target !== undefined && source.target === target.target;
    if (!same && !bothForeign) return false;
    const from = argumentsOf(checker, source);
    const to = argumentsOf(checker, target);
    for (let index = 0; index < Math.min(from.length, to.length); index++) {
      this.relate(from[index], to[index], at, depth + 1);
      if (same) this.relate(to[index], from[index], at, depth + 1);
    }
    return true;
  }

  #isForeign(type) {
    const declaration = type.symbol?.declarations?.[0];
    if (declaration === undefined) return checkerIsTuple(this.#checker, type);
    return (
      (ts.isInterfaceDeclaration(declaration) ||
        ts.isClassLike(declaration) ||
        ts.isVariableDeclaration(declaration)) &&
      !this.#project.owns(declaration)
    );
  }

  #relateIndexes(source, target, at, depth) {
    const checker = this.#checker;
    for (const { keyType, type } of checker.getIndexInfosOfType(target)) {
      const own = checker.getIndexInfosOfType(source).find((info) => info.keyType === keyType);
      if (own !== undefined) this.relate(own.type, type, at, depth + 1);
      else if ((keyType.flags & TypeFlags.String) !== 0) {
        for (const property of checker.getPropertiesOfType(source)) {
          this.relate(checker.getTypeOfSymbol(property), type, at, depth + 1);
        }
      }
    }
  }

  #relateSignatures(from, to, at, depth) {
    const checker = this.#checker;
    if (from.declaration !== undefined && to.declaration !== undefined) {
      this.#unite(from.declaration, to.declaration, at);
    }
    const count = Math.max(from.parameters.length, to.parameters.length);
    for (let index = 0; index < count; index++) {
      const own = parameterType(checker, from, index);
      const given = parameterType(checker, to, index);
      if (own === undefined || given === undefined) break;
      this.relate(given, own, at, depth + 1);
      this.relate(own, given, at, depth + 1);
    }
    this.relate(checker.getReturnTypeOfSignature(from), checker.getReturnTypeOfSignature(to), at, depth + 1);
  }

  #unite(from, to, at) {
    const ownsFrom = this.#project.owns(from);
    const ownsTo = this.#project.owns(to);
    if (ownsFrom && ownsTo) this.#classes.unite(from, to);
    else if (ownsFrom) this.foreignUses.push({ from, to, at });
  }
}

/** The type of a parameter by its index; the elements of a rest parameter count as many. */
export function parameterType(checker, signature, index) {
  const { parameters } = signature;
  const last = parameters.length - 1;
  if (last < 0) return undefined;
  const symbol = parameters[Math.min(index, last)];
  const type = checker.getTypeOfSymbol(symbol);
  const declaration = symbol.valueDeclaration;
  if (declaration !== undefined && ts.isParameter(declaration) && declaration.dotDotDotToken !== undefined) {
    return checker.getIndexTypeOfType(type, ts.IndexKind.Number) ?? type;
  }
  return index > last ? undefined : type;
}

function argumentsOf(checker, type) {
  if (type.aliasTypeArguments !== undefined && type.target === undefined) return type.aliasTypeArguments;
  return type.target !== undefined ? checker.getTypeArguments(type) : [];
}

function checkerIsTuple(checker, type) {
  return checker.isTupleType(type);
}

/** `Function`, `{}`: anything may be kept there. */
function isUntyped(checker, type) {
  if (type.symbol?.name === 'Function') return true;
  return (
    checker.getPropertiesOfType(type).length === 0 &&
    checker.getSignaturesOfType(type, SignatureKind.Construct).length === 0 &&
    checker.getIndexInfosOfType(type).length === 0
  );
}
