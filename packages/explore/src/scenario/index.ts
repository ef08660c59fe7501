/**
 * What modules with scenarios import: woven together with them, so that a scenario of one build stands on the stage of that build.
 */
export * from './scenario.js';
export * from './stage.js';
export * from './define.js';
