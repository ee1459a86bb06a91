import type { PolicyExclusion } from '../../api/types';
import { TextField } from '../../components/Field';
import { Icon } from '../../components/Icon';
import { inputTime } from '../../format/time';

interface Props {
  exclusions: readonly PolicyExclusion[];
  onChange: (exclusions: PolicyExclusion[]) => void;
}

/** What the policy does not apply to, why, and until when. */
export function ExclusionsEditor({ exclusions, onChange }: Props) {
  const replace = (index: number, part: Partial<PolicyExclusion>) =>
    onChange(exclusions.map((old, at) => (at === index ? { ...old, ...part } : old)));
  return (
    <div className="stack">
      <h3>Exclusions</h3>
      {exclusions.length === 0 && <p className="muted">None: the policy applies to every edge.</p>}
      {exclusions.map((exclusion, index) => (
        <fieldset key={index} className="exclusion">
          <legend className="sr-only">{`Exclusion ${index + 1}`}</legend>
          <TextField
            label="Name"
            required
            value={exclusion.name}
            onChange={(event) => replace(index, { name: event.target.value })}
          />
          <TextField
            label="Namespace"
            value={exclusion.namespace ?? ''}
            onChange={(event) =>
              onChange(withOptional(exclusions, index, 'namespace', event.target.value))
            }
          />
          <TextField
            label="Entity"
            value={exclusion.entity ?? ''}
            placeholder="workload:NAMESPACE/KIND/NAME"
            onChange={(event) =>
              onChange(withOptional(exclusions, index, 'entity', event.target.value))
            }
          />
          <TextField
            label="Reason"
            required
            value={exclusion.reason}
            onChange={(event) => replace(index, { reason: event.target.value })}
          />
          <TextField
            label="Expires"
            type="datetime-local"
            value={
              exclusion.expiration === undefined ? '' : inputTime(new Date(exclusion.expiration))
            }
            onChange={(event) =>
              onChange(withOptional(exclusions, index, 'expiration', isoOf(event.target.value)))
            }
          />
          <button
            type="button"
            className="button small"
            onClick={() => onChange(exclusions.filter((_, at) => at !== index))}
          >
            <Icon name="trash" size={12} />
            Remove
          </button>
        </fieldset>
      ))}
      <div>
        <button
          type="button"
          className="button small"
          onClick={() => onChange([...exclusions, { name: '', reason: '' }])}
        >
          <Icon name="plus" size={12} />
          Add exclusion
        </button>
      </div>
    </div>
  );
}

/** Sets an optional part, or takes it away when its field is empty. */
function withOptional(
  exclusions: readonly PolicyExclusion[],
  index: number,
  key: 'namespace' | 'entity' | 'expiration',
  value: string,
): PolicyExclusion[] {
  return exclusions.map((old, at) => {
    if (at !== index) return old;
    const { [key]: _, ...rest } = old;
    return value === '' ? rest : { ...rest, [key]: value };
  });
}

function isoOf(local: string): string {
  const date = new Date(local);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}
