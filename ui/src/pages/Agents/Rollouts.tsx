import { useState } from 'react';
import { useMay } from '../../api/auth';
import { send } from '../../api/client';
import { useApiItems, useChange } from '../../api/hooks';
import type { Rollout, RolloutStage } from '../../api/types';
import { ConfirmButton } from '../../components/ConfirmButton';
import { Empty, Loaded } from '../../components/States';
import { RelativeTime } from '../../components/Time';
import { count } from '../../format/numbers';
import { AddRollout } from './AddRollout';

const AFFECTED = ['/rollouts', '/agents'] as const;

const REFRESH_MS = 10_000;

const STATES = { running: 'Running', paused: 'Paused', rolled_back: 'Taken back' } as const;

/** Settings on their way to agents. */
export function Rollouts() {
  const rollouts = useApiItems<Rollout>('/rollouts', {}, { refetchInterval: REFRESH_MS });
  const may = useMay('operator');
  const [adding, setAdding] = useState(false);
  return (
    <section className="card flush">
      <header>
        <h2>Settings of agents</h2>
        {may && (
          <button type="button" className="button small" onClick={() => setAdding(true)}>
            Roll out settings
          </button>
        )}
      </header>
      <Loaded query={rollouts}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="All agents have their own settings">
              Settings can be rolled out from here, to a few agents first.
            </Empty>
          ) : (
            <ul className="stack rollouts">
              {list.map((rollout) => (
                <Item key={rollout.revision} rollout={rollout} may={may} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {adding && <AddRollout onClose={() => setAdding(false)} />}
    </section>
  );
}

function Item({ rollout, may }: { rollout: Rollout; may: boolean }) {
  const { agents, begun, stages, state } = rollout;
  const step = useChange(
    (name: string) => send('POST', `/rollouts/${rollout.revision}/step`, { step: name, begun }),
    AFFECTED,
  );
  const act = (name: string, label: string) => (
    <button
      type="button"
      className="button small"
      disabled={step.isPending}
      onClick={() => step.mutate(name)}
    >
      {label}
    </button>
  );
  const next = stages[begun];
  return (
    <li className="rollout">
      <div>
        <strong>Revision {rollout.revision}</strong>{' '}
        <span className="badge plain-label">{STATES[state]}</span>
        {rollout.note !== '' && <p className="wrap-anywhere">{rollout.note}</p>}
        <small>
          by {rollout.created_by} <RelativeTime time={rollout.created} />; stage {begun} of{' '}
          {stages.length}: {stages.slice(0, begun).map(stageText).join(', then ')}
        </small>
        <small>
          {count(agents.have)} of {count(agents.asked)} agents have them
          {agents.refuse > 0 && `; ${count(agents.refuse)} refuse`}
        </small>
        <pre>{rollout.settings}</pre>
        {step.error !== null && (
          <p className="notice bad" role="alert">
            {step.error.message}
          </p>
        )}
      </div>
      {may && state !== 'rolled_back' && (
        <div className="row end">
          {state === 'running' && next !== undefined && act('advance', `On to ${stageText(next)}`)}
          {state === 'running' ? act('pause', 'Pause') : act('resume', 'Resume')}
          <ConfirmButton
            label="Roll back"
            subject={`revision ${rollout.revision}`}
            question={`Roll revision ${rollout.revision} back?`}
            consequence="Agents go back to the settings that they had before it."
            busy={step.isPending}
            onConfirm={() => step.mutate('roll_back')}
          />
        </div>
      )}
    </li>
  );
}

/** `1% of agents`, `cluster=prod`. */
function stageText(stage: RolloutStage): string {
  if ('per_mille' in stage) return `${stage.per_mille / 10}% of agents`;
  return Object.entries(stage.labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' and ');
}
