import { useApi } from '../../api/hooks';
import type { Edge, GraphNode, Page } from '../../api/types';
import { GradeBadge } from '../../components/Badges';
import { EdgeName } from '../../components/EntityName';
import { Panel } from '../../components/Panel';
import { Loaded } from '../../components/States';
import { count } from '../../format/numbers';
import { useTimeWindow } from '../../url/window';

interface Props {
  id: string;
  node: GraphNode | undefined;
  onPick: (edge: string) => void;
  onClose: () => void;
}

/** One entity: what it is, whom it calls, who calls it. */
export function EntityPanel({ id, node, onPick, onClose }: Props) {
  const [timeWindow] = useTimeWindow();
  const out = useApi<Page<Edge>>('/edges', { ...timeWindow, source: id });
  const into = useApi<Page<Edge>>('/edges', { ...timeWindow, destination: id });
  const facts = [
    ['Kind', node?.workload_kind ?? node?.kind],
    ['Namespace', node?.namespace],
    ['Image', node?.image],
    ['Executable', node?.executable],
    ['Address', node?.ip],
    ['Identifier', id],
  ] as const;
  return (
    <Panel
      label="Entity detail"
      onClose={onClose}
      title={
        <>
          <h2>{node?.name ?? id}</h2>
          {node !== undefined && <GradeBadge grade={node.grade} />}
        </>
      }
    >
      <dl className="facts">
        {facts
          .filter(([, value]) => value !== undefined)
          .map(([label, value]) => (
            <div key={label} className="contents">
              <dt>{label}</dt>
              <dd className={label === 'Kind' ? undefined : 'mono'}>{value}</dd>
            </div>
          ))}
      </dl>
      <Loaded query={into}>
        {(page) => <Edges title="Called by" page={page} onPick={onPick} />}
      </Loaded>
      <Loaded query={out}>{(page) => <Edges title="Calls" page={page} onPick={onPick} />}</Loaded>
    </Panel>
  );
}

interface EdgesProps {
  title: string;
  page: Page<Edge>;
  onPick: (edge: string) => void;
}

function Edges({ title, page, onPick }: EdgesProps) {
  return (
    <section>
      <h3>{`${title} (${count(page.total ?? page.items.length)})`}</h3>
      {page.items.length === 0 ? (
        <p className="muted">Nobody in this time window.</p>
      ) : (
        <ul className="mini-list">
          {page.items.map((edge) => (
            <li key={edge.id} className="mini-edge">
              <GradeBadge grade={edge.grade} short />
              <button type="button" className="link-button" onClick={() => onPick(edge.id)}>
                <EdgeName edge={edge} />
              </button>
              <span className="num muted">{count(edge.sessions)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
