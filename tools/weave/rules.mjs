// What cannot be woven, said as errors with the chain of calls that leads to the point. The list of codes is in docs/stepped-twin.md.
import ts from 'typescript';
import { siteIndex, siteName } from './leaves.mjs';
import { nameOf } from './names.mjs';
import { tagsOf } from './tags.mjs';

/**
 * @typedef {object} Finding
 * @property {string} code `STEP01`
 * @property {string} text
 * @property {ts.Node} node where
 * @property {boolean} [isWarning]
 */

/** Names by which the language calls a function without its call being written. */
const IMPLICIT = new Set([
  'toString',
  'toLocaleString',
  'valueOf',
  'toJSON',
  'then',
  '[Symbol.iterator]',
  '[Symbol.asyncIterator]',
  '[Symbol.toPrimitive]',
  '[Symbol.hasInstance]',
  '[Symbol.asyncDispose]',
]);

/**
 * Looks for everything that cannot be woven.
 * @param {import('./weaver.mjs').Analysis} analysis
 * @returns {Finding[]} in order of the files
 */
export function findForbidden(analysis) {
  const rules = new Rules(analysis);
  rules.functions();
  rules.calls();
  rules.uses();
  rules.leaves();
  rules.announcements();
  rules.state();
  return rules.findings;
}

class Rules {
  #flows;
  #colours;
  #leaves;
  #project;
  /** Calls of generators. @type {Set<ts.Node>} */
  #slowCalls = new Set();
  /** @type {Finding[]} */
  findings = [];

  constructor({ flows, colours, leaves, project }) {
    this.#flows = flows;
    this.#colours = colours;
    this.#leaves = leaves;
    this.#project = project;
    for (const call of flows.calls) if (colours.callsStepped(call)) this.#slowCalls.add(call.node);
  }

