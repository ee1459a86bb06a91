import type { Policy, PolicyGroup } from '../../api/types';

/** A policy to read: why, what it matches, how to fix it. */
export function PolicyView({ policy }: { policy: Policy }) {
  const texts = [
    ['Description', policy.description],
    ['Why', policy.rationale],
    ['What to do', policy.remediation],
    ['Source', policy.source],
  ] as const;
  return (
    <section className="card">
      <dl className="facts">
        {texts
          .filter(([, text]) => text !== undefined && text !== '')
          .map(([label, text]) => (
            <div key={label} className="contents">
              <dt>{label}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        <dt>Fails if</dt>
        <dd>
          <Criteria policy={policy} />
        </dd>
      </dl>
    </section>
  );
}

function Criteria({ policy }: { policy: Policy }) {
  if (policy.expression !== undefined) return <pre>{policy.expression}</pre>;
  return (
    <ul>
      {(policy.policySections ?? []).map((section, index) => (
        <li key={index}>
          {index > 0 && <span className="muted">or </span>}
          {section.policyGroups.map(inWords).join(' and ')}
        </li>
      ))}
    </ul>
  );
}

function inWords(group: PolicyGroup): string {
  const joiner = group.booleanOperator === 'AND' ? ' and ' : ' or ';
  const values = group.values.map(({ value }) => value).join(joiner);
  return `${group.fieldName} ${group.negate === true ? 'is not' : 'is'} ${values}`;
}
