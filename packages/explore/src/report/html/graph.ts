/**
 * The wait-for graph or the order of locks as a drawing: the nodes of a chain below each other, what leads from one to the next beside the arrow, and for a
 * cycle an arrow back to the first one.
 */
import type { ReportChain, ReportLink, ReportModel } from '../model.js';
import { markup, type Markup } from './markup.js';

const WIDTH = 380;
const NODE_WIDTH = 210;
const NODE_HEIGHT = 34;
const STEP = 86;
const LEFT = 44;
const TOP = 8;
/** Letters of a name that fit into a node, and of a label beside an arrow. */
const NAME_MAX = 24;
const LABEL_MAX = 30;

/**
 * Draws the graph.
 * @param model - of a report
 * @returns one drawing for each chain; none when there is no graph
 */
export function graphDrawings(model: ReportModel): Markup[] {
  return (model.graph?.chains ?? []).map((chain) => drawing(model, chain));
}

function drawing(model: ReportModel, chain: ReportChain): Markup {
  const { nodes, links, isCycle } = chain;
  const height = TOP * 2 + NODE_HEIGHT + STEP * (nodes.length - 1) + (isCycle ? 46 : 0);
  const boxes = nodes.map(({ kind, name }, index) => {
    const y = TOP + index * STEP;
    const rounding = kind === 'thread' ? 17 : 3;
    return markup`<g><title>${`${kind} ${name}`}</title><rect class="node ${kind}" x="${LEFT}" y="${y}" width="${NODE_WIDTH}" height="${NODE_HEIGHT}" rx="${rounding}"/><text class="name" x="${LEFT + NODE_WIDTH / 2}" y="${y + 22}">${cut(name, NAME_MAX)}</text></g>`;
  });
  const arrows = links.map((link, index) =>
    index + 1 < nodes.length ? arrowDown(model, link, index) : arrowBack(model, link, nodes.length),
  );
  const kind = model.graph?.kind === 'lock order' ? 'The order of the locks' : 'Who waits for whom';
  return markup`<svg class="graph" data-graph="${isCycle ? 'cycle' : 'chain'}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${kind}">${arrows}${boxes}</svg>`;
}

function arrowDown(model: ReportModel, link: ReportLink, index: number): Markup {
  const x = LEFT + NODE_WIDTH / 2;
  const from = TOP + index * STEP + NODE_HEIGHT;
  const to = TOP + (index + 1) * STEP;
  const [first, second] = labels(model, link);
  const middle = (from + to) / 2;
  return markup`<path class="link" d="M${x} ${from}V${to - 8}"/><path class="tip" d="M${x} ${to}l-5 -9h10z"/><text class="label" x="${x + 14}" y="${middle - 3}">${cut(first, LABEL_MAX)}</text><text class="label" x="${x + 14}" y="${middle + 12}">${cut(second, LABEL_MAX)}</text>`;
}

function arrowBack(model: ReportModel, link: ReportLink, count: number): Markup {
  const bottom = TOP + (count - 1) * STEP + NODE_HEIGHT;
  const top = TOP + NODE_HEIGHT / 2;
  const x = LEFT + NODE_WIDTH / 2;
  const below = bottom + 16;
  const [first, second] = labels(model, link);
  return markup`<path class="link back" d="M${x} ${bottom}V${below - 8}q0 8 -8 8H20q-8 0 -8 -8V${top + 8}q0 -8 8 -8H${LEFT - 8}"/><path class="tip back" d="M${LEFT} ${top}l-9 -5v10z"/><text class="label" x="${x + 14}" y="${below - 2}">${cut(first, LABEL_MAX)}</text><text class="label" x="${x + 14}" y="${below + 13}">${cut(second, LABEL_MAX)}</text>`;
}

/** What stands beside an arrow, in two lines. */
function labels(model: ReportModel, { kind, thread, step, place }: ReportLink): [string, string] {
  const since = step < 0 ? '' : `step ${step + 1}`;
  const where = place === null ? '' : model.places[place]!.short;
  const when = [since, where].filter((part) => part !== '').join(', ');
  if (kind === 'before') return [`${thread ?? 'a thread'} takes, holding it`, when];
  return [
    kind === 'held by' ? 'held by' : 'waits for',
    kind === 'held by' && when !== '' ? `since ${when}` : when,
  ];
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}\u2026`;
}
