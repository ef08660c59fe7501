// The twin: the same code as generators, for logical threads in one thread.
//
// Besides the edits of the sited build (sited.mjs), each within its line: functions that reach a point become generators, their calls stand under
// `yield*`, their types say so, and the caller of a leaf takes its point in the last argument, after all other arguments and before the leaf
// runs: exactly where the plain code takes it. docs/stepped-twin.md shows the forms.
import ts from 'typescript';
import { siteIndex } from './leaves.mjs';
import { thisContainer } from './rules.mjs';
import { SitedFile } from './sited.mjs';
import { tagsOf } from './tags.mjs';

/** Writes one file of the twin. */
export class SteppedFile extends SitedFile {
  build = 'stepped';
  /** The names of the runtime that the file uses. @type {Set<string>} */
  #used = new Set();
  /** Where the variables of a function are declared. @type {Map<ts.Node, { hole: { text: string }, temporaries: number, hasThis: boolean }>} */
  #heads = new Map();
  /** The heads that stand after a call of `super`, by its end. @type {Map<number, { hole: { text: string } }>} */
  #lateHeads = new Map();
  #runtime;

  /**
   * @param {import('./weaver.mjs').Analysis} analysis
   * @param {import('./sites.mjs').Sites} sites
   * @param {Map<ts.Node, import('./flows.mjs').Call>} calls
   * @param {ts.SourceFile} file
   * @param {string} runtime what the file imports the runtime from
   */
  constructor(analysis, sites, calls, file, runtime) {
    super(analysis, sites, calls, file);
    this.#runtime = runtime;
  }

  write() {
    const imports = this.out.hole();
    this.visitChildren(this.file);
    for (const head of this.#heads.values()) head.hole.text = headText(head);
    if (this.#used.size > 0) {
      const names = [...this.#used].sort().map((name) => IMPORTS[name]);
      imports.text = `import { ${names.join(', ')} } from '${this.#runtime}'; `;
      // A constant of the module itself is in the code that uses it; an imported one would be loaded and checked at each point.
      if (this.#used.has('$S')) imports.text += 'const $S = $state; ';
    }
    return this.out.finish();
  }

  #use(name) {
    this.#used.add(name);
    return name;
  }

  visit(node) {
    if (ts.isFunctionLike(node)) this.#function(node);
    else if (node.kind === ts.SyntaxKind.ThisKeyword) this.#this(node);
    else if (ts.isExpressionStatement(node)) this.#statement(node);
    else super.visit(node);
  }

  // Functions

  #function(node) {
    const { colours } = this.analysis;
    const isStepped = colours.isStepped(node) && !tagsOf(node).seed;
    if (isStepped && ts.isArrowFunction(node)) {
      this.#arrow(node);
      return;
    }
    const isFastPath = tagsOf(node).point && tagsOf(node).fastpath;
    if (isStepped && node.body !== undefined) {
      this.out.copyTo(starPosition(node, this.file));
      this.out.write('*');
    }
    ts.forEachChild(node, (child) => {
      if (child === node.type && (isStepped || isFastPath)) this.#result(node, isFastPath);
      else if (child === node.body) this.#body(node);
      else this.visit(child);
    });
  }

  /** `T` becomes `$Stepped<T>`. */
  #result(node, isFastPath) {
    const { type } = node;
    this.out.copyTo(type.getStart(this.file));
    if (isFastPath) this.out.write('undefined | ');
    this.out.write(`${this.#use('$Stepped')}<`);
    if (type.kind === ts.SyntaxKind.VoidKeyword && node.body === undefined && !isFastPath) {
      // A place that returns nothing also takes functions that return something.
      this.out.write('any');
      this.out.skipTo(type.end);
    } else {
      this.visit(type);
      this.out.copyTo(type.end);
    }
    this.out.write('>');
  }

