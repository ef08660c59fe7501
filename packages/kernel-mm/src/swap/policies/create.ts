/**
 * Makes the free-slot policy a machine was configured with. The only place that knows all of them.
 */
import type { Bios } from '../../block/bio.js';
import type { BlockDevices } from '../../block/device.js';
import type { PageAllocator } from '../../page/page.js';
import type { Vmalloc } from '../../page/vmalloc.js';
import type { Core } from '../../sync/core.js';
import type { Trace } from '../../trace/trace.js';
import type { SwapClusters } from '../clusters.js';
import type { SwapDiscard } from '../discard.js';
import type { FreeNotify } from '../free-notify.js';
import type { SwapTable } from '../info.js';
import type { FreeSlotPolicy, SlotFreePolicy } from '../policy.js';
import type { SlotFreeChains } from '../slot-free-chains.js';
import type { SwapSpaces } from '../swap-spaces.js';
import { AddressSpacePolicy } from './address-space.js';
import { AreaFunctionPolicy } from './area-function.js';
import { BlockDeviceOperationPolicy } from './block-device-operation.js';
import { ChainPolicy } from './chain.js';
import { DiscardClusterPolicy } from './discard-cluster.js';
import { DiscardSlotPolicy } from './discard-slot.js';

/** What a policy may stand on. */
export interface SlotFreePolicyParts {
  readonly core: Core;
  readonly table: SwapTable;
  readonly trace: Trace;
  readonly vmalloc: Vmalloc;
  readonly pages: PageAllocator;
  readonly devices: BlockDevices;
  readonly bios: Bios;
  /** The functions of the areas. */
  readonly freeNotify: FreeNotify;
  /** The notifier chains of the areas. */
  readonly slotFreeChains: SlotFreeChains;
  /** The address spaces of the areas. */
  readonly spaces: SwapSpaces;
  readonly discard: SwapDiscard;
  readonly clusters: SwapClusters;
}

/**
 * Makes a policy. Called once per thread, at attach.
 * @param name - which one
 * @param parts - what it may stand on
 */
export function createSlotFreePolicy(name: FreeSlotPolicy, parts: SlotFreePolicyParts): SlotFreePolicy {
  switch (name) {
    // Under 'discard' 2.6.34 does nothing when a slot is freed: it discards when it looks for free slots.
    case 'none':
    case 'discard':
    case 'notify':
      return new AreaFunctionPolicy(parts.freeNotify);
    case 'chain':
      return new ChainPolicy(parts.slotFreeChains);
    case 'bdev-op':
      return new BlockDeviceOperationPolicy(parts.table, parts.devices);
    case 'address-space':
      return new AddressSpacePolicy(parts.spaces);
    case 'discard-cluster':
      return new DiscardClusterPolicy(parts.freeNotify, parts.clusters);
    case 'discard-slot':
      return new DiscardSlotPolicy(parts.freeNotify, parts.discard);
  }
}
