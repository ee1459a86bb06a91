import { useId } from 'react';
import type { Criterion, PolicyGroup } from '../../api/types';
import { Icon } from '../../components/Icon';

interface Props {
  group: PolicyGroup;
  criteria: readonly Criterion[];
  name: string;
  onChange: (group: PolicyGroup) => void;
  /** Absent for the last one: a section without groups would match everything. */
  onRemove: (() => void) | undefined;
}

/** One criterion with its values. */
export function GroupEditor({ group, criteria, name, onChange, onRemove }: Props) {
  const id = useId();
  const criterion = criteria.find((item) => item.name === group.fieldName);
  const values = group.values.length === 0 ? [{ value: '' }] : group.values;
  const set = (index: number, value: string) =>
    onChange({ ...group, values: values.map((old, at) => (at === index ? { value } : old)) });

  return (
    <div className="criterion" role="group" aria-label={name}>
      <select
        className="input"
        aria-label={`${name}: field`}
        value={group.fieldName}
        onChange={(event) =>
          onChange({ ...group, fieldName: event.target.value, values: [{ value: '' }] })
        }
      >
        {criterion === undefined && <option>{group.fieldName}</option>}
        {criteria.map((item) => (
          <option key={item.name}>{item.name}</option>
        ))}
      </select>
      <select
        className="input"
        aria-label={`${name}: is or is not`}
        value={group.negate === true ? 'not' : 'is'}
        onChange={(event) => onChange({ ...group, negate: event.target.value === 'not' })}
      >
        <option value="is">is</option>
        <option value="not">is not</option>
      </select>
      <div className="criterion-values">
        {values.map((item, index) => (
          <div key={index} className="row nowrap-row">
            {index > 0 && (
              <button
                type="button"
                className="button small quiet"
                aria-label={`${name}: values are joined with ${group.booleanOperator ?? 'OR'}; change`}
                onClick={() =>
                  onChange({
                    ...group,
                    booleanOperator: group.booleanOperator === 'AND' ? 'OR' : 'AND',
                  })
                }
              >
                {(group.booleanOperator ?? 'OR').toLowerCase()}
              </button>
            )}
            {criterion?.choices === undefined ? (
              <input
                className="input mono"
                aria-label={`${name}: value ${index + 1}`}
                required
                spellCheck={false}
                placeholder={criterion?.examples[0]}
                aria-describedby={`${id}-hint`}
                value={item.value}
                onChange={(event) => set(index, event.target.value)}
              />
            ) : (
              <select
                className="input"
                aria-label={`${name}: value ${index + 1}`}
                required
                value={item.value}
                onChange={(event) => set(index, event.target.value)}
              >
                <option value="">Choose</option>
                {criterion.choices.map((choice) => (
                  <option key={choice}>{choice}</option>
                ))}
              </select>
            )}
            {values.length > 1 && (
              <button
                type="button"
                className="button small quiet icon"
                aria-label={`${name}: remove value ${index + 1}`}
                onClick={() =>
                  onChange({ ...group, values: values.filter((_, at) => at !== index) })
                }
              >
                <Icon name="close" size={11} />
              </button>
            )}
          </div>
        ))}
      </div>
      <div className="criterion-buttons">
        <button
          type="button"
          className="button small icon"
          aria-label={`${name}: add a value`}
          title="Another value"
          onClick={() => onChange({ ...group, values: [...values, { value: '' }] })}
        >
          <Icon name="plus" size={12} />
        </button>
        {onRemove !== undefined && (
          <button
            type="button"
            className="button small icon"
            aria-label={`${name}: remove`}
            title="Remove this criterion"
            onClick={onRemove}
          >
            <Icon name="trash" size={12} />
          </button>
        )}
      </div>
      {criterion !== undefined && (
        <p id={`${id}-hint`} className="criterion-hint">
          {`${criterion.description}. Takes ${criterion.values}.`}
        </p>
      )}
    </div>
  );
}
