/** Seeds of property tests: fixed ones, and one that differs from run to run and is printed in the test's title. */
export const PROPERTY_SEEDS: readonly number[] = [1, 20_100_324, Math.floor(Math.random() * 2 ** 31)];