  /** The body of a function, with a place for its variables. */
  #body(node) {
    const { body } = node;
    if (!ts.isBlock(body)) {
      this.visit(body);
      return;
    }
    const start = headPosition(node);
    const head = { hole: { text: '' }, temporaries: 0, hasThis: false };
    this.#heads.set(node, head);
    if (start === null) {
      this.out.copyTo(body.getStart(this.file) + 1);
      head.hole = this.out.hole();
    } else this.#lateHeads.set(start, head);
    this.block(body);
  }

  /** `(a) => e` becomes `function* (a) { return e; }`. */
  #arrow(node) {
    const { out, file } = this;
    const start = node.getStart(file);
    const first = node.parameters[0];
    const isBare = first !== undefined && first.getStart(file) === start;
    out.copyTo(start);
    out.write(isBare ? 'function* (' : 'function* ');
    for (const child of [...(node.typeParameters ?? []), ...node.parameters]) this.visit(child);
    if (isBare) {
      out.copyTo(first.end);
      out.write(')');
    }
    if (node.type !== undefined) this.#result(node, false);
    const arrow = node.equalsGreaterThanToken;
    out.copyTo(arrow.getStart(file));
    out.skipTo(arrow.end);
    if (ts.isBlock(node.body)) {
      this.#body(node);
      return;
    }
    out.write('{');
    this.#heads.set(node, { hole: out.hole(), temporaries: 0, hasThis: false });
    out.copyTo(node.body.getStart(file));
    out.write('return ');
    this.visit(node.body);
    out.copyTo(node.body.end);
    out.write('; }');
  }

  #statement(node) {
    const head = this.#lateHeads.get(node.end);
    const needsSemicolon = this.#beginsWithParenthesis(node);
    if (needsSemicolon) {
      this.out.copyTo(node.getStart(this.file));
      this.out.write(';');
    }
    this.visitChildren(node);
    if (head === undefined) return;
    this.out.copyTo(node.end);
    head.hole = this.out.hole();
  }

  /** Code without semicolons would take the parenthesis for a call of what stands before it. */
  #beginsWithParenthesis(statement) {
    let at = statement.expression;
    if (this.calls.has(at)) at = at.expression;
    let found = false;
    while (at !== undefined && !found) {
      const call = this.calls.get(at);
      found = call !== undefined && this.analysis.colours.callsStepped(call);
      at = at.expression ?? at.left;
    }
    if (!found || !ts.isBlock(statement.parent)) return false;
    const { statements } = statement.parent;
    const before = statements[statements.indexOf(statement) - 1];
    return before !== undefined && !/[;}]\s*$/.test(before.getText(this.file));
  }

  /** In an arrow function that becomes a function of its own, `this` is that of the function around it. */
  #this(node) {
    const container = this.#movedThis(node);
    if (container === null) return;
    this.out.copyTo(node.getStart(this.file));
    this.out.write('$this');
    this.out.skipTo(node.end);
    this.#heads.get(container).hasThis = true;
  }

  /** The function whose `this` must be kept for a word, or null when the word may stay. */
  #movedThis(node) {
    const container = thisContainer(node);
    if (container === null || !this.#heads.has(container)) return null;
    for (let at = node.parent; at !== container; at = at.parent) {
      if (ts.isArrowFunction(at) && this.analysis.colours.isStepped(at)) return container;
    }
    return null;
  }

  // Calls

  call(node) {
    const call = this.calls.get(node);
    if (call === undefined || !this.analysis.colours.reaches(call)) {
      super.call(node);
      return;
    }
    const { colours } = this.analysis;
    const { caller } = call;
    const leaf = colours.leafOf(call);
    const isSlow = leaf === undefined || tagsOf(leaf).fastpath;
    if (tagsOf(caller).point) {
      if (isSlow) this.#put(node, 'return ');
      super.call(node);
    } else if (!colours.isStepped(caller)) {
      if (isSlow) this.#put(node, `${this.#use('$drain')}(`);
      super.call(node);
      if (isSlow) this.#close(node, ')');
    } else if (leaf !== undefined) this.#leafCall(node, call, leaf);
    else this.#steppedCall(node);
  }

  #put(node, text) {
    this.out.copyTo(node.getStart(this.file));
    this.out.write(text);
  }

  #close(node, text) {
    this.out.copyTo(node.end);
    this.out.write(text);
  }

  #steppedCall(node) {
    const isStatement = ts.isExpressionStatement(node.parent);
    this.#put(node, isStatement ? 'yield* ' : '(yield* ');
    super.call(node);
    if (!isStatement) this.#close(node, ')');
  }

  #leafCall(node, call, leaf) {
    const isFastPath = tagsOf(leaf).fastpath;
    const isStatement = ts.isExpressionStatement(node.parent);
    const state = this.#use('$S');
    if (isFastPath) this.#put(node, `${isStatement ? 'void ' : ''}((${state}.g = `);
    this.#pointedCall(node, call, leaf);
    if (isFastPath) this.#close(node, `) !== undefined ? yield* ${state}.g : undefined)`);
  }

  /** The call of a leaf, its point in its last argument. */
  #pointedCall(node, call, leaf) {
    const offset = call.form === 'method-call' ? 1 : 0;
    const { obj } = this.analysis.leaves.operationOf(leaf);
    const object = this.#objectOf(node, call, obj, offset);
    const given = node.arguments[siteIndex(leaf) + offset];
    for (const child of childrenOf(node)) {
      if (child === given) {
        this.out.copyTo(child.getStart(this.file));
        this.out.write(this.#point(leaf, child.getText(this.file), object.prefix));
        this.out.skipTo(child.end);
      } else if (child === object.node) {
        this.#put(child, `(${object.target} = `);
        this.visit(child);
        this.#close(child, ')');
      } else if (child === node.expression && object.receiver !== undefined) {
        this.#put(object.receiver, `(${object.target} = `);
        this.visit(object.receiver);
        this.#close(object.receiver, ')');
      } else this.visit(child);
    }
    if (given === undefined) {
      this.lastArgument(node, this.#point(leaf, String(this.sites.idOf(node)), object.prefix));
    }
  }

  /** `(--$S.n === 0 && $S.next(KIND, SITE) && void (yield SITE as never), SITE)` */
  #point(leaf, site, prefix) {
    const kind = this.analysis.leaves.kindNumber(leaf);
    return `(${prefix}--$S.n === 0 && $S.next(${kind}, ${site}) && void (yield ${site} as never), ${site})`;
  }

  /**
   * How the object of an operation comes to the engine: stored where its argument stands, or, when points are taken after that, kept in a
   * variable of the function until all arguments are there.
   * @returns {{ prefix: string, node?: ts.Node, receiver?: ts.Node, target?: string }}
   */
  #objectOf(node, call, obj, offset) {
    if (obj === null) return { prefix: '$S.o = 0, ' };
    if (/^\d+$/.test(obj)) {
      const index = Number(obj) + offset;
      const argument = node.arguments[index];
      if (argument === undefined) return { prefix: '$S.o = 0, ' };
      if (!node.arguments.slice(index + 1).some((later) => this.#takesPoint(later))) {
        return { prefix: '', node: argument, target: '$S.o' };
      }
      const target = this.#temporary(call.caller);
      return { prefix: `$S.o = ${target}, `, node: argument, target };
    }
    const path = obj.replace(/^this\./, '');
    const receiver = offset === 1 ? node.arguments[0] : receiverOf(node);
    if (receiver === undefined) return { prefix: '$S.o = 0, ' };
    const simple = this.#simpleText(receiver);
    if (simple !== null) return { prefix: `$S.o = ${simple}.${path}, ` };
    const target = this.#temporary(call.caller);
    const prefix = `$S.o = ${target}.${path}, `;
    return offset === 1 ? { prefix, node: receiver, target } : { prefix, receiver, target };
  }

  /** Whether a point is taken while an expression is evaluated. */
  #takesPoint(node) {
    const call = this.calls.get(node);
    if (call !== undefined && this.analysis.colours.reaches(call)) return true;
    if (ts.isFunctionLike(node)) return false;
    return ts.forEachChild(node, (child) => this.#takesPoint(child) || undefined) ?? false;
  }

  /** The text of names and properties, which may be written twice; null for everything else. */
  #simpleText(node) {
    if (ts.isIdentifier(node)) return node.text;
    if (node.kind === ts.SyntaxKind.SuperKeyword) return 'this';
    if (node.kind === ts.SyntaxKind.ThisKeyword) return this.#movedThis(node) === null ? 'this' : '$this';
    if (!ts.isPropertyAccessExpression(node) || node.questionDotToken !== undefined) return null;
    const inner = this.#simpleText(node.expression);
    return inner === null ? null : `${inner}.${node.name.text}`;
  }

  #temporary(caller) {
    const head = this.#heads.get(caller);
    head.temporaries += 1;
    return `$${head.temporaries}`;
  }

  disposal(declaration) {
    const call = this.calls.get(declaration);
    const { colours } = this.analysis;
    if (call === undefined || !colours.reaches(call)) return super.disposal(declaration);
    const name = declaration.name.getText();
    const leaf = colours.leafOf(call);
    const id = String(this.sites.idOf(declaration) ?? '');
    const method = `${name}[Symbol.dispose]`;
    if (!colours.isStepped(call.caller)) {
      const text = leaf === undefined ? `${this.#use('$drain')}(${method}())` : `${method}(${id})`;
      return this.guarded(declaration, text);
    }
    if (leaf === undefined) return this.guarded(declaration, `yield* ${method}()`);
    this.#use('$S');
    const { obj } = this.analysis.leaves.operationOf(leaf);
    const object = obj?.startsWith('this.') ? `${name}.${obj.slice('this.'.length)}` : '0';
    return this.guarded(declaration, `${method}(${this.#point(leaf, id, `$S.o = ${object}, `)})`);
  }
}

