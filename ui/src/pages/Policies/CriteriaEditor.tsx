import { useApiItems } from '../../api/hooks';
import type { Criterion, PolicyGroup, PolicySection } from '../../api/types';
import { Icon } from '../../components/Icon';
import { GroupEditor } from './GroupEditor';

const FIRST: PolicyGroup = { fieldName: 'TLS Version', values: [{ value: '' }] };

interface Props {
  sections: readonly PolicySection[];
  onChange: (sections: PolicySection[]) => void;
}

/** Sections, of which one must match; in each, groups, which must all match. */
export function CriteriaEditor({ sections, onChange }: Props) {
  const criteria = useApiItems<Criterion>('/criteria', {}, { staleTime: Infinity });
  const replace = (index: number, section: PolicySection) =>
    onChange(sections.map((old, at) => (at === index ? section : old)));

  return (
    <div className="stack">
      {sections.map((section, index) => (
        <fieldset key={index} className="criteria-section">
          <legend>{index === 0 ? 'All of these hold' : 'Or all of these hold'}</legend>
          {section.policyGroups.map((group, at) => (
            <GroupEditor
              key={at}
              group={group}
              criteria={criteria.data ?? []}
              name={`Criterion ${at + 1} of section ${index + 1}`}
              onChange={(changed) =>
                replace(index, {
                  ...section,
                  policyGroups: section.policyGroups.map((old, i) => (i === at ? changed : old)),
                })
              }
              onRemove={
                section.policyGroups.length === 1
                  ? undefined
                  : () =>
                      replace(index, {
                        ...section,
                        policyGroups: section.policyGroups.filter((_, i) => i !== at),
                      })
              }
            />
          ))}
          <div className="row">
            <button
              type="button"
              className="button small"
              onClick={() =>
                replace(index, { ...section, policyGroups: [...section.policyGroups, FIRST] })
              }
            >
              <Icon name="plus" size={12} />
              And
            </button>
            {sections.length > 1 && (
              <button
                type="button"
                className="button small quiet"
                onClick={() => onChange(sections.filter((_, i) => i !== index))}
              >
                Remove section
              </button>
            )}
          </div>
        </fieldset>
      ))}
      <div>
        <button
          type="button"
          className="button small"
          onClick={() => onChange([...sections, { policyGroups: [FIRST] }])}
        >
          <Icon name="plus" size={12} />
          Or
        </button>
      </div>
    </div>
  );
}
