import type { EdgePosture, Posture } from '../api/types';
import { count } from '../format/numbers';
import { WindowLink } from '../url/WindowLink';
import { versionLabel } from '../vocabulary/grades';
import { GradeBadge } from './Badges';
import { KeyExchange } from './KeyExchange';
import { Day, RelativeTime } from './Time';

const CERTIFICATE_STATES = {
  visible: 'Visible',
  encrypted: 'Encrypted by TLS 1.3, so not seen',
  resumed: 'Not sent: the session was resumed',
  absent: 'None',
};

/** One posture of an edge: all that policies judge. */
export function PostureCard({ item }: { item: EdgePosture }) {
  const { posture } = item;
  return (
    <div className="card posture-card">
      <header>
        <GradeBadge grade={posture.grade} />
        <p>
          {count(item.sessions)} sessions, last <RelativeTime time={item.last_seen} />
        </p>
      </header>
      <PostureFacts posture={posture} />
    </div>
  );
}

/** The content of a posture; what was not seen is said, never left to be guessed. */
export function PostureFacts({ posture }: { posture: Posture }) {
  const { certificate } = posture;
  const key = [certificate.key_type, certificate.key_bits].filter((part) => part !== undefined);
  return (
    <dl className="facts">
      <dt>Version</dt>
      <dd>
        {posture.version === undefined
          ? 'No TLS seen'
          : versionLabel(posture.version, posture.version_protocol)}
        {posture.carrier === 'quic' && ' over QUIC'}
        {posture.starttls !== undefined && ` after STARTTLS (${posture.starttls})`}
      </dd>
      <dt>Cipher suite</dt>
      <dd className="mono">{posture.cipher ?? '–'}</dd>
      <dt>Key exchange</dt>
      <dd>
        <KeyExchange of={posture} />
      </dd>
      <dt>Forward secrecy</dt>
      <dd>
        {posture.forward_secret === undefined ? 'Unknown' : posture.forward_secret ? 'Yes' : 'No'}
      </dd>
      <dt>Certificate</dt>
      <dd>
        {certificate.fingerprint === undefined ? (
          CERTIFICATE_STATES[certificate.state]
        ) : (
          <>
            <WindowLink to={`/certificates/${certificate.fingerprint}`} className="mono">
              {certificate.fingerprint.slice(0, 16)}
            </WindowLink>
            {key.length > 0 && `, ${key.join(' ')}`}
            {certificate.not_after !== undefined && (
              <>
                , until <Day time={certificate.not_after} />
              </>
            )}
            {certificate.self_signed === true && ', self-signed'}
            {certificate.sni_match === false && ', does not match the server name'}
          </>
        )}
      </dd>
      {posture.signature_algorithm !== undefined && (
        <>
          <dt>Signature</dt>
          <dd className="mono">{posture.signature_algorithm}</dd>
        </>
      )}
      {posture.alpn !== undefined && (
        <>
          <dt>ALPN</dt>
          <dd className="mono">{posture.alpn}</dd>
        </>
      )}
      <dt>Evidence</dt>
      <dd>{posture.evidence}</dd>
    </dl>
  );
}
