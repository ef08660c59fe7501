/**
 * `@swaplab/museum`: scenarios on the modelled swap core.
 */
export { default as swapStorm } from './scenarios/swap-storm.js';
