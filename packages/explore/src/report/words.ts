/**
 * Words for what steps do.
 */

const KINDS = [
  '?',
  'load',
  'store',
  'atomic',
  'lock',
  'unlock',
  'wait',
  'wake',
  'bytes',
  'yield',
  'trylock',
] as const;

/** What is said for a primitive, where its kind alone says too little. `*` stands for the name of the object. */
const PRIMITIVES: Readonly<Record<string, string>> = {
  'Cells.atomicLoad': 'load * atomically',
  'Cells.atomicStore': 'store * atomically',
  'Cells.atomicAdd': 'add to * atomically',
  'Cells.atomicSub': 'subtract from * atomically',
  'Cells.atomicAnd': 'clear bits of * atomically',
  'Cells.atomicOr': 'set bits of * atomically',
  'Cells.atomicExchange': 'exchange * atomically',
  'Cells.atomicCompareExchange': 'compare and exchange *',
  'Cells.copyPage': 'copy a page to *',
  'Cells.copyBytes': 'copy bytes to *',
  'Cells.clearPage': 'clear the page *',
  'Cells.isZeroPage': 'look whether * is zero',
  'Locks.spinTryLock': 'try to lock *',
  'Locks.mutexTryLock': 'try to lock *',
  'SpinLock.tryLock': 'try to lock *',
  'Mutex.tryLock': 'try to lock *',
  'RwSemaphore.downRead': 'lock * for reading',
  'RwSemaphore.tryDownRead': 'try to lock * for reading',
  'RwSemaphore.downWrite': 'lock * for writing',
  'RwSemaphore.upRead': 'unlock * (reader)',
  'RwSemaphore.upWrite': 'unlock * (writer)',
  'Rcu.readLock': 'begin to read under RCU',
  'Rcu.readUnlock': 'end reading under RCU',
};

/** What is said for a kind. */
const SENTENCES: Readonly<Record<(typeof KINDS)[number], string>> = {
  '?': 'go on at *',
  load: 'load *',
  store: 'store *',
  atomic: 'change * atomically',
  lock: 'lock *',
  unlock: 'unlock *',
  wait: 'wait for *',
  wake: 'wake those who wait for *',
  bytes: 'touch the bytes of *',
  yield: 'let others go first',
  trylock: 'try to lock *',
};

/**
 * A kind of point in a word.
 * @param kind - a `POINT_` constant
 */
export function kindWord(kind: number): (typeof KINDS)[number] {
  return KINDS[kind] ?? '?';
}

/**
 * What a step does, such as `load swap_map[3]`.
 * @param kind - a `POINT_` constant
 * @param object - name of what it touches, empty for nothing
 * @param primitive - what is called, such as `Cells.atomicAdd`; empty when that is not known
 */
export function whatOf(kind: number, object: string, primitive: string): string {
  const word = kindWord(kind);
  // A lock that has to be waited for takes further steps at the same site.
  const isOwn = word !== 'wait' && word !== 'yield';
  const sentence = (isOwn ? PRIMITIVES[primitive] : undefined) ?? SENTENCES[word];
  return sentence.replace('*', () => object).trim();
}

/**
 * A number with its noun.
 * @param count - how many
 * @param one - the noun for one
 * @param many - for others, `one` with an s when not given
 */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/**
 * Names as a list: `a, b and c`.
 * @param names - the names
 */
export function listOf(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
}
