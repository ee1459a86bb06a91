import { useCallback, useMemo } from 'react';
import { useApiItems, useApiList } from '../../api/hooks';
import type { Policy, Violation, ViolationState } from '../../api/types';
import { SeverityBadge } from '../../components/Badges';
import { EdgeName } from '../../components/EntityName';
import { FilterBar, SearchFilter, SelectFilter } from '../../components/FilterBar';
import { Icon } from '../../components/Icon';
import { MoreButton } from '../../components/MoreButton';
import { Empty, Failure, Loading } from '../../components/States';
import { RelativeTime } from '../../components/Time';
import { count, plural } from '../../format/numbers';
import { Page } from '../../shell/Page';
import { useFilters } from '../../url/filters';
import { useTimeWindow } from '../../url/window';
import { SEVERITIES, severityLabel } from '../../vocabulary/grades';
import { STATE_LABELS } from './states';
import { useLiveViolations } from './useLiveViolations';
import { ViolationPanel } from './ViolationPanel';

const FILTERS = ['q', 'severity', 'policy', 'namespace', 'edge'] as const;
const PLACE = ['state', 'violation'] as const;
const STATES: readonly ViolationState[] = ['active', 'snoozed', 'excluded', 'resolved'];
const SEVERITY_OPTIONS = SEVERITIES.map((severity) => [severity, severityLabel(severity)] as const);

export default function Violations() {
  const [timeWindow] = useTimeWindow();
  const [filters, setFilters] = useFilters(FILTERS);
  const [place, setPlace] = useFilters(PLACE);
  const state = STATES.find((name) => name === place.state) ?? 'active';
  const list = useApiList<Violation>('/violations', { ...timeWindow, ...filters, state });
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  useLiveViolations(list.refetch);
  const policies = useApiItems<Policy>('/policies');
  const policyOptions = useMemo(
    () => (policies.data ?? []).map(({ id, name }) => [id, name] as const),
    [policies.data],
  );
  const close = useCallback(() => setPlace({ violation: '' }), [setPlace]);
  const total = list.data?.pages[0]?.total ?? items.length;

  return (
    <Page
      title="Violations"
      actions={list.data && <span className="muted">{plural(total, 'violation')}</span>}
    >
      <div className="segmented" role="group" aria-label="State">
        {STATES.map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === state}
            onClick={() => setPlace({ state: name === 'active' ? '' : name, violation: '' })}
          >
            {STATE_LABELS[name]}
          </button>
        ))}
      </div>
      <FilterBar>
        <SearchFilter
          wide
          label="Search"
          placeholder="Message, workload, server name"
          value={filters.q}
          onChange={(q) => setFilters({ q })}
        />
        <SelectFilter
          label="Severity"
          value={filters.severity}
          options={SEVERITY_OPTIONS}
          onChange={(severity) => setFilters({ severity })}
        />
        <SearchFilter
          label="Namespace"
          placeholder="Whole name"
          value={filters.namespace}
          onChange={(namespace) => setFilters({ namespace })}
        />
        <SelectFilter
          label="Policy"
          value={filters.policy}
          options={policyOptions}
          onChange={(policy) => setFilters({ policy })}
        />
      </FilterBar>
      {filters.edge !== undefined && (
        <div className="active-filters">
          <span className="chip">
            Edge: <span className="mono truncate filter-value">{filters.edge}</span>
            <button
              type="button"
              aria-label="Remove filter Edge"
              onClick={() => setFilters({ edge: '' })}
            >
              <Icon name="close" size={11} />
            </button>
          </span>
        </div>
      )}
      <div className="card flush">
        {list.isPending && <Loading />}
        {list.data === undefined && list.error !== null && (
          <Failure error={list.error} retry={() => void list.refetch()} />
        )}
        {list.data !== undefined && items.length === 0 && (
          <NoViolations state={state} filtered={Object.keys(filters).length > 0} />
        )}
        {items.length > 0 && (
          <ViolationTable items={items} onOpen={(violation) => setPlace({ violation })} />
        )}
        <MoreButton list={list} />
      </div>
      {place.violation !== undefined && (
        <ViolationPanel key={place.violation} id={place.violation} onClose={close} />
      )}
    </Page>
  );
}

interface TableProps {
  items: readonly Violation[];
  onOpen: (id: string) => void;
}

function ViolationTable({ items, onOpen }: TableProps) {
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Severity</th>
            <th scope="col">What</th>
            <th scope="col" className="wide-only">
              Edge
            </th>
            <th scope="col">Last seen</th>
            <th scope="col" className="wide-only">
              Since
            </th>
            <th scope="col" className="num wide-only">
              Sessions
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.id}>
              <td>
                <SeverityBadge severity={item.severity} />
              </td>
              <td>
                <button type="button" className="link-button left" onClick={() => onOpen(item.id)}>
                  {item.message}
                </button>
                <small>{item.policy_name}</small>
                <small className="narrow-only">
                  <EdgeName edge={item.edge} />
                </small>
              </td>
              <td className="wide-only">
                <EdgeName edge={item.edge} />
              </td>
              <td>
                <RelativeTime time={item.last_seen} />
              </td>
              <td className="wide-only">
                <RelativeTime time={item.first_seen} />
              </td>
              <td className="num wide-only">{count(item.sessions)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NoViolations({ state, filtered }: { state: ViolationState; filtered: boolean }) {
  if (filtered) return <Empty title="No violation matches">Take a filter away.</Empty>;
  if (state !== 'active') {
    return <Empty title={`Nothing is ${STATE_LABELS[state].toLowerCase()}`} />;
  }
  return (
    <Empty title="No enabled policy is violated in this time window">
      That holds for what was observed: look at Agents for silent ones, and at Policies for packs
      that are switched off. Rules without evidence are unknown, and neither here nor passed.
    </Empty>
  );
}
