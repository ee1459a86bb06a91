import { useParams } from 'react-router-dom';
import { useMay } from '../../api/auth';
import { Empty } from '../../components/States';
import { Page } from '../../shell/Page';
import { WindowNavLink } from '../../url/WindowLink';
import { Audit } from './Audit';
import { Notifiers } from './Notifiers';
import { Store } from './Store';
import { Tokens } from './Tokens';
import { Users } from './Users';
import './settings.css';

const TABS = [
  { id: 'store', label: 'Store', content: Store, admin: false },
  { id: 'notifiers', label: 'Notifiers', content: Notifiers, admin: false },
  { id: 'users', label: 'Users', content: Users, admin: true },
  { id: 'tokens', label: 'API tokens', content: Tokens, admin: true },
  { id: 'audit', label: 'Audit log', content: Audit, admin: true },
] as const;

export default function Settings() {
  const { tab = 'store' } = useParams();
  const admin = useMay('admin');
  const shown = TABS.filter((item) => admin || !item.admin);
  const active = shown.find((item) => item.id === tab);
  const Content = active?.content;
  return (
    <Page title="Settings">
      <nav className="segmented tabs" aria-label="Settings">
        {shown.map((item) => (
          <WindowNavLink
            key={item.id}
            to={item.id === 'store' ? '/settings' : `/settings/${item.id}`}
            end
          >
            {item.label}
          </WindowNavLink>
        ))}
      </nav>
      {Content === undefined ? (
        <div className="card">
          <Empty title="Only administrators see this" />
        </div>
      ) : (
        <Content />
      )}
    </Page>
  );
}
