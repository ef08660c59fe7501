// Lint, type-aware. Three layers: strict rules for all TypeScript; the kernel subset for the two kernel packages;
// the still narrower subset for rooms whose functions can reach a point (a place where the schedule may change).
// Why the subset exists, rule by rule, is in CONTRIBUTING.md.
import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const KERNEL_SOURCES = ['packages/kernel-mm/src/**/*.ts', 'packages/ramzswap/src/**/*.ts'];
const FACADE_SOURCES = ['packages/kernel-mm/src/machine/**/*.ts'];
const POINT_SOURCES = [
  'packages/kernel-mm/src/{sync,swap,vm,page,notifier,block}/**/*.ts',
  'packages/ramzswap/src/{driver,xvmalloc}/**/*.ts',
];

/** Woven as well; their threads are closures, which are made once. */
const SCENARIO_SOURCES = ['packages/museum/src/**/*.ts'];

/** Syntax that no kernel source may use. */
const KERNEL_SYNTAX = [
  {
    selector: 'CatchClause',
    message:
      'Kernel code returns errnos and lets broken invariants through: a catch would swallow the report, and the stop of a killed schedule.',
  },
  {
    selector:
      ':matches(Program, ExportNamedDeclaration) > VariableDeclaration[kind=/^(let|var)$/]:not([declare=true])',
    message: 'Module state is not in the arena: other threads and a reset machine would not see it.',
  },
  {
    selector: 'PropertyDefinition[static=true]:not([readonly=true])',
    message: 'A static field is module state: keep it in the arena, or make it readonly.',
  },
  {
    selector: 'CallExpression[optional=true]',
    message: 'The twin cannot classify an optional call: test for undefined, then call.',
  },
  {
    selector:
      ':matches(NewExpression, MemberExpression, CallExpression, VariableDeclarator, BinaryExpression) > Identifier[name="SharedArrayBuffer"]:not(:function *)',
    message: 'Where SharedArrayBuffer is missing the module must still load: use it inside a function.',
  },
];

/** Kernel code is synchronous; only the façade offers events asynchronously. */
const SYNCHRONOUS_SYNTAX = [
  {
    selector: ':function[async=true]',
    message: 'Kernel code is synchronous; async belongs into src/machine/.',
  },
  {
    selector: ':function[generator=true]',
    message: 'Generators are what the twin is woven into; kernel code writes none itself.',
  },
];

/** What functions that can reach a point must not do besides. */
const POINT_SYNTAX = [
  {
    selector: ':function :matches(ArrowFunctionExpression, FunctionExpression, FunctionDeclaration)',
    message:
      'A closure made on every call costs 1.3 us in the twin, where it is a fresh generator function: use a function of the module and pass what it needs.',
  },
  {
    selector: 'PropertyDefinition > :matches(ArrowFunctionExpression, FunctionExpression)',
    message: 'A function per instance is a closure per instance: make it a method.',
  },
  {
    selector: ':matches(MethodDefinition, Property, TSAbstractMethodDefinition)[kind=/^(get|set)$/]',
    message: 'An accessor cannot become a generator, so it could never reach a point: write a method.',
  },
];

const noClock = 'Kernel code is deterministic: time comes from the clock given at attach.';
const noHost = 'Kernel code runs wherever JavaScript runs: nothing of the host.';

const KERNEL_GLOBALS = [
  { name: 'Date', message: noClock },
  { name: 'performance', message: noClock },
  ...[
    'process',
    'Buffer',
    'console',
    'setTimeout',
    'setInterval',
    'setImmediate',
    'queueMicrotask',
    'require',
    'global',
    'window',
    'self',
    'document',
    'navigator',
    'crypto',
    'fetch',
  ].map((name) => ({ name, message: noHost })),
];

const KERNEL_PROPERTIES = [
  {
    object: 'Math',
    property: 'random',
    message: 'Kernel code is deterministic: random numbers are injected.',
  },
  { object: 'globalThis', property: 'Date', message: noClock },
  { object: 'globalThis', property: 'performance', message: noClock },
  ...['assign', 'defineProperty', 'defineProperties'].map((property) => ({
    object: 'Object',
    property,
    message: 'The twin follows calls by their types; this hides them. Write the fields out.',
  })),
];

