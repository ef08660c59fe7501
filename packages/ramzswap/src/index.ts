/**
 * The public entry of the driver package: the driver itself, its allocator and its codecs, each usable on its own.
 */
export * from './codec/codec.js';
export * from './codec/stream-format.js';
export { TwinCodec } from './codec/twin-codec.js';
export { createWasmCodec, WasmCodec, type CodecFunctions } from './codec/wasm-codec.js';
export * from './xvmalloc/block.js';
export * from './xvmalloc/free-lists.js';
export * from './xvmalloc/walk.js';
export * from './xvmalloc/xvmalloc.js';
export * from './driver/device.js';
export * from './driver/page-store.js';
export * from './driver/places.js';
export * from './driver/ramzswap.js';
export * from './driver/slot-free-hooks.js';
export * from './driver/statistics.js';
export * from './driver/swap-notify.js';
export * from './driver/walk.js';
