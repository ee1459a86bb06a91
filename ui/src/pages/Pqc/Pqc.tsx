import { useApi } from '../../api/hooks';
import type { PqcReadiness, ReadinessShare } from '../../api/types';
import { BarList } from '../../components/Shares';
import { Empty, Loaded } from '../../components/States';
import { TimeChart } from '../../components/TimeChart';
import { count, share } from '../../format/numbers';
import { Page } from '../../shell/Page';
import { useTimeWindow } from '../../url/window';
import { className } from '../../vocabulary/grades';
import { CLASS_SERIES } from '../../vocabulary/series';
import { Blockers } from './Blockers';
import { ShareTable } from './ShareTable';
import './pqc.css';

export default function Pqc() {
  const [timeWindow] = useTimeWindow();
  const readiness = useApi<PqcReadiness>('/pqc', timeWindow);
  return (
    <Page
      title="PQC readiness"
      lead="Traffic that is recorded today can be opened by a quantum computer later, unless its key exchange is post-quantum."
    >
      <Loaded query={readiness}>{(data) => <Content data={data} />}</Loaded>
    </Page>
  );
}

function Content({ data }: { data: PqcReadiness }) {
  if (data.total.edges === 0) {
    return (
      <div className="card">
        <Empty title="No session in this time window" command="tlsight up">
          Readiness is computed from what clients offer and servers choose. To observe this machine:
        </Empty>
      </div>
    );
  }
  const of = (name: string) => data.total.by_class.find((item) => item.name === name)?.count ?? 0;
  const ready = of('hybrid_pq') + of('pq');
  const blocked = Object.values(data.blockers).reduce((sum, edges) => sum + edges, 0);
  return (
    <>
      <div className="pqc-top">
        <section className="card pqc-share" aria-label="Share of post-quantum sessions">
          <p className="pqc-number">{share(ready, data.total.sessions)}</p>
          <p>
            of {count(data.total.sessions)} sessions have a post-quantum key exchange;{' '}
            {count(blocked)} of {count(data.total.edges)} edges stand in the way of the rest.
          </p>
          <BarList
            label="Sessions by key exchange class"
            items={data.total.by_class}
            nameOf={className}
            filter="class"
            fillOf={(name) => `fill-${name}`}
          />
        </section>
        <section className="card">
          <header>
            <h2>Key exchange over time</h2>
          </header>
          <TimeChart
            label="Sessions by key exchange class"
            points={data.series}
            series={CLASS_SERIES}
          />
        </section>
      </div>
      <ShareTable
        title="By namespace"
        what="Namespace of the server"
        rows={data.by_namespace}
        nameless="In no namespace"
        filter="namespace"
      />
      <Owners rows={data.by_owner} />
      <Blockers blockers={data.blockers} edges={data.edges} />
    </>
  );
}

function Owners({ rows }: { rows: readonly ReadinessShare[] }) {
  if (rows.every((row) => row.name === '')) {
    return (
      <section className="card">
        <header>
          <h2>By owner</h2>
        </header>
        <p className="muted">
          No owner is told. It is the label <code>owner</code>, <code>team</code> or{' '}
          <code>app.kubernetes.io/part-of</code> of the server’s pod, if the agent runs with{' '}
          <code>--pod-label</code> and its name.
        </p>
      </section>
    );
  }
  return <ShareTable title="By owner" what="Owner of the server" rows={rows} nameless="Not told" />;
}
