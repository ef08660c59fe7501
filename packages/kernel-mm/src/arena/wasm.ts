/**
 * WASM modules that work on the arena.
 *
 * Promise: {@link instantiateOn} gives a module's functions, working on the arena's own memory, or null where the platform cannot or may not
 * run it; whoever asks has a twin in TypeScript for that case. The modules have no memory, data or globals of their own, so any number of
 * threads may each have an instance. They are compiled synchronously, which browsers allow on their main thread below 4 KB; all modules are
 * smaller than that (`tools/wasm/build.mjs` sees to it), so no asynchronous preparation is needed.
 */
import type { Arena, WasmMemory } from './memory.js';

/** A module as base64, built for either kind of memory; the declaration of an imported memory says which it is. */
export interface WasmBuilds {
  readonly shared: string;
  readonly unshared: string;
}

interface WasmPlatform {
  readonly WebAssembly?: {
    validate(bytes: Uint8Array): boolean;
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (
      module: object,
      imports: { readonly env: { readonly memory: WasmMemory } },
    ) => { readonly exports: object };
  };
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * Decodes base64.
 * @param text - with padding, without blanks
 */
export function decodeBase64(text: string): Uint8Array {
  const values = new Uint8Array(128);
  for (let value = 0; value < BASE64.length; value++) values[BASE64.charCodeAt(value)] = value;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let at = 0;
  for (let index = 0; index < text.length; index += 4) {
    let group = 0;
    for (let digit = 0; digit < 4; digit++)
      group = (group << 6) | (values[text.charCodeAt(index + digit)] ?? 0);
    // Past the end of a typed array a store does nothing: that drops the bytes of the padding.
    bytes[at++] = group >> 16;
    bytes[at++] = group >> 8;
    bytes[at++] = group;
  }
  return bytes;
}

/**
 * Instantiates a module on the arena, for the calling thread.
 * @param builds - the module
 * @param arena - this thread's views
 * @returns its functions, which the caller knows the types of; null where the platform lacks WASM or what the module uses (SIMD, bulk memory),
 *   or forbids it
 */
export function instantiateOn(builds: WasmBuilds, arena: Arena): object | null {
  const { WebAssembly: platform } = globalThis as WasmPlatform;
  if (platform === undefined) return null;
  const bytes = decodeBase64(arena.shared ? builds.shared : builds.unshared);
  if (!platform.validate(bytes)) return null;
  let module: object;
  try {
    module = new platform.Module(bytes);
    // eslint-disable-next-line no-restricted-syntax -- the module is valid: a refusal is a page's security policy, no kernel code runs here
  } catch {
    return null;
  }
  const { exports } = new platform.Instance(module, { env: { memory: arena.memory } });
  return exports;
}
