// The direction of imports. `npm run layering` proves it.
//
// Between packages: kernel-mm imports nothing; ramzswap imports the public entry of kernel-mm, and fflate; explore imports
// the public entry of kernel-mm; museum those of the three; harness imports the public entries of all. Inside kernel-mm every room stands on the rooms named before it.
'use strict';

/** The rooms of kernel-mm/src from the ground up. A room may import only rooms further left. */
const ROOMS = [
  'errno',
  'arena',
  'sync',
  'trace',
  'page',
  'notifier',
  'block',
  'swap',
  'vm',
  'variants',
  'machine',
  'index',
];

const KERNEL = '^packages/kernel-mm/src/';
const room = (names) => `${KERNEL}(${names.join('|')})(/|\\.ts$)`;

const roomRules = ROOMS.slice(0, -1).map((name, index) => ({
  name: `kernel-mm-${name}-stands-below`,
  comment: `${name} may import only ${ROOMS.slice(0, index).join(', ') || 'nothing'}.`,
  severity: 'error',
  from: { path: room([name]) },
  to: { path: room(ROOMS.slice(index + 1)) },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Two files that import each other are one file, or lack a third one below both.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that imports nothing and that nothing imports is dead.',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.d\\.ts$'] },
      to: {},
    },
    {
      name: 'not-to-unresolvable',
      comment: 'An import that cannot be resolved would also escape every other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'kernel-mm-imports-nothing',
      comment: 'kernel-mm runs wherever JavaScript runs: no package, no Node module.',
      severity: 'error',
      from: { path: KERNEL },
      to: { pathNot: KERNEL },
    },
    {
      name: 'kernel-mm-rooms-are-known',
      comment: 'A new room needs its place in the order: name it in ROOMS.',
      severity: 'error',
      from: { path: KERNEL, pathNot: room(ROOMS) },
      to: {},
    },
    ...roomRules,
    {
      name: 'ramzswap-imports-the-kernel-and-fflate',
      comment: 'The driver uses the public entry of kernel-mm and the deflate codec, nothing else.',
      severity: 'error',
      from: { path: '^packages/ramzswap/src/' },
      to: {
        pathNot: ['^packages/ramzswap/src/', '^packages/kernel-mm/src/index\\.ts$', '^node_modules/fflate/'],
      },
    },
    {
      name: 'explore-imports-the-kernel',
      comment: 'The explorer uses the public entry of kernel-mm; only its engine on threads knows Node.',
      severity: 'error',
      from: { path: '^packages/explore/src/', pathNot: '^packages/explore/src/engines/threads/' },
      to: { pathNot: ['^packages/explore/src/', '^packages/kernel-mm/src/index\\.ts$'] },
    },
    {
      name: 'explore-threads-imports-node-besides',
      comment: 'The engine on threads may use Node modules, and no other package.',
      severity: 'error',
      from: { path: '^packages/explore/src/engines/threads/' },
      to: {
        pathNot: ['^packages/explore/src/', '^packages/kernel-mm/src/index\\.ts$'],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'museum-imports-public-entries',
      comment: 'Scenarios use what kernel-mm, ramzswap and explore export, and nothing of the host.',
      severity: 'error',
      from: { path: '^packages/museum/src/' },
      to: { pathNot: ['^packages/museum/src/', '^packages/(kernel-mm|ramzswap|explore)/src/index\\.ts$'] },
    },
    {
      name: 'harness-uses-public-entries',
      comment: 'The harness is an importer like any other: it uses what the packages export.',
      severity: 'error',
      from: { path: '^packages/harness/src/' },
      to: {
        path: '^packages/(kernel-mm|ramzswap|explore|museum)/',
        pathNot: [
          '^packages/(kernel-mm|ramzswap|explore|museum)/src/index\\.ts$',
          '^packages/ramzswap/src/codec/lzo1x\\.ts$',
        ],
      },
    },
  ],
  options: {
    exclude: {
      path: '^packages/[^/]+/(assembly|dist|dist-sited|dist-stepped|dist-test|src-stepped|test|bin|woven)/',
    },
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@swaplab/source', 'import', 'types', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
