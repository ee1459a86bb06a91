import type { ReactNode } from 'react';
import { useMay } from '../../api/auth';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import type { Agent, Member } from '../../api/types';
import { ConfirmButton } from '../../components/ConfirmButton';
import { Panel } from '../../components/Panel';
import { Day, RelativeTime } from '../../components/Time';
import { bytes, count } from '../../format/numbers';
import { duration } from '../../format/time';
import { Losses } from './AgentTable';
import { Labels } from './Labels';
import { STATES, capability } from './states';

interface Props {
  agent: Agent;
  onClose: () => void;
}

/** All that is known of an agent, and what to do about it. */
export function AgentPanel({ agent, onClose }: Props) {
  return (
    <Panel title={<h2>{agent.host}</h2>} label="Agent detail" onClose={onClose}>
      <section>
        <h3>State</h3>
        {agent.troubles.length === 0 ? (
          <p>All is well.</p>
        ) : (
          <ul className="stack">
            {agent.troubles.map((trouble) => (
              <li key={trouble.state}>
                <span className={`badge plain-label ${STATES[trouble.state].tone}`}>
                  {STATES[trouble.state].label}
                </span>{' '}
                <span className="wrap-anywhere">{trouble.reason}</span>
              </li>
            ))}
          </ul>
        )}
      </section>
      <section>
        <h3>What it is</h3>
        <dl className="facts">
          <Fact name="Name">
            <span className="mono wrap-anywhere">{agent.id}</span>
          </Fact>
          <Fact name="Version">{agent.version === '' ? 'Unknown' : agent.version}</Fact>
          <Fact name="First seen">
            <Day time={agent.first_seen} />
          </Fact>
          <Fact name="Last seen">
            <RelativeTime time={agent.last_seen} />
          </Fact>
          <Fact name="Sessions">{count(agent.sessions)}</Fact>
          <Fact name="Losses">
            <Losses agent={agent} />
          </Fact>
          {agent.member !== undefined && <MemberFacts member={agent.member} />}
        </dl>
      </section>
      {agent.member !== undefined && agent.state !== 'revoked' && <Revoke agent={agent} />}
    </Panel>
  );
}

function MemberFacts({ member }: { member: Member }) {
  const settings = member.settings_revision === 0 ? 'Its own' : `${member.settings_revision}`;
  const wanted = member.settings_asked === 0 ? 'its own' : `${member.settings_asked}`;
  return (
    <>
      <Fact name="Connected">{member.connected ? `From ${member.address}` : 'No'}</Fact>
      <Fact name="Labels">
        <Labels labels={member.labels} />
      </Fact>
      <Fact name="Sees">
        {member.capability === '' ? 'Unknown' : capability(member.capability)}
      </Fact>
      {member.missing.length > 0 && (
        <Fact name="Lacks">
          <ul>
            {member.missing.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </Fact>
      )}
      <Fact name="Lag">{member.lag_ms === undefined ? 'None' : duration(member.lag_ms)}</Fact>
      <Fact name="Waits with it">
        {count(member.spooled_batches)} batches, {bytes(member.spooled_bytes)}
      </Fact>
      <Fact name="Clock">{clock(member.clock_ahead_ms)}</Fact>
      <Fact name="CPU">
        {member.cpu_permille === undefined ? 'Unknown' : `${member.cpu_permille / 10}% of a core`}
      </Fact>
      <Fact name="Memory">{bytes(member.resident_bytes)}</Fact>
      <Fact name="Settings">
        {settings === wanted || member.settings_revision === member.settings_asked
          ? settings
          : `${settings}, is to have ${wanted}`}
      </Fact>
      <Fact name="Policies">{member.has_policies ? 'Those of this server' : 'Others'}</Fact>
      <Fact name="Refused">
        {count(member.malformed_batches)} batches, {count(member.rejected_lines)} lines
      </Fact>
      <Fact name="Enrolled">
        <Day time={member.enrolled} /> by token <span className="mono">{member.token}</span>
      </Fact>
      <Fact name="Certificate ends">
        <Day time={member.certificate_not_after} />
      </Fact>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Revoke({ agent }: { agent: Agent }) {
  const may = useMay('operator');
  const revoke = useChange(
    () => send('POST', `/agents/${encodeURIComponent(agent.id)}/revoke`),
    ['/agents'],
  );
  if (!may) return null;
  return (
    <section>
      {revoke.error !== null && (
        <p className="notice bad" role="alert">
          {revoke.error.message}
        </p>
      )}
      <ConfirmButton
        label="Revoke"
        subject={agent.host}
        question={`Revoke the agent on “${agent.host}”?`}
        consequence="Its connection ends at once and its certificate is good for nothing. To let the machine in again, have it join with a new token."
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate(undefined)}
      />
    </section>
  );
}

/** `12 s ahead`. */
function clock(aheadMs: number): string {
  if (Math.abs(aheadMs) < 1000) return 'Right to the second';
  return `${duration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead' : 'behind'}`;
}
