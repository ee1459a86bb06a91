import { useCallback, useMemo } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router-dom';
import { useApiList } from '../../api/hooks';
import type { Certificate } from '../../api/types';
import { FilterBar, SearchFilter, SelectFilter } from '../../components/FilterBar';
import { MoreButton } from '../../components/MoreButton';
import { Empty, Failure, Loading } from '../../components/States';
import { Day } from '../../components/Time';
import { count, plural } from '../../format/numbers';
import { Page } from '../../shell/Page';
import { useFilters } from '../../url/filters';
import { WindowLink } from '../../url/WindowLink';
import { useTimeWindow } from '../../url/window';
import { CertificatePanel } from './CertificatePanel';
import { Expiry } from './Expiry';

const FILTERS = ['q', 'state'] as const;
const STATES = [
  ['expired', 'Expired'],
  ['expiring', 'Expires within 30 days'],
  ['valid', 'Valid'],
] as const;

export default function Certificates() {
  const { fingerprint } = useParams();
  const [parameters] = useSearchParams();
  const navigate = useNavigate();
  const [timeWindow] = useTimeWindow();
  const [filters, setFilters] = useFilters(FILTERS);
  const list = useApiList<Certificate>('/certificates', {
    ...timeWindow,
    ...filters,
    sort: 'not_after',
  });
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total ?? items.length;
  const search = parameters.toString();
  const close = useCallback(() => {
    void navigate({ pathname: '/certificates', search });
  }, [navigate, search]);

  return (
    <Page
      title="Certificates"
      lead="What servers showed, the next to expire first. TLS 1.3 encrypts certificates; those are listed only where an endpoint or an older version showed them."
      actions={list.data && <span className="muted">{plural(total, 'certificate')}</span>}
    >
      <FilterBar>
        <SearchFilter
          wide
          label="Search"
          placeholder="Subject, name, issuer, fingerprint"
          value={filters.q}
          onChange={(q) => setFilters({ q })}
        />
        <SelectFilter
          label="State"
          value={filters.state}
          options={STATES}
          onChange={(state) => setFilters({ state })}
        />
      </FilterBar>
      <div className="card flush">
        {list.isPending && <Loading />}
        {list.data === undefined && list.error !== null && (
          <Failure error={list.error} retry={() => void list.refetch()} />
        )}
        {list.data !== undefined && items.length === 0 && (
          <NoCertificates filtered={Object.keys(filters).length > 0} />
        )}
        {items.length > 0 && <CertificateTable items={items} />}
        <MoreButton list={list} />
      </div>
      {fingerprint !== undefined && <CertificatePanel fingerprint={fingerprint} onClose={close} />}
    </Page>
  );
}

function CertificateTable({ items }: { items: readonly Certificate[] }) {
  const [parameters] = useSearchParams();
  const kept = { q: parameters.get('q') ?? undefined, state: parameters.get('state') ?? undefined };
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Subject</th>
            <th scope="col">Expires</th>
            <th scope="col" className="wide-only">
              Issuer
            </th>
            <th scope="col" className="wide-only">
              Key
            </th>
            <th scope="col" className="wide-only">
              Signature
            </th>
            <th scope="col" className="num wide-only">
              Sessions
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.fingerprint}>
              <td className="wrap-anywhere">
                <WindowLink to={`/certificates/${item.fingerprint}`} filters={kept}>
                  {item.subject === '' ? (item.names[0] ?? item.fingerprint) : item.subject}
                </WindowLink>
                <small className="wrap-anywhere">{item.names.join(', ')}</small>
              </td>
              <td className="nowrap">
                <Expiry days={item.days_left} />
                <small>
                  <Day time={item.not_after} />
                </small>
              </td>
              <td className="wrap-anywhere wide-only">
                {item.self_signed ? 'Self-signed' : item.issuer}
              </td>
              <td className="nowrap wide-only">
                {item.key_type} {item.key_bits}
              </td>
              <td className="mono wide-only">{item.signature_algorithm}</td>
              <td className="num wide-only">{count(item.sessions)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NoCertificates({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return <Empty title="No certificate matches">Take a filter away.</Empty>;
  }
  return (
    <Empty title="No certificate seen yet" command="sudo tlsight up">
      Certificates of servers are seen up to TLS 1.2; TLS 1.3 encrypts them. To observe this
      machine:
    </Empty>
  );
}
