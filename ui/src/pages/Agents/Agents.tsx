import { useApiItems } from '../../api/hooks';
import type { Agent } from '../../api/types';
import { Empty, Loaded } from '../../components/States';
import { RelativeTime } from '../../components/Time';
import { count } from '../../format/numbers';
import { Page } from '../../shell/Page';

/** How often the list is read again, in milliseconds. */
const REFRESH_MS = 10_000;

export default function Agents() {
  const agents = useApiItems<Agent>('/agents', {}, { refetchInterval: REFRESH_MS });
  return (
    <Page
      title="Agents"
      lead="Where sessions are observed. A silent agent means that part of the network is not seen."
    >
      <div className="card flush">
        <Loaded query={agents}>
          {(items) => (items.length === 0 ? <NoAgents /> : <AgentTable agents={items} />)}
        </Loaded>
      </div>
    </Page>
  );
}

function NoAgents() {
  return (
    <Empty
      title="No agent has reported yet"
      command={`curl --data-binary @sessions.ndjson -H 'Content-Type: application/x-ndjson' -H 'Authorization: Bearer TOKEN' '${window.location.origin}/api/v1/import?host=HOST'`}
    >
      <code>tlsight up</code> watches the machine that it runs on. What <code>tlsight agent</code>{' '}
      or <code>tlsight read --json</code> wrote on others goes in with an API token of an operator:
    </Empty>
  );
}

function AgentTable({ agents }: { agents: readonly Agent[] }) {
  return (
    <div className="table-scroll">
      <table className="table stacked">
        <thead>
          <tr>
            <th scope="col">Host</th>
            <th scope="col">State</th>
            <th scope="col">Last seen</th>
            <th scope="col" className="wide-only">
              Since
            </th>
            <th scope="col" className="wide-only">
              Version
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
              <td>
                {agent.host}
                <small className="mono">{agent.id}</small>
              </td>
              <td>
                <span
                  className={`badge plain-label ${agent.state === 'live' ? 'tone-good' : 'tone-warn'}`}
                >
                  {agent.state === 'live' ? 'Live' : 'Silent'}
                </span>
              </td>
              <td data-label="Last seen">
                <RelativeTime time={agent.last_seen} />
              </td>
              <td className="wide-only">
                <RelativeTime time={agent.first_seen} />
              </td>
              <td className="mono wide-only">{agent.version}</td>
              <td className="num wide-only">{count(agent.sessions)}</td>
              <td data-label="Losses">
                {agent.losses.length === 0 ? (
                  <span className="muted">None</span>
                ) : (
                  <ul>
                    {agent.losses.map((loss) => (
                      <li key={loss.name}>
                        <span className="mono">{loss.name}</span> {count(loss.count)}
                      </li>
                    ))}
                  </ul>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
