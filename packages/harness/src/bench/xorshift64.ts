/**
 * The generator of the reference figures: xorshift64 with the shifts 13, 7, 17, in two halves.
 */

/** One generator, at its start. */
export class XorShift64 {
  private high = 0x0139_408d | 0;
  private low = 0xcbbf_7a44 | 0;

  /**
   * The next value modulo a number.
   * @param divisor - 1 to 2^25
   */
  nextModulo(divisor: number): number {
    let { high, low } = this;
    let upper = high ^ ((high << 13) | (low >>> 19));
    low ^= low << 13;
    high = upper;
    upper = high ^ (high >>> 7);
    low ^= (low >>> 7) | (high << 25);
    high = upper;
    upper = high ^ ((high << 17) | (low >>> 15));
    low ^= low << 17;
    this.high = upper;
    this.low = low;
    return (((upper >>> 0) % divisor) * (2 ** 32 % divisor) + (low >>> 0)) % divisor;
  }
}
