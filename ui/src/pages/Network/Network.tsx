import { lazy, Suspense, useCallback, useMemo } from 'react';
import { useApi } from '../../api/hooks';
import type { Graph } from '../../api/types';
import { FilterBar, SearchFilter, SelectFilter } from '../../components/FilterBar';
import { Empty, Failure, Loading } from '../../components/States';
import { count, plural } from '../../format/numbers';
import { Page } from '../../shell/Page';
import { PHONE, useMedia } from '../../theme/media';
import { useFilters } from '../../url/filters';
import { useTimeWindow } from '../../url/window';
import { GRADES, gradeTerms } from '../../vocabulary/grades';
import { EdgeList } from './EdgeList';
import { EdgePanel } from './EdgePanel';
import { EntityPanel } from './EntityPanel';
import { Legend } from './Legend';
import './network.css';

/** The layout measures names, so their font must be there first: else the same graph differs. */
const GraphCanvas = lazy(async () => {
  await document.fonts.load('500 11px Inter');
  await document.fonts.load('600 13px Inter');
  return import('./GraphCanvas');
});

const FILTERS = ['q', 'namespace', 'grade'] as const;
const PLACE = ['edge', 'entity', 'view', 'failing'] as const;
const GRADE_OPTIONS = GRADES.map((grade) => [grade, gradeTerms(grade).label] as const);

export default function Network() {
  const [timeWindow] = useTimeWindow();
  const [filters, setFilters] = useFilters(FILTERS);
  const [place, setPlace] = useFilters(PLACE);
  const graph = useApi<Graph>('/graph', { ...timeWindow, ...filters });
  // The graph needs room; a phone shows the list first.
  const phone = useMedia(PHONE);
  const list = place.view === undefined ? phone : place.view === 'list';

  const pickEdge = useCallback((edge: string) => setPlace({ edge, entity: '' }), [setPlace]);
  const pickEntity = useCallback((entity: string) => setPlace({ entity, edge: '' }), [setPlace]);
  const close = useCallback(() => setPlace({ edge: '', entity: '' }), [setPlace]);
  const onlyFailing = place.failing === '1';
  const data = useMemo(
    () => (graph.data !== undefined && onlyFailing ? failingPart(graph.data) : graph.data),
    [graph.data, onlyFailing],
  );

  return (
    <Page
      title="Network graph"
      actions={
        <>
          {data !== undefined && (
            <span className="muted" role="status">
              {`${plural(data.edges.length, 'edge')} between ${plural(data.nodes.length, 'entity', 'entities')}`}
            </span>
          )}
          <div className="segmented" role="group" aria-label="View">
            <button type="button" aria-pressed={!list} onClick={() => setPlace({ view: 'graph' })}>
              Graph
            </button>
            <button type="button" aria-pressed={list} onClick={() => setPlace({ view: 'list' })}>
              List
            </button>
          </div>
        </>
      }
    >
      <FilterBar>
        <SearchFilter
          wide
          label="Search"
          placeholder="Workload, server name, address"
          value={filters.q}
          onChange={(q) => setFilters({ q })}
        />
        <SearchFilter
          label="Namespace"
          placeholder="Whole name"
          value={filters.namespace}
          onChange={(namespace) => setFilters({ namespace })}
        />
        <SelectFilter
          label="Grade"
          value={filters.grade}
          options={GRADE_OPTIONS}
          onChange={(grade) => setFilters({ grade })}
        />
        <label className="check filter-check">
          <input
            type="checkbox"
            checked={onlyFailing}
            onChange={(event) => setPlace({ failing: event.target.checked ? '1' : '' })}
          />
          Only what breaks a policy
        </label>
      </FilterBar>
      {data?.truncated === true && (
        <p className="notice warn" role="status">
          Truncated: only {count(data.nodes.length)} entities are shown. Narrow the graph with a
          namespace, a grade or a search.
        </p>
      )}
      <div className="card flush network-card">
        {data === undefined && graph.error !== null && (
          <Failure error={graph.error} retry={() => void graph.refetch()} />
        )}
        {graph.isPending && <Loading />}
        {data?.edges.length === 0 && (
          <NoEdges filtered={Object.keys(filters).length > 0 || onlyFailing} />
        )}
        {data !== undefined && data.edges.length > 0 && (
          <>
            {list ? (
              <EdgeList graph={data} onPick={pickEdge} />
            ) : (
              <Suspense fallback={<Loading label="Drawing the graph" />}>
                <GraphCanvas
                  graph={data}
                  selected={place.edge ?? place.entity}
                  onEdge={pickEdge}
                  onEntity={pickEntity}
                />
              </Suspense>
            )}
            <Legend />
          </>
        )}
      </div>
      {place.edge !== undefined && <EdgePanel key={place.edge} id={place.edge} onClose={close} />}
      {place.entity !== undefined && (
        <EntityPanel
          key={place.entity}
          id={place.entity}
          node={data?.nodes.find((node) => node.id === place.entity)}
          onPick={pickEdge}
          onClose={close}
        />
      )}
    </Page>
  );
}

/** The edges that break a policy, and their ends. */
function failingPart(graph: Graph): Graph {
  const edges = graph.edges.filter((edge) => edge.failing);
  const ends = new Set(edges.flatMap((edge) => [edge.source, edge.destination]));
  return { ...graph, edges, nodes: graph.nodes.filter((node) => ends.has(node.id)) };
}

function NoEdges({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return <Empty title="No edge matches">Take a filter away, or widen the time window.</Empty>;
  }
  return (
    <Empty title="No connection seen in this time window" command="tlsight up">
      The graph draws itself from sessions: who talks to whom, and how well that is encrypted. To
      observe this machine, run:
    </Empty>
  );
}
