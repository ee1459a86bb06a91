import type { Count, Overview, Severity, Violation } from '../../api/types';
import { SeverityBadge } from '../../components/Badges';
import { EdgeName } from '../../components/EntityName';
import { RelativeTime } from '../../components/Time';
import { count, plural } from '../../format/numbers';
import { WindowLink } from '../../url/WindowLink';
import { SEVERITIES, severityLabel } from '../../vocabulary/grades';

interface ViolationsProps {
  counts: Record<Severity, number>;
  top: readonly Violation[];
}

export function ViolationsCard({ counts, top }: ViolationsProps) {
  return (
    <section className="card">
      <header>
        <h2>Violations</h2>
        <WindowLink to="/violations">All violations</WindowLink>
      </header>
      <dl className="severity-counts">
        {SEVERITIES.map((severity) => (
          <div key={severity} className={counts[severity] > 0 ? `severity-${severity}` : 'zero'}>
            <dt>{severityLabel(severity)}</dt>
            <dd>
              <WindowLink to="/violations" filters={{ severity }}>
                {count(counts[severity])}
              </WindowLink>
            </dd>
          </div>
        ))}
      </dl>
      {top.length === 0 ? (
        <p className="muted">No enabled policy is violated.</p>
      ) : (
        <ul className="top-violations">
          {top.map((violation) => (
            <li key={violation.id}>
              <SeverityBadge severity={violation.severity} />
              <div>
                <WindowLink to="/violations" filters={{ violation: violation.id }}>
                  {violation.message}
                </WindowLink>
                <div className="muted truncate">
                  <EdgeName edge={violation.edge} />
                </div>
              </div>
              <span className="muted">
                <RelativeTime time={violation.last_seen} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function CertificateCard({ certificates }: { certificates: Overview['certificates'] }) {
  const rows = [
    ['Expired', certificates.expired, 'expired', 'bad'],
    ['Expire within 7 days', certificates.expiring_7, 'expiring', 'bad'],
    ['Expire within 30 days', certificates.expiring_30, 'expiring', 'warn'],
  ] as const;
  return (
    <section className="card">
      <header>
        <h2>Certificates</h2>
        <WindowLink to="/certificates">{`${count(certificates.total)} seen`}</WindowLink>
      </header>
      {certificates.total === 0 ? (
        <p className="muted">
          None was visible. TLS 1.3 hides certificates from a passive observer.
        </p>
      ) : (
        <ul className="figure-rows">
          {rows.map(([label, value, state, tone]) => (
            <li key={label}>
              <WindowLink to="/certificates" filters={{ state }}>
                {label}
              </WindowLink>
              <strong className={value > 0 ? `num text-${tone}` : 'num muted'}>
                {count(value)}
              </strong>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface SourcesProps {
  sources: Overview['sources'];
  losses: readonly Count[];
}

export function SourcesCard({ sources, losses }: SourcesProps) {
  return (
    <section className="card">
      <header>
        <h2>Completeness</h2>
        <WindowLink to="/agents">{plural(sources.agents, 'agent')}</WindowLink>
      </header>
      <ul className="figure-rows">
        <li>
          <span>Silent agents</span>
          <strong className={sources.silent_agents > 0 ? 'num text-warn' : 'num muted'}>
            {count(sources.silent_agents)}
          </strong>
        </li>
        {losses.map((loss) => (
          <li key={loss.name}>
            <span>
              Lost: <span className="mono">{loss.name}</span>
            </span>
            <strong className="num text-warn">{count(loss.count)}</strong>
          </li>
        ))}
      </ul>
      {losses.length === 0 && <p className="muted">Nothing was lost in this time window.</p>}
    </section>
  );
}
