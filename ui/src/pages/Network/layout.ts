import type { Core, LayoutOptions, Position } from 'cytoscape';

/** Starting distances in pixels: wide enough for a name under each node. */
const STEP_X = 130;
const STEP_Y = 95;
const GROUP_GAP = 140;

/**
 * The layout starts from known places instead of random ones, so that the same graph always looks
 * the same.
 */
export const LAYOUT = {
  name: 'fcose',
  quality: 'proof',
  randomize: false,
  animate: false,
  fit: false,
  nodeSeparation: 60,
  idealEdgeLength: 62,
  nodeRepulsion: 5500,
  edgeElasticity: 0.3,
  gravity: 0.6,
  gravityCompound: 1.6,
  gravityRangeCompound: 1.5,
  nestingFactor: 0.6,
  numIter: 2500,
  nodeDimensionsIncludeLabels: true,
  tile: true,
} as LayoutOptions;

/** Where nodes were when they were last drawn, for as long as the page is open. */
const remembered = new Map<string, Position>();
/** More nodes than any graph shows are not kept. */
const MAX_REMEMBERED = 5000;

/** Keeps the places of a finished layout: a filter that is taken away brings the old picture back. */
export function rememberPositions(core: Core): void {
  for (const node of core.nodes('[!group]').toArray()) {
    if (remembered.size < MAX_REMEMBERED || remembered.has(node.id())) {
      remembered.set(node.id(), { ...node.position() });
    }
  }
}

/** A layout is stretched by at most this factor: beyond it, groups look torn. */
const MAX_STRETCH = 2;

/** Widens or heightens a finished layout to the proportions of the canvas, so that none of it is left empty. */
export function stretch(core: Core): void {
  const nodes = core.nodes('[!group]');
  const box = nodes.boundingBox({ includeLabels: false });
  if (box.w === 0 || box.h === 0 || core.height() === 0) return;
  const ratio = core.width() / core.height() / (box.w / box.h);
  const factor = Math.min(Math.max(ratio, 1 / MAX_STRETCH), MAX_STRETCH);
  nodes.positions((node) => {
    const { x, y } = node.position();
    return factor > 1 ? { x: x * factor, y } : { x, y: y / factor };
  });
}

/** Where each node starts: where it last was, else in a grid inside the place of its group. */
export function startPositions(
  nodes: readonly { id: string; group: string }[],
): Map<string, Position> {
  const groups = new Map<string, string[]>();
  for (const { id, group } of nodes) groups.set(group, [...(groups.get(group) ?? []), id]);
  const positions = new Map<string, Position>();
  const columns = Math.ceil(Math.sqrt(groups.size));
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  let column = 0;
  for (const members of groups.values()) {
    const wide = Math.ceil(Math.sqrt(members.length));
    const high = Math.ceil(members.length / wide);
    members.forEach((id, index) => {
      const place = { x: x + (index % wide) * STEP_X, y: y + Math.floor(index / wide) * STEP_Y };
      positions.set(id, remembered.get(id) ?? place);
    });
    x += wide * STEP_X + GROUP_GAP;
    rowHeight = Math.max(rowHeight, high * STEP_Y + GROUP_GAP);
    column += 1;
    if (column === columns) {
      column = 0;
      x = 0;
      y += rowHeight;
      rowHeight = 0;
    }
  }
  return positions;
}
