import type { ReactNode } from 'react';
import { useMay } from '../../api/auth';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import type { Policy } from '../../api/types';
import { SeverityBadge } from '../../components/Badges';
import { Switch } from '../../components/Field';
import { WindowLink } from '../../url/WindowLink';
import { AFFECTED } from './PackCard';

interface Props {
  policies: readonly Policy[];
  /** The whole pack is off. */
  inactive?: boolean;
  empty: ReactNode;
}

export function PolicyTable({ policies, inactive = false, empty }: Props) {
  if (policies.length === 0) return <>{empty}</>;
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Policy</th>
            <th scope="col">Severity</th>
            <th scope="col" className="wide-only">
              Source
            </th>
            <th scope="col">On</th>
          </tr>
        </thead>
        <tbody>
          {policies.map((policy) => (
            <Row key={policy.id} policy={policy} inactive={inactive} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ policy, inactive }: { policy: Policy; inactive: boolean }) {
  const may = useMay('operator');
  const change = useChange(
    (disabled: boolean) =>
      send('PUT', `/policies/${encodeURIComponent(policy.id)}`, { ...policy, disabled }),
    AFFECTED,
  );
  return (
    <tr>
      <td>
        <WindowLink to={`/policies/${encodeURIComponent(policy.id)}`}>{policy.name}</WindowLink>
        <small>{policy.description}</small>
        {change.error !== null && (
          <small className="outcome-bad" role="alert">
            {change.error.message}
          </small>
        )}
      </td>
      <td>
        <SeverityBadge severity={policy.severity} />
      </td>
      <td className="muted wide-only">{policy.source ?? 'Your own'}</td>
      <td>
        {may ? (
          <Switch
            label={`Policy ${policy.name}`}
            hideLabel
            checked={!(change.isPending ? change.variables : policy.disabled)}
            disabled={change.isPending || inactive}
            onChange={(on) => change.mutate(!on)}
          />
        ) : (
          <span className="chip">{policy.disabled || inactive ? 'Off' : 'On'}</span>
        )}
      </td>
    </tr>
  );
}