  #add(code, node, text, isWarning = false) {
    this.findings.push({ code, node, text, isWarning });
  }

  /** `'A.x' reaches a point (A.x -> leaf -> readOnce)` */
  #who(node) {
    return `'${nameOf(node)}' reaches a point (${this.#colours.chainOf(node)})`;
  }

  /** Functions that reach a point and cannot be generators. */
  functions() {
    for (const node of this.#flows.functions) {
      if (this.#colours.isStepped(node) && !tagsOf(node).seed) this.#steppedFunction(node);
    }
    this.#mixedClasses();
  }

  #steppedFunction(node) {
    const who = this.#who(node);
    const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
    const has = (kind) => modifiers.some((modifier) => modifier.kind === kind);
    if (ts.isConstructorDeclaration(node) || ts.isConstructSignatureDeclaration(node)) {
      this.#add(
        'STEP01',
        node,
        `constructor of ${nameOf(node).replace(/\.constructor$/, '')}: ${who}. A constructor cannot be stepped: use a static create() method.`,
      );
    } else if (ts.isGetAccessor(node)) this.#add('STEP02', node, `getter ${who}. Make it a method.`);
    else if (ts.isSetAccessor(node)) this.#add('STEP02', node, `setter ${who}. Make it a method.`);
    else if (has(ts.SyntaxKind.AsyncKeyword)) {
      this.#add('STEP05', node, `async ${who}. Kernel code is synchronous; only the façade may be async.`);
    } else if (node.asteriskToken !== undefined) {
      this.#add(
        'STEP05',
        node,
        `generator ${who}. A generator of the source cannot be stepped: return an array or take a callback.`,
      );
    } else if (node.type !== undefined && ts.isTypePredicateNode(node.type)) {
      const what = node.type.assertsModifier === undefined ? 'type guard' : 'assertion';
      this.#add('STEP13', node, `${what} ${who}. Return boolean and narrow at the caller.`);
    } else this.#steppedForm(node, who);
  }

  #steppedForm(node, who) {
    const name = node.name === undefined ? '' : node.name.getText();
    if (IMPLICIT.has(name) || (name === 'next' && isIterator(node.parent))) {
      this.#add(
        'STEP10',
        node,
        `${who}, but the language calls '${name}' implicitly. Give it an ordinary name.`,
      );
    }
    if (ts.isArrowFunction(node)) {
      const word = findOutside(node);
      if (word !== null) {
        const where = word === 'this' ? "'this' outside of a method" : `'${word}'`;
        this.#add('STEP08', node, `arrow function ${who} and uses ${where}. Make it a method.`);
      }
    }
    const makes = ts.isArrowFunction(node) || ts.isFunctionExpression(node) || ts.isFunctionDeclaration(node);
    const outer = makes ? outerFunction(node) : undefined;
    if (outer !== undefined && this.#colours.isStepped(outer)) {
      this.#add(
        'STEP20',
        node,
        `'${nameOf(node)}' is made on every call of '${nameOf(outer)}': a new generator closure costs about 1.3 us in the twin. ` +
          'Use a function of the module, or lock / try / finally.',
        true,
      );
    }
  }

  /** A class must be wholly inside or wholly outside of schedules. */
  #mixedClasses() {
    for (const node of this.#flows.functions) {
      if (!this.#colours.hasQuiescent(node) || !this.#colours.isStepped(node) || !hasBody(node)) continue;
      const other = this.#flows.classes.members(node).find((member) => tagsOf(member).quiescent);
      this.#add(
        'STEP14',
        node,
        `${this.#who(node)} and can stand where @quiescent '${nameOf(other)}' does. Tag both or none.`,
      );
    }
  }

  /** Calls that reach a point where none can be taken. */
  calls() {
    for (const call of this.#flows.calls) {
      if (this.#colours.reaches(call)) this.#pointedCall(call);
    }
    for (const { node, type } of this.#flows.untyped) {
      this.#add(
        'STEP06',
        node,
        `cannot tell what '${node.expression.getText()}' calls: its type is '${type}'. Give it a function type that is declared in this project.`,
      );
    }
  }

  #pointedCall(call) {
    const { node, caller, form } = call;
    const chain = this.#colours.chainOfCall(call);
    const place = placeWithoutFunction(caller);
    if (place !== null) {
      this.#add(
        'STEP03',
        node,
        `call of '${calleeName(call)}' in ${place} reaches a point (${chain}). Move it into a function body.`,
      );
      return;
    }
    if (this.#colours.isQuiescent(caller)) return;
    if (form === 'tag') {
      this.#add('STEP07', node, `tagged template reaches a point (${chain}). Call the function.`);
    }
    if (ts.isCallExpression(node) && (node.flags & ts.NodeFlags.OptionalChain) !== 0) {
      this.#add(
        'STEP07',
        node,
        `optional call reaches a point (${chain}). Write 'if (f !== undefined) f(...)'.`,
      );
    }
    const holder = node.parent.parent;
    if (form === 'using' && !(ts.isVariableStatement(holder) && ts.isBlock(holder.parent))) {
      const where = ts.isVariableStatement(holder) ? 'this place' : 'a loop header';
      this.#add(
        'STEP11',
        node,
        `'using' in ${where} disposes through a point (${chain}). Put 'using' on its own line in a block.`,
      );
    }
    const leaf = this.#colours.leafOf(call);
    if (leaf !== undefined && node.arguments?.some((argument) => ts.isSpreadElement(argument))) {
      this.#add(
        'STEP09',
        node,
        `spread arguments hide the site of '${nameOf(leaf)}'. Write the arguments out.`,
      );
    }
  }

  /** Functions that go where nobody steps them. */
  uses() {
    const said = new Set();
    for (const { from, to, at } of this.#flows.foreignUses) {
      if (!this.#goesAstray(from) || tagsOf(to).steppable || said.has(at)) continue;
      said.add(at);
      const file = to.getSourceFile().fileName.split('/').at(-1);
      this.#add(
        'STEP04',
        at,
        `${this.#who(from)} but is handed to '${nameOf(to)}' of ${file}, which calls it without stepping. Write a loop.`,
      );
    }
    for (const { from, as, at } of this.#flows.lost) {
      if (!this.#goesAstray(from) || said.has(at)) continue;
      said.add(at);
      this.#add(
        'STEP06',
        at,
        `${this.#who(from)} and is stored as '${as}', where its calls cannot be found. Give the place a function type.`,
      );
    }
  }

  #goesAstray(node) {
    return this.#colours.isStepped(node) || (this.#project.owns(node) && this.#colours.isLeaf(node));
  }

  /** The promises of leaves. */
  leaves() {
    for (const node of this.#flows.functions) {
      if (tagsOf(node).point) this.#leaf(node);
      else if (this.#colours.isLeaf(node)) {
        const leaf = this.#flows.classes.members(node).find((member) => tagsOf(member).point);
        this.#add(
          'STEP16',
          node,
          `@point function '${nameOf(leaf)}' shares a function type with other functions ('${nameOf(node)}'); wrap it in an ordinary function.`,
        );
      }
    }
    for (const call of this.#flows.calls) if (tagsOf(call.caller).point) this.#callInLeaf(call);
  }

  #leaf(node) {
    const name = `@point function '${nameOf(node)}'`;
    if (siteIndex(node) < 0) {
      this.#add('STEP16', node, `${name} has no last parameter 'site: Site = NOSITE'.`);
      return;
    }
    if (this.#leaves.operationOf(node).kind === null) {
      this.#add(
        'STEP16',
        node,
        `${name} does not say what kind of operation it is: add kind=load, store, lock, ... to its tag.`,
      );
    }
    this.#readsFirst(node, name);
  }

  #callInLeaf(call) {
    const { node, caller } = call;
    const name = `@point function '${nameOf(caller)}'`;
    if (this.#colours.leafOf(call) !== undefined && !this.#leaves.forwardsOf(caller).includes(call)) {
      this.#add('STEP16', node, `${name} calls '${calleeName(call)}' without its own site.`);
    }
    const isLast = isLastStatement(node, caller);
    const isSlow = this.#colours.callsStepped(call) || this.#isFastPath(call);
    if (!isSlow || (tagsOf(caller).fastpath && isLast)) return;
    const what = tagsOf(caller).fastpath ? `@fastpath function '${nameOf(caller)}'` : name;
    const why = tagsOf(caller).fastpath ? 'not as its last statement' : 'but is not tagged @fastpath';
    this.#add('STEP17', node, `${what} calls '${calleeName(call)}' ${why}.`);
  }

  #isFastPath(call) {
    const leaf = this.#colours.leafOf(call);
    return leaf !== undefined && tagsOf(leaf).fastpath;
  }

  /** In the twin the caller takes the point before the leaf runs: what the leaf reads before its own point would be read too late. */
  #readsFirst(node, name) {
    const own = siteName(node);
    if (node.body === undefined) return;
    const announced = findFirst(
      node.body,
      (part) => ts.isCallExpression(part) && isName(part.arguments.at(-1), own) && !this.#slowCalls.has(part),
    );
    if (announced === undefined) return;
    const read = findFirst(node.body, (part) => part.end <= announced.end && isSharedRead(part));
    if (read === undefined) return;
    this.#add(
      'STEP18',
      read,
      `${name} evaluates '${read.getText()}' before its point; in the twin the point comes first. Drop the @point tag or read after the point.`,
    );
  }

  /**
   * Only leaves announce points, or what leaves alone call: the twin takes a point where a leaf is called, and would miss all others.
   */
  announcements() {
    const announces = new Set();
    const isAnnouncement = ({ targets }) =>
      targets.some((target) => nameOf(target) === 'PointHook' || announces.has(target));
    for (let size = -1; size !== announces.size;) {
      size = announces.size;
      for (const call of this.#flows.calls) {
        if (isAnnouncement(call) && !tagsOf(call.caller).point) announces.add(call.caller);
      }
    }
    for (const call of this.#flows.calls) {
      if (!isAnnouncement(call) || !this.#colours.isStepped(call.caller)) continue;
      this.#add(
        'STEP19',
        call.node,
        `'${nameOf(call.caller)}' announces a point by itself, but only the callers of leaves take points in the twin. Tag it @point, or call a leaf.`,
      );
    }
  }

  /** State that all logical threads of the twin would share. */
  state() {
    for (const node of this.#flows.moduleState) {
      const what = ts.isPropertyDeclaration(node) ? 'static field' : 'module variable';
      this.#add(
        'STEP12',
        node,
        `${what} '${node.name.getText()}' is one per worker but shared by all logical threads of the twin. ` +
          'Move it into the machine or the task, or tag it @perthread and let the engine switch it.',
      );
    }
  }
}

