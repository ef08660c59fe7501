/**
 * `discard-cluster`: what later kernels do. A free is counted, and nothing else, until it empties an aligned cluster of 256 slots; then
 * a worker discards the cluster (`clusters.ts`).
 */
import type { SwapClusters } from '../clusters.js';
import type { FreeNotify } from '../free-notify.js';
import { AreaFunctionPolicy } from './area-function.js';

/** Counts the slots of clusters. @kernel mm/swapfile.c swap_entry_free and dec_cluster_info_page, 3.12 */
export class DiscardClusterPolicy extends AreaFunctionPolicy {
  readonly clusters: SwapClusters;

  /**
   * @param freeNotify - the functions of the areas
   * @param clusters - the tables of clusters
   */
  constructor(freeNotify: FreeNotify, clusters: SwapClusters) {
    super(freeNotify);
    this.clusters = clusters;
  }

  override slotFreed(area: number, type: number, offset: number): boolean {
    const told = super.slotFreed(area, type, offset);
    if (!this.clusters.areKept(area)) return told;
    this.clusters.slotFreed(area, offset);
    return true;
  }
}
