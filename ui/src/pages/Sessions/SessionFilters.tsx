import { FilterBar, SearchFilter, SelectFilter } from '../../components/FilterBar';
import { Icon } from '../../components/Icon';
import { className, GRADES, gradeTerms } from '../../vocabulary/grades';
import { type SessionFilter, type SessionFilterValues } from './matches';

const GRADE_OPTIONS = GRADES.map((grade) => [grade, gradeTerms(grade).label] as const);
const VERSIONS = ['1.3', '1.2', '1.1', '1.0', '3.0'].map(
  (version) => [version, version === '3.0' ? 'SSL 3.0' : version] as const,
);
const CLASSES = ['hybrid_pq', 'pq', 'classical', 'none'].map(
  (name) => [name, className(name)] as const,
);
const OUTCOMES = [
  ['success', 'Established'],
  ['failure', 'Failed'],
  ['unknown', 'Not seen'],
] as const;

/** Filters that come by link from other pages, and are shown only when they are set. */
const BY_LINK: readonly (readonly [SessionFilter, string])[] = [
  ['cipher', 'Cipher'],
  ['group', 'Group'],
  ['server_name', 'Server name'],
  ['ip', 'Address'],
  ['port', 'Port'],
  ['certificate', 'Certificate'],
  ['ja3', 'JA3'],
  ['ja4', 'JA4'],
  ['edge', 'Edge'],
];

interface Props {
  filters: SessionFilterValues;
  onChange: (changes: SessionFilterValues) => void;
}

export function SessionFilters({ filters, onChange }: Props) {
  const linked = BY_LINK.filter(([name]) => filters[name] !== undefined);
  return (
    <div className="stack tight">
      <FilterBar>
        <SearchFilter
          wide
          label="Search"
          placeholder="Name, address, workload, process"
          value={filters.q}
          onChange={(q) => onChange({ q })}
        />
        <SelectFilter
          label="Grade"
          value={filters.grade}
          options={GRADE_OPTIONS}
          onChange={(grade) => onChange({ grade })}
        />
        <SelectFilter
          label="Version"
          value={filters.version}
          options={VERSIONS}
          onChange={(version) => onChange({ version })}
        />
        <SelectFilter
          label="Key exchange"
          value={filters.class}
          options={CLASSES}
          onChange={(value) => onChange({ class: value })}
        />
        <SelectFilter
          label="Outcome"
          value={filters.outcome}
          options={OUTCOMES}
          onChange={(outcome) => onChange({ outcome })}
        />
        <SearchFilter
          label="Namespace"
          placeholder="Whole name"
          value={filters.namespace}
          onChange={(namespace) => onChange({ namespace })}
        />
        <SearchFilter
          label="Process"
          placeholder="Name or path"
          value={filters.process}
          onChange={(process) => onChange({ process })}
        />
      </FilterBar>
      {linked.length > 0 && (
        <div className="active-filters">
          {linked.map(([name, label]) => (
            <span key={name} className="chip">
              {label}: <span className="mono truncate filter-value">{filters[name]}</span>
              <button
                type="button"
                aria-label={`Remove filter ${label}`}
                onClick={() => onChange({ [name]: '' })}
              >
                <Icon name="close" size={11} />
              </button>
            </span>
          ))}
        </div>
      )}
    </div>
  );
}
