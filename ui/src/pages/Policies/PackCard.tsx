import { useMay } from '../../api/auth';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import type { Pack, Policy } from '../../api/types';
import { Switch } from '../../components/Field';
import { plural } from '../../format/numbers';
import { PolicyTable } from './PolicyTable';

/** What switching a pack or a policy changes elsewhere. */
export const AFFECTED = [
  '/packs',
  '/policies',
  '/violations',
  '/overview',
  '/edges',
  '/graph',
] as const;

interface Props {
  pack: Pack;
  policies: readonly Policy[];
  /** Shows the policies at once: something was searched for. */
  open: boolean;
}

/** A pack: where it comes from, its switch, its policies. */
export function PackCard({ pack, policies, open }: Props) {
  const may = useMay('operator');
  const change = useChange(
    (enabled: boolean) => send('PUT', `/packs/${encodeURIComponent(pack.id)}`, { enabled }),
    AFFECTED,
  );
  if (open && policies.length === 0) return null;
  return (
    <article className={pack.enabled ? 'card flush' : 'card flush pack-off'}>
      <header className="pack-head">
        <div>
          <h3>{pack.name}</h3>
          <p>{pack.description}</p>
          <p className="pack-source">
            {pack.source.replace(/\.$/, '')}. Pack of {pack.version}.
          </p>
        </div>
        {may ? (
          <Switch
            label={`Pack ${pack.name}`}
            hideLabel
            checked={change.isPending ? change.variables : pack.enabled}
            disabled={change.isPending}
            onChange={(enabled) => change.mutate(enabled)}
          />
        ) : (
          <span className="chip">{pack.enabled ? 'On' : 'Off'}</span>
        )}
      </header>
      {change.error !== null && (
        <p className="notice bad" role="alert">
          {change.error.message}
        </p>
      )}
      <details className="pack-policies" open={open}>
        <summary>{plural(open ? policies.length : pack.policies, 'policy', 'policies')}</summary>
        <PolicyTable
          policies={policies}
          inactive={!pack.enabled}
          empty={<p className="state muted">The server lists the policies of a pack that is on.</p>}
        />
      </details>
    </article>
  );
}
