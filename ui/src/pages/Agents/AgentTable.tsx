import type { Agent } from '../../api/types';
import { RelativeTime } from '../../components/Time';
import { count, plural } from '../../format/numbers';
import { duration } from '../../format/time';
import { Labels } from './Labels';
import { STATES } from './states';

interface Props {
  agents: readonly Agent[];
  onOpen: (id: string) => void;
}

export function AgentTable({ agents, onOpen }: Props) {
  return (
    <div className="table-scroll">
      <table className="table stacked">
        <thead>
          <tr>
            <th scope="col">Host</th>
            <th scope="col">State</th>
            <th scope="col">Last seen</th>
            <th scope="col">Lag</th>
            <th scope="col" className="wide-only">
              Version
            </th>
            <th scope="col" className="wide-only">
              Labels
            </th>
            <th scope="col" className="num wide-only">
              Sessions
            </th>
            <th scope="col">Losses</th>
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <tr key={agent.id}>
              <td className="wrap-anywhere">
                <button type="button" className="link-button left" onClick={() => onOpen(agent.id)}>
                  {agent.host === '' ? agent.id : agent.host}
                </button>
                <small className="mono">{agent.id}</small>
              </td>
              <td>
                <State agent={agent} />
              </td>
              <td data-label="Last seen">
                <RelativeTime time={agent.last_seen} />
              </td>
              <td data-label="Lag">
                <Lag agent={agent} />
              </td>
              <td className="mono wide-only">{agent.version}</td>
              <td className="wide-only">
                {agent.member === undefined ? null : <Labels labels={agent.member.labels} />}
              </td>
              <td className="num wide-only">{count(agent.sessions)}</td>
              <td data-label="Losses">
                <Losses agent={agent} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The worst of what is the matter, and why. */
export function State({ agent }: { agent: Agent }) {
  const { label, tone } = STATES[agent.state];
  const [worst, ...others] = agent.troubles;
  return (
    <>
      <span className={`badge plain-label ${tone}`}>{label}</span>
      {worst !== undefined && (
        <small className="wrap-anywhere">
          {worst.reason}
          {others.length > 0 && `; ${plural(others.length, 'more trouble')}`}
        </small>
      )}
    </>
  );
}

function Lag({ agent: { member } }: { agent: Agent }) {
  if (member === undefined) return <span className="muted">–</span>;
  if (member.lag_ms === undefined) return <span className="muted">None</span>;
  return (
    <span
      className="nowrap"
      title={`${plural(member.spooled_batches, 'batch', 'batches')} wait with it`}
    >
      {duration(member.lag_ms)}
    </span>
  );
}

export function Losses({ agent }: { agent: Agent }) {
  if (agent.losses.length === 0) return <span className="muted">None</span>;
  return (
    <ul>
      {agent.losses.map((loss) => (
        <li key={loss.name}>
          <span className="mono">{loss.name}</span> {count(loss.count)}
        </li>
      ))}
    </ul>
  );
}
