// Classes of signatures: two signatures are in one class when a value that has the one can come where the other is called.
//
// Only signatures of woven files are united. Those of the language and of foreign packages stay apart, one for each use: else one callback that
// reaches a point, handed to `forEach`, would colour every `forEach` there is.

/** Union-find over nodes of the syntax tree. */
export class Classes {
  /** @type {Map<object, object>} */
  #parents = new Map();
  /** @type {Map<object, object[]>} */
  #members = new Map();

  /** The node that stands for the class of a node. */
  find(node) {
    let root = node;
    for (let next = this.#parents.get(root); next !== undefined; next = this.#parents.get(root)) root = next;
    for (let at = node; at !== root;) {
      const next = this.#parents.get(at);
      this.#parents.set(at, root);
      at = next;
    }
    return root;
  }

  /** Makes two classes one. */
  unite(a, b) {
    let keep = this.find(a);
    let join = this.find(b);
    if (keep === join) return;
    const kept = this.members(keep);
    const joined = this.members(join);
    if (kept.length < joined.length) [keep, join] = [join, keep];
    this.#parents.set(join, keep);
    this.#members.set(keep, [...kept, ...joined]);
    this.#members.delete(join);
  }

  /** All nodes of the class of a node. */
  members(node) {
    const root = this.find(node);
    return this.#members.get(root) ?? [root];
  }
}
