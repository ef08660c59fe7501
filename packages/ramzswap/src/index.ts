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
export * from './xvmalloc/wasm-pool.js';
export * from './xvmalloc/xvmalloc.js';
export * from './driver/backing.js';
export * from './driver/create-device.js';
export * from './driver/device-kernel.js';
export * from './driver/device.js';
export * from './driver/historical/backing.js';
export * from './driver/historical/device.js';
export * from './driver/historical/page-store.js';
export * from './driver/historical/pool.js';
export * from './driver/historical/statistics.js';
export * from './driver/ioctl.js';
export * from './driver/page-store.js';
export * from './driver/places.js';
export * from './driver/ramzswap.js';
export * from './driver/slot-free-hooks.js';
export * from './driver/sound-device.js';
export * from './driver/statistics.js';
export * from './driver/swap-notify.js';
export * from './driver/walk.js';
export * from './anatomy.js';
export * from './variants/history.js';
export * from './variants/registry.js';
