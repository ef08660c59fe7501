/**
 * A process's memory, as the façade shows it.
 *
 * Promise: arguments are checked before anything is touched; kernel errnos become {@link KernelError}s; a handle to an address space that has
 * ended is refused instead of reaching the next one in its place.
 */
import { PAGE_SIZE } from '../arena/memory.js';
import { ENOMEM, KernelError, MisuseError } from '../errno.js';
import type { AddressSpaceInfo } from '../vm/mm.js';
import type { Vm } from '../vm/vm.js';

/** An address space of a simulated process. */
export class AddressSpace {
  /** Size in bytes: addresses are 0 to `bytes` - 1. */
  readonly bytes: number;
  /** Its number in the machine, for reports and for handing it to another thread. */
  readonly id: number;
  private readonly vm: Vm;
  private readonly generation: number;

  /**
   * @param vm - this thread's vm
   * @param id - address of the living address space
   */
  constructor(vm: Vm, id: number) {
    this.vm = vm;
    this.id = id;
    const { generation, pages } = vm.spaces.identityOf(id);
    this.generation = generation;
    this.bytes = pages * PAGE_SIZE;
  }

  /**
   * Writes bytes. May sleep: a page may have to be made or read first.
   * @param address - first virtual address, bytes
   * @param data - what to write
   * @throws {@link KernelError} `EFAULT` outside the address space; `ENOMEM` when no page could be had, here or elsewhere, and the
   * out-of-memory killer has chosen this process, which has no memory any more; `EIO` when a page could not be read: nothing is changed then,
   * where the original sends SIGBUS
   */
  write(address: number, data: Uint8Array): void {
    this.requireLive('write');
    this.answer('write', this.vm.access.write(this.id, address, data), `${data.length} bytes at ${address}`);
  }

  /**
   * Reads bytes. Memory never written reads as zeros.
   * @param address - first virtual address, bytes
   * @param target - how many bytes, or the array to fill
   * @returns the bytes
   * @throws {@link KernelError} as {@link write}
   */
  read(address: number, target: number | Uint8Array): Uint8Array {
    this.requireLive('read');
    if (
      typeof target === 'number' &&
      !(Number.isSafeInteger(target) && target >= 0 && target <= this.bytes)
    ) {
      throw new MisuseError(
        'ERR_OUT_OF_RANGE',
        `Cannot read ${target} bytes: the address space has ${this.bytes}.`,
      );
    }
    const out = typeof target === 'number' ? new Uint8Array(target) : target;
    this.answer('read', this.vm.access.read(this.id, address, out), `${out.length} bytes at ${address}`);
    return out;
  }

  /**
   * Drops whole pages: their contents are gone, their slots are freed.
   * @param address - virtual address, bytes, page aligned
   * @param bytes - length, a multiple of the page size
   * @throws {@link KernelError} `EINVAL`
   */
  unmap(address: number, bytes: number): void {
    this.requireLive('munmap');
    this.answer(
      'munmap',
      this.vm.access.unmap(this.id, address, bytes),
      `${bytes} bytes at ${address}; both must be multiples of ${PAGE_SIZE} inside`,
    );
  }

  /**
   * Makes a child with the same contents: pages are shared until one of the two writes to them. May sleep.
   * @returns the child
   * @throws {@link KernelError} `ENOMEM` when there is no place or no page table for the child, or no page for the count of a slot;
   * nothing is left of the child then
   */
  fork(): AddressSpace {
    this.requireLive('fork');
    const child = this.vm.fork.dupMm(this.id);
    if (child < 0) {
      const sentence =
        child === -ENOMEM
          ? `no place or page table for a child of ${this.bytes} bytes, or no page for the count of a slot; see the machine's addressSpaces and tableBytes`
          : 'the process has ended';
      throw new KernelError('fork', child, sentence);
    }
    return new AddressSpace(this.vm, child);
  }

  /** Ends the process: everything is dropped. A second call does nothing. */
  exit(): void {
    this.vm.zap.exit(this.id, this.generation);
  }

  /** Whether the process is still there; one that was ended for lack of memory is, but maps nothing. */
  isLive(): boolean {
    return this.vm.spaces.isLive(this.id, this.generation);
  }

  /** Pages present and swapped. */
  info(): AddressSpaceInfo {
    this.requireLive('info');
    return this.vm.spaces.info(this.id);
  }

  /** The line of its `/proc` status that says how much of it is in swap: `VmSwap:`, a tab, KiB. */
  vmSwap(): string {
    this.requireLive('status');
    return this.vm.report.vmSwapText(this.id);
  }

  private requireLive(syscall: string): void {
    if (!this.isLive())
      throw new MisuseError('ERR_INVALID_ARGUMENT', `${syscall}: this address space has ended.`);
  }

  private answer(syscall: string, result: number, what: string): void {
    if (result >= 0) return;
    const sentence =
      result === -ENOMEM
        ? `${what}: no page could be had, and the process was ended by the out-of-memory killer`
        : `${what} in an address space of ${this.bytes} bytes`;
    throw new KernelError(syscall, result, sentence);
  }
}
