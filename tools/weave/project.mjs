// What is woven, loaded into one program of the compiler.
//
// Promise: all packages of a run are one program, and an import of one of them by another leads to its source, so that the type of a function
// is the same node wherever it is used. A file of another package, or of the language, is foreign: it is read for its types, never woven.
import { join, relative } from 'node:path';
import ts from 'typescript';
import { posix, sourcesOf } from './sources.mjs';

/**
 * One package to be woven.
 *
 * @typedef {object} WovenPackage
 * @property {string} name how others import it: `@swaplab/kernel-mm`
 * @property {string} folder absolute path
 * @property {string} root folder of the sources, relative to `folder`; their paths in the woven tree are relative to it
 * @property {string[]} [include] folders below `root` that are woven; all of it by default
 */

/**
 * The file that holds the seeds (`block`, `giveWay`), and what stands for it in the twin.
 *
 * @typedef {object} Runtime
 * @property {string} points absolute path of the file with the seeds
 * @property {string} stepped absolute path of the hand-written file that has their generators; lies beside the woven `points`
 * @property {string} specifier how other packages import it
 */

/**
 * @typedef {object} ProjectOptions
 * @property {string} base the folder that names of files in messages and ids are relative to
 * @property {WovenPackage[]} packages
 * @property {Runtime} runtime
 * @property {string} tsconfig absolute path of the compiler settings of the sources
 * @property {string[]} [lib] libraries of the language, if other than those of the settings
 */

/** A loaded program, and the questions the weaver has about its files. */
export class Project {
  /** @param {ProjectOptions} options */
  constructor(options) {
    this.base = options.base;
    this.packages = options.packages;
    this.runtime = options.runtime;
    /** Absolute paths of the files to be woven, in order. */
    this.paths = options.packages.flatMap((wovenPackage) => sourcesOf(wovenPackage));
    this.program = ts.createProgram({ rootNames: this.paths, options: compilerOptions(options) });
    this.checker = this.program.getTypeChecker();
    /** @type {ts.SourceFile[]} in the order of `paths` */
    this.files = this.paths.map((path) => this.#fileAt(path));
    this.own = new Set(this.files);
  }

  #fileAt(path) {
    const file = this.program.getSourceFile(path);
    if (file === undefined) throw new Error(`weave: ${path} cannot be read`);
    return file;
  }

  /** Whether a node lies in a file that is woven. */
  owns(node) {
    return this.own.has(node.getSourceFile());
  }

  /** The package a file belongs to. */
  packageOf(file) {
    const found = this.packages.find(({ folder, root }) =>
      file.fileName.startsWith(posix(join(folder, root)) + '/'),
    );
    if (found === undefined) throw new Error(`weave: ${file.fileName} is in no package`);
    return found;
  }

  /** Whether a module specifier names a woven package; then its name, else null. */
  wovenSpecifier(specifier) {
    for (const { name } of this.packages) {
      if (specifier === name || specifier.startsWith(`${name}/`)) return name;
    }
    return null;
  }

  /** Path of a file as messages and ids name it. */
  nameOfFile(file) {
    return posix(relative(this.base, file.fileName));
  }

  /** `FILE:LINE:COL` of a node, from 1. */
  placeOf(node) {
    const file = node.getSourceFile();
    const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file));
    return { file: this.nameOfFile(file), line: line + 1, column: character + 1 };
  }
}

function compilerOptions({ tsconfig, lib }) {
  const { config, error } = ts.readConfigFile(tsconfig, (path) => ts.sys.readFile(path));
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'));
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ts.sys.getCurrentDirectory());
  const libraries = lib?.map((name) => `lib.${name.toLowerCase()}.d.ts`) ?? options.lib;
  return {
    ...options,
    lib: libraries,
    noEmit: true,
    composite: false,
    incremental: false,
    declarationMap: false,
  };
}
