/**
 * The slots of a trace that are in use, by their numbers in the trace, with something kept for each.
 *
 * Runs of slots may be far longer than what is in use (a trim of a whole disk): what is done with a run takes time for the slots in use only.
 */

/** A table of slots in use. */
export class LiveSlots<Value> {
  private readonly values = new Map<number, Value>();

  /** Slots in use. */
  get size(): number {
    return this.values.size;
  }

  /** What is kept for a slot; undefined when it is not in use. @param slot - any number */
  get(slot: number): Value | undefined {
    return this.values.get(slot);
  }

  /** Keeps something for a slot. @param slot - in use from now on @param value - replaces what was kept */
  set(slot: number, value: Value): void {
    this.values.set(slot, value);
  }

  /** A slot is not in use any more. @param slot - any number */
  delete(slot: number): void {
    this.values.delete(slot);
  }

  /** All slots in use, by rising number. */
  slots(): number[] {
    return [...this.values.keys()].sort((a, b) => a - b);
  }

  /**
   * The slots of a run that are in use, by rising number.
   *
   * @param slot - first slot
   * @param n - slots
   */
  within(slot: number, n: number): number[] {
    const found: number[] = [];
    if (n <= this.values.size) {
      for (let each = slot; each < slot + n; each++) if (this.values.has(each)) found.push(each);
      return found;
    }
    for (const each of this.values.keys()) if (each >= slot && each < slot + n) found.push(each);
    return found.sort((a, b) => a - b);
  }
}
