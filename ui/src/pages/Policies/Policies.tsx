import { useMay } from '../../api/auth';
import { useApiItems } from '../../api/hooks';
import type { Pack, Policy } from '../../api/types';
import { FilterBar, SearchFilter, SelectFilter } from '../../components/FilterBar';
import { Icon } from '../../components/Icon';
import { Empty, Loaded } from '../../components/States';
import { Page } from '../../shell/Page';
import { useFilters } from '../../url/filters';
import { WindowLink } from '../../url/WindowLink';
import { SEVERITIES, severityLabel } from '../../vocabulary/grades';
import { Exchange } from './Exchange';
import { PackCard } from './PackCard';
import { PolicyTable } from './PolicyTable';
import './policies.css';

const FILTERS = ['q', 'severity', 'enabled'] as const;
const SEVERITY_OPTIONS = SEVERITIES.map((severity) => [severity, severityLabel(severity)] as const);
const ENABLED = [
  ['yes', 'On'],
  ['no', 'Off'],
] as const;

export default function Policies() {
  const policies = useApiItems<Policy>('/policies');
  const packs = useApiItems<Pack>('/packs');
  const may = useMay('operator');
  const [filters, setFilters] = useFilters(FILTERS);

  const matches = (policy: Policy) => {
    const text = `${policy.name} ${policy.description} ${policy.source ?? ''}`.toLowerCase();
    return (
      (filters.q === undefined || text.includes(filters.q.toLowerCase())) &&
      (filters.severity === undefined || policy.severity === filters.severity) &&
      (filters.enabled === undefined || policy.disabled === (filters.enabled === 'no'))
    );
  };
  const filtered = Object.keys(filters).length > 0;

  return (
    <Page
      title="Policies"
      lead="Rules that every posture is judged by. Each answers pass, fail or unknown; without evidence it is unknown."
      actions={
        may && (
          <>
            <Exchange policies={policies.data ?? []} />
            <WindowLink to="/policies/new" className="button primary">
              <Icon name="plus" size={14} />
              New policy
            </WindowLink>
          </>
        )
      }
    >
      <FilterBar>
        <SearchFilter
          wide
          label="Search"
          placeholder="Name, description, standard"
          value={filters.q}
          onChange={(q) => setFilters({ q })}
        />
        <SelectFilter
          label="Severity"
          value={filters.severity}
          options={SEVERITY_OPTIONS}
          onChange={(severity) => setFilters({ severity })}
        />
        <SelectFilter
          label="Switched"
          value={filters.enabled}
          options={ENABLED}
          onChange={(enabled) => setFilters({ enabled })}
        />
      </FilterBar>
      <Loaded query={policies}>
        {(all) => (
          <>
            <section className="card flush">
              <header>
                <h2>Your policies</h2>
              </header>
              <PolicyTable
                policies={all.filter((policy) => policy.pack === undefined && matches(policy))}
                empty={
                  <Empty
                    title={filtered ? 'None of your policies matches' : 'You have written none yet'}
                  >
                    {may
                      ? 'Make one with “New policy”, or import those that you have in StackRox.'
                      : 'Operators can write policies.'}
                  </Empty>
                }
              />
            </section>
            <Loaded query={packs}>
              {(list) => (
                <section className="stack" aria-labelledby="packs">
                  <h2 id="packs">Packs</h2>
                  {list.map((pack) => (
                    <PackCard
                      key={pack.id}
                      pack={pack}
                      policies={all.filter((policy) => policy.pack === pack.id && matches(policy))}
                      open={filtered}
                    />
                  ))}
                </section>
              )}
            </Loaded>
          </>
        )}
      </Loaded>
    </Page>
  );
}
