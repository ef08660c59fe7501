/**
 * What the devices of the driver need of the kernel they run in: the floors below, as one thread sees them.
 */
import type { Bios, BlockDevices, Core, FileSystem, PageAllocator, Trace, Vmalloc } from '@swaplab/kernel-mm';

/** What a device needs of the kernel. */
export interface DeviceKernel {
  readonly core: Core;
  readonly frames: PageAllocator;
  readonly vmalloc: Vmalloc;
  readonly block: { readonly devices: BlockDevices; readonly bios: Bios; readonly files: FileSystem };
  readonly trace: Trace;
  readonly config: {
    /** Size of the modelled memory in bytes. */
    readonly ramBytes: number;
  };
}