/** `no-restricted-imports` with one pattern: only module names that match `allowed` may be imported. */
const onlyImports = (allowed, message) => [
  'error',
  { patterns: [{ regex: `^(?!${allowed})`, message, caseSensitive: true }] },
];

const restrictedSyntax = (...lists) => ({ 'no-restricted-syntax': ['error', ...lists.flat()] });

export default defineConfig(
  // AssemblyScript is not TypeScript: its compiler is its only judge.
  globalIgnores([
    '**/assembly/',
    '**/dist/',
    '**/dist-sited/',
    '**/dist-stepped/',
    '**/dist-test/',
    '**/woven/',
    '**/coverage/',
    '**/fixtures/',
    '.nx/',
  ]),
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // A lock guard bound with `using` is never read.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { ignoreUsingDeclarations: true, argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Empty operations of a table are a fact of the kernel's tables.
      '@typescript-eslint/no-empty-function': 'off',
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              // One step up is still inside of a package: the harness has rooms named explore and museum.
              regex: '^(\\.\\./){2,}(kernel-mm|ramzswap|explore|museum|harness)/',
              message: 'Import another package by its name.',
            },
          ],
        },
      ],
    },
  },
  {
    files: [...KERNEL_SOURCES, ...SCENARIO_SOURCES],
    rules: {
      '@typescript-eslint/explicit-function-return-type': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      'no-restricted-globals': ['error', ...KERNEL_GLOBALS],
      'no-restricted-properties': ['error', ...KERNEL_PROPERTIES],
      ...restrictedSyntax(KERNEL_SYNTAX, SYNCHRONOUS_SYNTAX),
    },
  },
  {
    files: ['packages/explore/src/**/*.ts'],
    ignores: ['packages/explore/src/engines/threads/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['process', 'Buffer', 'require', 'global', 'setImmediate'].map((name) => ({
          name,
          message: 'The explorer runs in browsers, too: only engines/threads/ knows the host.',
        })),
      ],
    },
  },
  {
    files: FACADE_SOURCES,
    rules: restrictedSyntax(KERNEL_SYNTAX),
  },
  {
    files: POINT_SOURCES,
    rules: restrictedSyntax(KERNEL_SYNTAX, SYNCHRONOUS_SYNTAX, POINT_SYNTAX),
  },
  {
    files: ['packages/kernel-mm/src/**/*.ts'],
    rules: {
      'no-restricted-imports': onlyImports('\\.{1,2}/', 'kernel-mm imports nothing outside itself.'),
    },
  },
  {
    files: ['packages/ramzswap/src/**/*.ts'],
    rules: {
      'no-restricted-imports': onlyImports(
        '(\\.{1,2}/(?!.*kernel-mm/)|@swaplab/kernel-mm$|fflate$)',
        'ramzswap imports only @swaplab/kernel-mm and fflate.',
      ),
    },
  },
  {
    files: SCENARIO_SOURCES,
    rules: {
      'no-restricted-imports': onlyImports(
        '(\\.{1,2}/(?!.*(kernel-mm|ramzswap|explore)/)|@swaplab/(kernel-mm|ramzswap|explore)$)',
        'museum imports only @swaplab/kernel-mm, @swaplab/ramzswap and @swaplab/explore.',
      ),
    },
  },
  {
    // Index expressions that are in range by construction, in code where a check per access would cost too much.
    files: [
      'packages/kernel-mm/src/sync/**/*.ts',
      'packages/kernel-mm/src/arena/page-bytes.ts',
      'packages/ramzswap/src/codec/**/*.ts',
      'packages/{explore,museum}/src/**/*.ts',
      'packages/*/test/**/*.ts',
    ],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['packages/*/test/**/*.ts'],
    rules: {
      // chai's properties: expect(x).to.be.true
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        WebAssembly: 'readonly',
      },
    },
    rules: { eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error' },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs' },
  },
);
