/** docs/kernel-map.md, held against the sources: a map with a wrong name is worse than none. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { FREE_SLOT_POLICIES } from '#src/swap/policy.js';
import { VARIANTS } from '#src/variants/registry.js';

const SOURCES = new URL('../src/', import.meta.url);
const PAGE = readFileSync(new URL('../../../docs/kernel-map.md', import.meta.url), 'utf8');

/** Files of the original of which every function that a tag names must be on the page. */
const MAPPED_FILES =
  /^(mm\/(swapfile|swap_state|page_io|memory|vmscan|rmap)\.c|kernel\/(notifier|srcu)\.c|kernel\/power\/swap\.c|include\/linux\/(swapops|notifier)\.h)$/;

/** A row of one of the tables. */
interface Row {
  /** Names of the original. */
  readonly originals: readonly string[];
  /** Our names, each with the label of its file; empty where it is not modelled. */
  readonly ours: readonly { readonly name: string; readonly label: string }[];
  readonly line: string;
}

function rowsOf(page: string): Row[] {
  const rows: Row[] = [];
  for (const line of page.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells.length !== 5 || cells[1] === 'original' || /^-+$/.test(cells[1]!)) continue;
    const originals = [...cells[1]!.matchAll(/`(\w+)`/g)].map((match) => match[1]!);
    const ours = [...cells[2]!.matchAll(/\[`([\w.]+)`\]\[([\w/-]+)\]/g)].map((match) => ({
      name: match[1]!,
      label: match[2]!,
    }));
    rows.push({ originals, ours, line });
  }
  return rows;
}

/** Source of each file of the package, by the label a page gives it: `swap/scan`. */
function readSources(): Map<string, string> {
  const sources = new Map<string, string>();
  for (const path of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('.ts'))
      sources.set(path.replaceAll('\\', '/').slice(0, -3), readFileSync(new URL(path, SOURCES), 'utf8'));
  }
  return sources;
}

/** Whether a source exports a name, `SlotScanner`, or a class with a member, `SlotScanner.scanSwapMap`. */
function declares(source: string, name: string): boolean {
  const [owner, member] = name.split('.');
  const head = new RegExp(`^export (?:class|function|const|interface|type) ${owner}\\b`, 'm').exec(source);
  if (head === null || member === undefined) return head !== null;
  const body = source.slice(head.index, source.indexOf('\n}', head.index));
  return new RegExp(`^  (?:private |static )*${member}\\(`, 'm').test(body);
}

describe('docs/kernel-map.md', () => {
  const rows = rowsOf(PAGE);
  const sources = readSources();

  it('has rows, each with names of the original, and ours or a reason', () => {
    expect(rows.length).to.be.greaterThan(150);
    for (const { originals, ours, line } of rows) {
      expect(originals, line).not.to.deep.equal([]);
      if (ours.length === 0) expect(line).to.match(/\| not modelled +\| \S/);
    }
  });

  it('names no file, class, method or function that does not exist', () => {
    const definitions = new Map(
      [...PAGE.matchAll(/^\[([\w/-]+)\]: (\S+)$/gm)].map((match) => [match[1]!, match[2]!]),
    );
    const wrong: string[] = [];
    for (const { name, label } of rows.flatMap(({ ours }) => ours)) {
      if (definitions.get(label) !== `../packages/kernel-mm/src/${label}.ts`) wrong.push(`[${label}]`);
      if (!declares(sources.get(label) ?? '', name)) wrong.push(`${name} in ${label}.ts`);
    }
    for (const label of definitions.keys()) if (!sources.has(label)) wrong.push(`${label}.ts`);
    expect(wrong).to.deep.equal([]);
  });

  it('has every function of the original that the sources say they model', () => {
    const known = new Set(rows.flatMap(({ originals }) => originals));
    const missing = new Set<string>();
    for (const source of sources.values()) {
      for (const [, file, name] of source.matchAll(/@kernel (\S+\.[ch]) (\w*_\w*[a-z0-9])\b(?!_)/g)) {
        if (MAPPED_FILES.test(file!) && !known.has(name!)) missing.add(`${file} ${name}`);
      }
    }
    expect([...missing]).to.deep.equal([]);
  });

  it('names every fault of the historical profiles, and no variant that there is not', () => {
    const policies: readonly string[] = FREE_SLOT_POLICIES;
    const words = [...PAGE.matchAll(/`(c\d\d|[a-z]+(?:-[a-z]+)+)`/g)].map((match) => match[1]!);
    const named = [...new Set(words)].filter((word) => !policies.includes(word));
    const historical = VARIANTS.filter(({ inProfiles }) => inProfiles.length > 0);
    expect(named).to.include.members(historical.map(({ id }) => id));
    expect(VARIANTS.map(({ id }) => id)).to.include.members(named);
  });
});
