import { useSearchParams } from 'react-router-dom';
import { useMay } from '../../api/auth';
import { useApiItems } from '../../api/hooks';
import type { Agent } from '../../api/types';
import { Empty, Loaded } from '../../components/States';
import { Page } from '../../shell/Page';
import { AgentPanel } from './AgentPanel';
import { AgentTable } from './AgentTable';
import { Enrolment } from './Enrolment';
import { Rollouts } from './Rollouts';
import './agents.css';

/** How often the list is read again, in milliseconds. */
const REFRESH_MS = 10_000;

export default function Agents() {
  const agents = useApiItems<Agent>('/agents', {}, { refetchInterval: REFRESH_MS });
  const [address, setAddress] = useSearchParams();
  const admin = useMay('admin');
  const open = (id: string | null) =>
    setAddress((before) => {
      const after = new URLSearchParams(before);
      if (id === null) after.delete('agent');
      else after.set('agent', id);
      return after;
    });
  const opened = agents.data?.find((agent) => agent.id === address.get('agent'));
  return (
    <Page
      title="Agents"
      lead="Where sessions are observed. A silent agent means that part of the network is not seen."
    >
      <div className="card flush">
        <Loaded query={agents}>
          {(items) =>
            items.length === 0 ? <NoAgents /> : <AgentTable agents={items} onOpen={open} />
          }
        </Loaded>
      </div>
      {admin && <Enrolment />}
      <Rollouts />
      {opened !== undefined && <AgentPanel agent={opened} onClose={() => open(null)} />}
    </Page>
  );
}

function NoAgents() {
  return (
    <Empty
      title="No agent has reported yet"
      command={`curl --data-binary @sessions.ndjson -H 'Content-Type: application/x-ndjson' -H 'Authorization: Bearer TOKEN' '${window.location.origin}/api/v1/import?host=HOST'`}
    >
      <code>tlsight up</code> watches the machine that it runs on. Others join by a token, which an
      administrator makes below or by <code>tlsight serve token</code>. What{' '}
      <code>tlsight read --json</code> wrote goes in with an API token of an operator:
    </Empty>
  );
}
