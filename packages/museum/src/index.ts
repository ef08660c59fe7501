/**
 * `@swaplab/museum`: bugs of history, each in a room of its own; and scenarios on the modelled swap core, in which they are looked for.
 *
 * The scenarios are modules of their own, `scenarios/NAME.js`, since every thread loads the one it plays.
 */
export * from './rooms/room.js';
export * from './rooms/rooms.js';
export * from './sound.js';