/** Whether a class or an object has the method by which loops ask for its elements: then they call `next` themselves. */
function isIterator(holder) {
  const members = holder.members ?? holder.properties ?? [];
  return members.some((member) => member.name?.getText() === '[Symbol.iterator]');
}

function hasBody(node) {
  return node.body !== undefined;
}

function calleeName({ node, targets }) {
  if (ts.isVariableDeclaration(node)) return `${node.name.getText()}[Symbol.dispose]`;
  return targets.length > 0 ? nameOf(targets[0]) : node.getText().slice(0, 40);
}

/** Where a call stands that no function makes; null for one in a function. */
function placeWithoutFunction(caller) {
  if (ts.isParameter(caller)) return 'a parameter default';
  if (ts.isPropertyDeclaration(caller)) return 'a field initialiser';
  if (ts.isClassStaticBlockDeclaration(caller)) return 'a static block';
  if (ts.isClassLike(caller)) return 'a class head';
  if (ts.isSourceFile(caller)) return 'the top level of a module';
  return null;
}

/** `this` without a method around it, `super` or `arguments` in an arrow function: words that mean something else in a function of its own. */
function findOutside(arrow) {
  let word = null;
  const visit = (node) => {
    if (word !== null) return;
    if (node.kind === ts.SyntaxKind.SuperKeyword) word = 'super';
    else if (
      ts.isIdentifier(node) &&
      node.text === 'arguments' &&
      ts.isExpression(node) &&
      !isMemberName(node)
    )
      word = 'arguments';
    else if (node.kind === ts.SyntaxKind.ThisKeyword && thisContainer(node) === null) word = 'this';
    else if (!(ts.isFunctionLike(node) && !ts.isArrowFunction(node)) && !ts.isClassLike(node))
      ts.forEachChild(node, visit);
  };
  ts.forEachChild(arrow, visit);
  return word;
}

