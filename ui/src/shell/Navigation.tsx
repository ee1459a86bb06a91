import { useAuth } from '../api/auth';
import { Icon, type IconName } from '../components/Icon';
import { WindowNavLink } from '../url/WindowLink';

interface Item {
  to: string;
  label: string;
  icon: IconName;
}

const GROUPS: readonly { title: string; items: readonly Item[] }[] = [
  {
    title: 'Observe',
    items: [
      { to: '/', label: 'Overview', icon: 'overview' },
      { to: '/network', label: 'Network graph', icon: 'network' },
      { to: '/sessions', label: 'Sessions', icon: 'sessions' },
      { to: '/certificates', label: 'Certificates', icon: 'certificate' },
    ],
  },
  {
    title: 'Judge',
    items: [
      { to: '/violations', label: 'Violations', icon: 'violation' },
      { to: '/policies', label: 'Policies', icon: 'policy' },
      { to: '/pqc', label: 'PQC readiness', icon: 'atom' },
      { to: '/reports', label: 'Reports', icon: 'report' },
    ],
  },
  {
    title: 'System',
    items: [
      { to: '/agents', label: 'Agents', icon: 'agent' },
      { to: '/settings', label: 'Settings', icon: 'settings' },
      { to: '/api', label: 'API', icon: 'api' },
    ],
  },
];

export function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const { info } = useAuth();
  return (
    <nav id="navigation" className="sidebar" aria-label="Main">
      <div className="wordmark">
        <img src="/favicon.svg" alt="" width="22" height="22" />
        tlsight
      </div>
      {GROUPS.map((group) => (
        <div key={group.title} className="nav-group">
          <h2 className="nav-title">{group.title}</h2>
          <ul>
            {group.items.map((item) => (
              <li key={item.to}>
                <WindowNavLink
                  to={item.to}
                  end={item.to === '/'}
                  className="nav-link"
                  onClick={onNavigate}
                >
                  <Icon name={item.icon} />
                  {item.label}
                </WindowNavLink>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <p className="nav-foot">
        {info.version} · <a href="/licences.txt">Licences</a>
      </p>
    </nav>
  );
}
