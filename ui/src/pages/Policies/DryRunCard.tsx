import { useState } from 'react';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import type { DryRun, Policy } from '../../api/types';
import { GradeBadge, VerdictBadge } from '../../components/Badges';
import { EdgeName } from '../../components/EntityName';
import { SelectField } from '../../components/Field';
import { count } from '../../format/numbers';
import { SPAN_LABELS, SPANS } from '../../url/window';
import { VERDICTS } from '../../vocabulary/grades';

const SPAN_OPTIONS = SPANS.map((span) => [span, SPAN_LABELS[span]] as const);

/** Judges what was already observed by a policy that is not saved yet. */
export function DryRunCard({ policy }: { policy: Policy }) {
  const [last, setLast] = useState('24h');
  const run = useChange(() => send<DryRun>('POST', '/policies/dry-run', { policy, last }), []);
  return (
    <section className="card stack dry-run" aria-label="Dry run">
      <header>
        <h2>Dry run</h2>
      </header>
      <p className="muted">What this policy would say about what was already observed.</p>
      <div className="row dry-run-controls">
        <SelectField label="Over" value={last} options={SPAN_OPTIONS} onPick={setLast} />
        <button
          type="button"
          className="button"
          disabled={run.isPending}
          onClick={() => run.mutate(undefined)}
        >
          {run.isPending ? 'Judging' : 'Run'}
        </button>
      </div>
      {run.error !== null && (
        <p className="notice bad" role="alert">
          {run.error.message}
        </p>
      )}
      {run.data !== undefined && <Result result={run.data} />}
    </section>
  );
}

function Result({ result }: { result: DryRun }) {
  return (
    <div className="stack" role="status">
      <dl className="dry-run-counts">
        {VERDICTS.map((verdict) => (
          <div key={verdict}>
            <dt>
              <VerdictBadge verdict={verdict} />
            </dt>
            <dd>{count(result[verdict])}</dd>
          </div>
        ))}
      </dl>
      {result.examples.length > 0 && (
        <ul className="dry-run-examples" aria-label="Examples">
          {result.examples.map((example, index) => (
            <li key={`${example.edge.id} ${example.posture.id} ${index}`}>
              <div className="row">
                <VerdictBadge verdict={example.verdict} />
                <GradeBadge grade={example.posture.grade} short />
              </div>
              <div>
                <EdgeName edge={example.edge} />
              </div>
              <p className="muted">{example.reason}</p>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