function isMemberName(node) {
  return (
    (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) ||
    (ts.isPropertyAssignment(node.parent) && node.parent.name === node)
  );
}

/** The function whose `this` a word means; null when it is a field, a class or a module. */
export function thisContainer(node) {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isFunctionLike(at) && !ts.isArrowFunction(at) && !ts.isFunctionTypeNode(at))
      return hasBody(at) ? at : null;
    if (ts.isPropertyDeclaration(at) || ts.isClassStaticBlockDeclaration(at) || ts.isSourceFile(at))
      return null;
  }
  return null;
}

function outerFunction(node) {
  for (let at = node.parent; at !== undefined; at = at.parent) if (ts.isFunctionLike(at)) return at;
  return undefined;
}

/** Whether a call is the last thing a function does, its result unused. */
export function isLastStatement(node, fn) {
  const { body } = fn;
  if (body === undefined) return false;
  if (!ts.isBlock(body)) return body === node;
  const last = body.statements.at(-1);
  return last !== undefined && ts.isExpressionStatement(last) && last.expression === node;
}

function findFirst(node, test) {
  if (test(node)) return node;
  return ts.forEachChild(node, (child) => findFirst(child, test));
}

function isName(node, name) {
  return node !== undefined && ts.isIdentifier(node) && node.text === name;
}

/** Element of an array, or an operation of `Atomics`: what others may change. */
function isSharedRead(node) {
  if (ts.isElementAccessExpression(node)) return true;
  return (
    ts.isCallExpression(node) &&
    ts.isPropertyAccessExpression(node.expression) &&
    node.expression.expression.getText() === 'Atomics'
  );
}
