import type { Overview } from '../../api/types';
import { count, plural, share } from '../../format/numbers';
import { WindowLink } from '../../url/WindowLink';

/** The one sentence that a person opens this page for. */
export function Headline({ data }: { data: Overview }) {
  const of = (name: string) => data.by_grade.find((item) => item.name === name)?.count ?? 0;
  const graded = data.by_grade.reduce((sum, item) => sum + item.count, 0);
  const modern = of('tls13') + of('pq');
  const weak = of('plain') + of('legacy');
  return (
    <div className="headline">
      <p className="headline-text">
        <strong>{share(modern, graded)}</strong> of sessions use TLS 1.3,{' '}
        <strong>{share(of('pq'), graded)}</strong> a post-quantum key exchange.{' '}
        {weak > 0 ? (
          <>
            <strong>{share(weak, graded)}</strong> are legacy or unencrypted.
          </>
        ) : (
          'None is legacy or unencrypted.'
        )}
      </p>
      <ul className="headline-facts">
        <li>
          <WindowLink to="/sessions">{plural(data.sessions, 'session')}</WindowLink>
        </li>
        <li>
          <WindowLink to="/sessions" filters={{ outcome: 'failure' }}>
            {plural(data.failures, 'failed handshake')}
          </WindowLink>
        </li>
        <li>
          <WindowLink to="/network">
            {`${plural(data.edges, 'edge')} between ${count(data.entities)} entities`}
          </WindowLink>
        </li>
      </ul>
    </div>
  );
}
