import { useParams } from 'react-router-dom';
import { useMay } from '../../api/auth';
import { useApi } from '../../api/hooks';
import type { Policy } from '../../api/types';
import { SeverityBadge } from '../../components/Badges';
import { Icon } from '../../components/Icon';
import { Empty, Loaded } from '../../components/States';
import { Page } from '../../shell/Page';
import { WindowLink } from '../../url/WindowLink';
import { DryRunCard } from './DryRunCard';
import { save } from './Exchange';
import { PolicyForm } from './PolicyForm';
import { PolicyView } from './PolicyView';
import { toStackrox } from './stackrox';
import './policies.css';

const NEW: Policy = {
  id: '',
  name: '',
  description: '',
  disabled: false,
  severity: 'medium',
  categories: [],
  policySections: [{ policyGroups: [{ fieldName: 'TLS Version', values: [{ value: '< 1.3' }] }] }],
};

/** One policy: those of packs to read, one's own to change. */
export default function EditPolicy() {
  const { id } = useParams();
  return id === undefined ? <NewPolicy /> : <KnownPolicy key={id} id={id} />;
}

function NewPolicy() {
  const may = useMay('operator');
  return (
    <Page title="New policy">
      {may ? <PolicyForm policy={NEW} /> : <Empty title="Only operators write policies" />}
    </Page>
  );
}

function KnownPolicy({ id }: { id: string }) {
  const may = useMay('operator');
  const policy = useApi<Policy>(`/policies/${encodeURIComponent(id)}`, {}, { staleTime: Infinity });
  const editable = may && policy.data?.pack === undefined;
  return (
    <Page
      title={policy.data?.name ?? 'Policy'}
      actions={
        policy.data && (
          <>
            <WindowLink to="/violations" filters={{ policy: id }} className="button">
              Violations
            </WindowLink>
            <button
              type="button"
              className="button"
              onClick={() => save(`${id}.json`, toStackrox([policy.data]))}
            >
              <Icon name="download" size={14} />
              Export
            </button>
          </>
        )
      }
    >
      <Loaded query={policy}>
        {(data) =>
          editable ? (
            <PolicyForm policy={data} />
          ) : (
            <>
              <div className="row">
                <SeverityBadge severity={data.severity} />
                {data.pack !== undefined && <span className="chip">Pack: {data.pack}</span>}
                {data.disabled && <span className="chip">Off</span>}
              </div>
              <PolicyView policy={data} />
              {may && <DryRunCard policy={data} />}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
