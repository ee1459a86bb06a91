import cytoscape, { type Core } from 'cytoscape';
import fcose from 'cytoscape-fcose';
import { useEffect, useRef } from 'react';
import type { Graph } from '../../api/types';
import { Icon } from '../../components/Icon';
import { useTheme } from '../../theme/theme';
import { elementsOf } from './elements';
import { LAYOUT, rememberPositions, stretch } from './layout';
import { styleOf } from './style';

cytoscape.use(fcose);

/** Room around the graph, in pixels. */
const PADDING = 28;
/** The size of names in pixels, where the whole graph is visible. */
const NAME_PX = 11;
/** A graph of two nodes would fill the screen with them. */
const MAX_FIT_ZOOM = 1.35;

interface Props {
  graph: Graph;
  /** The edge or entity whose panel is open. */
  selected: string | undefined;
  onEdge: (id: string) => void;
  onEntity: (id: string) => void;
}

/** The graph on a canvas. Its keyboard and screen-reader form is the list. */
export default function GraphCanvas({ graph, selected, onEdge, onEntity }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const core = useRef<Core | null>(null);
  const handlers = useRef({ onEdge, onEntity });
  handlers.current = { onEdge, onEntity };
  const theme = useTheme();

  useEffect(() => {
    if (box.current === null) return;
    const made = cytoscape({
      container: box.current,
      minZoom: 0.15,
      maxZoom: 3,
      boxSelectionEnabled: false,
    });
    made.on('tap', 'edge', (event) => handlers.current.onEdge(event.target.id() as string));
    made.on('tap', 'node[!group]', (event) =>
      handlers.current.onEntity(event.target.id() as string),
    );
    made.on('mouseover', 'node[!group], edge', (event) => {
      event.target.addClass('hover');
      if (box.current) box.current.style.cursor = 'pointer';
    });
    made.on('mouseout', 'node, edge', (event) => {
      event.target.removeClass('hover');
      if (box.current) box.current.style.cursor = '';
    });
    core.current = made;
    return () => {
      made.destroy();
      core.current = null;
    };
  }, []);

  useEffect(() => {
    core.current?.style(styleOf());
  }, [theme]);

  useEffect(() => {
    const made = core.current;
    if (made === null) return;
    made.elements().remove();
    made.add(elementsOf(graph));
    made.style(styleOf());
    made.layout(LAYOUT).run();
    rememberPositions(made);
    stretch(made);
    fit(made);
    // Names keep a readable size at the zoom that shows the whole graph.
    made.elements().style('font-size', NAME_PX / Math.min(made.zoom(), 1));
    fit(made);
    if (box.current !== null) box.current.dataset.drawn = String(graph.nodes.length);
  }, [graph]);

  useEffect(() => {
    const made = core.current;
    if (made === null) return;
    made.elements().removeClass('selected faded');
    if (selected === undefined) return;
    const found = made.getElementById(selected);
    if (found.empty()) return;
    const ends = made
      .edges()
      .filter((edge) => edge.id() === selected)
      .connectedNodes();
    const near = found.isEdge()
      ? found.union(ends)
      : made
          .nodes()
          .filter((node) => node.id() === selected)
          .closedNeighborhood();
    made.elements().not(near).not(near.parent()).addClass('faded');
    found.addClass('selected');
    uncover(made, found.renderedBoundingBox().x2);
  }, [selected, graph]);

  return (
    <div className="graph-frame">
      <div
        ref={box}
        className="graph-canvas"
        role="img"
        aria-label="Network graph. The same edges are in the list view."
      />
      <div className="graph-tools">
        <button
          type="button"
          className="button icon"
          aria-label="Zoom in"
          onClick={() => core.current && zoom(core.current, 1.3)}
        >
          <Icon name="plus" size={14} />
        </button>
        <button
          type="button"
          className="button icon"
          aria-label="Zoom out"
          onClick={() => core.current && zoom(core.current, 1 / 1.3)}
        >
          <Icon name="minus" size={14} />
        </button>
        <button
          type="button"
          className="button icon"
          aria-label="Fit the whole graph"
          onClick={() => core.current && fit(core.current)}
        >
          <Icon name="fit" size={14} />
        </button>
      </div>
    </div>
  );
}

function fit(core: Core): void {
  core.fit(undefined, PADDING);
  if (core.zoom() > MAX_FIT_ZOOM) {
    core.zoom(MAX_FIT_ZOOM);
    core.center();
  }
}

/** Moves the graph to the left if the side panel hides what was picked. */
function uncover(core: Core, right: number): void {
  const frame = core.container()?.getBoundingClientRect();
  const panel = document.querySelector('.panel')?.getBoundingClientRect();
  if (frame === undefined || panel === undefined || panel.left <= frame.left) return;
  const hidden = right - (panel.left - frame.left - PADDING);
  if (hidden > 0) core.panBy({ x: -hidden, y: 0 });
}

function zoom(core: Core, factor: number): void {
  const { x1, x2, y1, y2 } = core.extent();
  core.zoom({ level: core.zoom() * factor, position: { x: (x1 + x2) / 2, y: (y1 + y2) / 2 } });
}
