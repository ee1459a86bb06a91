import { useApi } from '../../api/hooks';
import type { Count, Overview as OverviewData } from '../../api/types';
import { GradeBadge } from '../../components/Badges';
import { BarList, everyGrade, GradeBar } from '../../components/Shares';
import { Empty, Loaded } from '../../components/States';
import { TimeChart } from '../../components/TimeChart';
import { count, share } from '../../format/numbers';
import { Page } from '../../shell/Page';
import { WindowLink } from '../../url/WindowLink';
import { useTimeWindow } from '../../url/window';
import { className, versionLabel } from '../../vocabulary/grades';
import { GRADE_SERIES } from '../../vocabulary/series';
import { CertificateCard, SourcesCard, ViolationsCard } from './Cards';
import { Headline } from './Headline';
import './overview.css';

/** How often the numbers are read again, in milliseconds: new sessions show within seconds. */
const REFRESH_MS = 4_000;

export default function Overview() {
  const [timeWindow] = useTimeWindow();
  const overview = useApi<OverviewData>('/overview', timeWindow, { refetchInterval: REFRESH_MS });
  return (
    <Page title="Overview">
      <Loaded query={overview}>{(data) => <Content data={data} />}</Loaded>
    </Page>
  );
}

function Content({ data }: { data: OverviewData }) {
  if (data.sessions === 0 && data.edges === 0) return <Nothing agents={data.sources.agents} />;
  return (
    <>
      <section className="card posture" aria-label="Posture">
        <Headline data={data} />
        <GradeBar counts={data.by_grade} />
        <GradeLegend counts={data.by_grade} />
      </section>
      <div className="overview-main">
        <section className="card">
          <header>
            <h2>Sessions over time</h2>
          </header>
          <TimeChart
            label="Sessions over time by grade"
            points={data.series}
            series={GRADE_SERIES}
          />
        </section>
        <ViolationsCard counts={data.violations} top={data.top_violations} />
      </div>
      <div className="overview-small">
        <CertificateCard certificates={data.certificates} />
        <SourcesCard sources={data.sources} losses={data.losses} />
        <section className="card">
          <header>
            <h2>Versions</h2>
          </header>
          <BarList
            label="Sessions by version"
            items={data.by_version}
            filter="version"
            nameOf={(name) => (name === 'unknown' ? 'No TLS, or not seen' : versionLabel(name))}
          />
        </section>
        <section className="card">
          <header>
            <h2>Key exchange</h2>
          </header>
          <BarList
            label="Sessions by key exchange class"
            items={data.by_class}
            filter="class"
            nameOf={className}
          />
        </section>
      </div>
      <div className="overview-wide">
        <section className="card">
          <header>
            <h2>Key exchange groups</h2>
          </header>
          <BarList mono label="Sessions by group" items={data.by_group} filter="group" />
        </section>
        <section className="card">
          <header>
            <h2>Cipher suites</h2>
          </header>
          <BarList mono label="Sessions by cipher suite" items={data.by_cipher} filter="cipher" />
        </section>
      </div>
    </>
  );
}

function GradeLegend({ counts }: { counts: readonly Count[] }) {
  const grades = everyGrade(counts);
  const total = grades.reduce((sum, item) => sum + item.count, 0);
  return (
    <ul className="posture-legend" aria-label="Sessions by grade">
      {grades.map((item) => (
        <li key={item.name}>
          <WindowLink to="/sessions" filters={{ grade: item.name }}>
            <GradeBadge grade={item.name} />
            <span>
              <span className="legend-count">{share(item.count, total)}</span>{' '}
              <span className="muted">{count(item.count)}</span>
            </span>
          </WindowLink>
        </li>
      ))}
    </ul>
  );
}

function Nothing({ agents }: { agents: number }) {
  if (agents > 0) {
    return (
      <div className="card">
        <Empty title="No TLS session in this time window" command="curl -sI https://example.com">
          An agent is connected and has seen none. Widen the time window above, or make a session:
        </Empty>
      </div>
    );
  }
  return (
    <div className="card">
      <Empty title="Nothing is being observed yet" command="tlsight up">
        No agent has sent anything to this server. On this machine one command starts both; with
        sample data, add <code>--demo</code>:
      </Empty>
    </div>
  );
}