/** How the names of the runtime are imported. */
const IMPORTS = { $S: 'S as $state', $drain: 'drain as $drain', $Stepped: 'type Stepped as $Stepped' };

function headText({ temporaries, hasThis }) {
  const words = [];
  if (hasThis) words.push(' const $this = this;');
  if (temporaries > 0) {
    const names = Array.from({ length: temporaries }, (_, index) => `$${index + 1}: any`);
    words.push(` let ${names.join(', ')};`);
  }
  return words.join('');
}

/** Where the star of a generator goes. */
function starPosition(node, file) {
  if (node.name !== undefined) return node.name.getStart(file);
  return node.getChildren(file).find(({ kind }) => kind === ts.SyntaxKind.FunctionKeyword).end;
}

/** Where `this` begins to be: after the call of `super` in the constructor of a derived class; null in all other functions, where it is there at once. */
function headPosition(node) {
  if (!ts.isConstructorDeclaration(node) || node.parent.heritageClauses === undefined) return null;
  const call = node.body.statements.find(
    (statement) =>
      ts.isExpressionStatement(statement) &&
      ts.isCallExpression(statement.expression) &&
      statement.expression.expression.kind === ts.SyntaxKind.SuperKeyword,
  );
  return call === undefined ? null : call.end;
}

function receiverOf(node) {
  return ts.isPropertyAccessExpression(node.expression) ? node.expression.expression : undefined;
}

function childrenOf(node) {
  const children = [];
  ts.forEachChild(node, (child) => void children.push(child));
  return children;
}
