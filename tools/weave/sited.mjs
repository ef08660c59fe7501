// The plain code with its sites: what real threads run under a chosen schedule.
//
// Three edits, each within its line: the id of its site becomes the last argument of each call that takes one; `using` becomes try / finally,
// which is half the time; and imports of woven packages lead to their woven builds.
import ts from 'typescript';
import { siteIndex } from './leaves.mjs';
import { omittedArguments } from './sites.mjs';
import { Writer } from './writer.mjs';

/** Writes one file of a build. The twin has more edits (stepped.mjs). */
export class SitedFile {
  /** @protected */ analysis;
  /** @protected */ sites;
  /** @protected */ file;
  /** @protected */ out;
  /** @protected */ calls;
  /** What imports of woven packages lead to. @protected */
  build = 'sited';

  /**
   * @param {import('./weaver.mjs').Analysis} analysis
   * @param {import('./sites.mjs').Sites} sites
   * @param {Map<ts.Node, import('./flows.mjs').Call>} calls by their nodes
   * @param {ts.SourceFile} file
   */
  constructor(analysis, sites, calls, file) {
    this.analysis = analysis;
    this.sites = sites;
    this.calls = calls;
    this.file = file;
    this.out = new Writer(file.text);
    this.visit = this.visit.bind(this);
  }

  /** The text of the file in this build. */
  write() {
    this.visitChildren(this.file);
    return this.out.finish();
  }

  /** @protected */
  visit(node) {
    if (ts.isStringLiteral(node) && isModuleSpecifier(node)) this.specifier(node);
    else if (ts.isCallExpression(node)) this.call(node);
    else if (ts.isBlock(node)) this.block(node);
    else this.visitChildren(node);
  }

  /** @protected */
  visitChildren(node) {
    ts.forEachChild(node, this.visit);
  }

  /** `'@swaplab/kernel-mm/x'` becomes `'@swaplab/kernel-mm/sited/x'`. @protected */
  specifier(node) {
    const name = this.analysis.project.wovenSpecifier(node.text);
    if (name === null) return;
    this.out.copyTo(node.getStart(this.file) + 1 + name.length);
    this.out.write(`/${this.build}`);
  }

  /** @protected */
  call(node) {
    this.visitChildren(node);
    const id = this.sites.idOf(node);
    if (id !== undefined) this.lastArgument(node, String(id));
  }

  /**
   * Gives a call its last argument.
   * @protected
   */
  lastArgument(node, text) {
    const call = this.calls.get(node);
    const offset = call.form === 'method-call' ? 1 : 0;
    const target = call.targets.find((each) => siteIndex(each) >= 0);
    const given = node.arguments.length;
    this.out.copyTo(given > 0 ? node.arguments[given - 1].end : node.end - 1);
    this.out.write(`${given > 0 ? ', ' : ''}${omittedArguments(target, given - offset)}${text}`);
  }

  /** A block; what it has bound with `using` is disposed at its end. @protected */
  block(node) {
    const closers = [];
    for (const statement of node.statements) {
      if (isUsing(statement)) this.using(statement, closers);
      else this.visit(statement);
    }
    this.out.copyTo(node.end - 1);
    for (const closer of closers.reverse()) this.out.write(`} finally { ${closer}; } `);
  }

  /** `using g = f();` becomes `const g = f(); try {`. @protected */
  using(statement, closers) {
    const list = statement.declarationList;
    const start = list.getStart(this.file);
    this.out.copyTo(start);
    this.out.write('const');
    this.out.skipTo(start + 'using'.length);
    for (const [index, declaration] of list.declarations.entries()) {
      if (index > 0) {
        this.out.skipTo(declaration.getStart(this.file));
        this.out.write('; try { const ');
      }
      this.visit(declaration);
      this.out.copyTo(declaration.end);
      closers.push(this.disposal(declaration));
    }
    this.out.copyTo(statement.end);
    this.out.write(' try {');
  }

  /** The call that disposes of what a `using` has bound. @protected */
  disposal(declaration) {
    const id = this.sites.idOf(declaration);
    return this.guarded(declaration, `${declaration.name.getText()}[Symbol.dispose](${id ?? ''})`);
  }

  /** What may be null is disposed of only if it is not. @protected */
  guarded(declaration, text) {
    const { checker } = this.analysis.project;
    const type = checker.getTypeAtLocation(declaration.name);
    const name = declaration.name.getText();
    const there = checker.getNonNullableType(type);
    if ((there.flags & ts.TypeFlags.Never) !== 0) return '';
    return there === type ? text : `if (${name} !== null && ${name} !== undefined) ${text}`;
  }
}

/** Whether a text names a module. */
function isModuleSpecifier(node) {
  const { parent } = node;
  if (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent))
    return parent.moduleSpecifier === node;
  if (ts.isLiteralTypeNode(parent)) return ts.isImportTypeNode(parent.parent);
  return ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword;
}

/** Whether a statement is `using x = ...`. */
export function isUsing(statement) {
  return (
    ts.isVariableStatement(statement) &&
    (statement.declarationList.flags & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Using
  );
}
