import { useApi } from '../../api/hooks';
import type { Certificate, Edge } from '../../api/types';
import { GradeBadge } from '../../components/Badges';
import { EdgeName } from '../../components/EntityName';
import { Panel } from '../../components/Panel';
import { Loaded } from '../../components/States';
import { RelativeTime } from '../../components/Time';
import { count } from '../../format/numbers';
import { exactTime } from '../../format/time';
import { WindowLink } from '../../url/WindowLink';
import { useTimeWindow } from '../../url/window';
import { Expiry } from './Expiry';

interface Props {
  fingerprint: string;
  onClose: () => void;
}

/** One certificate, and the edges that show it. */
export function CertificatePanel({ fingerprint, onClose }: Props) {
  const [timeWindow] = useTimeWindow();
  const certificate = useApi<Certificate>(
    `/certificates/${encodeURIComponent(fingerprint)}`,
    timeWindow,
  );
  const data = certificate.data;
  return (
    <Panel
      label="Certificate detail"
      onClose={onClose}
      title={
        <>
          <h2>{data?.names[0] ?? data?.subject ?? 'Certificate'}</h2>
          {data !== undefined && <Expiry days={data.days_left} />}
        </>
      }
    >
      <Loaded query={certificate}>
        {(item) => (
          <>
            <Facts item={item} />
            <UsedBy edges={item.used_by ?? []} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Facts({ item }: { item: Certificate }) {
  return (
    <dl className="facts">
      <dt>Subject</dt>
      <dd>{item.subject}</dd>
      <dt>Issuer</dt>
      <dd>{item.self_signed ? 'Self-signed' : item.issuer}</dd>
      <dt>Names</dt>
      <dd>
        {item.names.length === 0 ? (
          'None'
        ) : (
          <ul>
            {item.names.map((name) => (
              <li key={name}>{name}</li>
            ))}
          </ul>
        )}
      </dd>
      <dt>Valid</dt>
      <dd>
        {exactTime(item.not_before)} to {exactTime(item.not_after)}
      </dd>
      <dt>Key</dt>
      <dd>{[item.key_type, item.key_bits].filter((part) => part !== undefined).join(' ')}</dd>
      <dt>Signature</dt>
      <dd className="mono">{item.signature_algorithm}</dd>
      {item.serial !== undefined && (
        <>
          <dt>Serial number</dt>
          <dd className="mono">{item.serial}</dd>
        </>
      )}
      <dt>Fingerprint</dt>
      <dd className="mono">{item.fingerprint}</dd>
      <dt>Seen</dt>
      <dd>
        first <RelativeTime time={item.first_seen} />, last <RelativeTime time={item.last_seen} />,
        in{' '}
        <WindowLink to="/sessions" filters={{ certificate: item.fingerprint }}>
          {count(item.sessions)} sessions
        </WindowLink>
      </dd>
    </dl>
  );
}

function UsedBy({ edges }: { edges: readonly Edge[] }) {
  return (
    <section>
      <h3>Used on {count(edges.length)} edges</h3>
      {edges.length === 0 ? (
        <p className="muted">On none in this time window.</p>
      ) : (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Grade</th>
              <th scope="col">Edge</th>
              <th scope="col" className="num">
                Sessions
              </th>
            </tr>
          </thead>
          <tbody>
            {edges.map((edge) => (
              <tr key={edge.id}>
                <td>
                  <GradeBadge grade={edge.grade} short />
                </td>
                <td>
                  <WindowLink to="/network" filters={{ edge: edge.id }}>
                    <EdgeName edge={edge} />
                  </WindowLink>
                </td>
                <td className="num">{count(edge.sessions)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
