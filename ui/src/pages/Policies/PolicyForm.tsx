import { useState } from 'react';
import { useNavigate } from 'react-router-dom';
import { send } from '../../api/client';
import { useApiItems, useChange } from '../../api/hooks';
import type { Notifier, Policy, Severity } from '../../api/types';
import { SelectField, Switch, TextArea, TextField } from '../../components/Field';
import { useTarget } from '../../url/WindowLink';
import { SEVERITIES, severityLabel } from '../../vocabulary/grades';
import { CriteriaEditor } from './CriteriaEditor';
import { DeletePolicy } from './DeletePolicy';
import { DryRunCard } from './DryRunCard';
import { ExclusionsEditor } from './ExclusionsEditor';
import { AFFECTED } from './PackCard';

const SEVERITY_OPTIONS = SEVERITIES.map((severity) => [severity, severityLabel(severity)] as const);
const FORMS = [
  ['criteria', 'Criteria'],
  ['cel', 'Expression (CEL)'],
] as const;

/** The editor of a policy; what it says is tried with the dry run before it is saved. */
export function PolicyForm({ policy }: { policy: Policy }) {
  const [draft, setDraft] = useState(policy);
  const [categories, setCategories] = useState(policy.categories.join(', '));
  const navigate = useNavigate();
  const listPage = useTarget('/policies');
  const notifiers = useApiItems<Notifier>('/notifiers');
  const isNew = policy.id === '';
  const change = (part: Partial<Policy>) => setDraft((old) => ({ ...old, ...part }));
  const cel = draft.expression !== undefined;
  const finished = finish(draft, categories);

  const save = useChange(
    () =>
      isNew
        ? send('POST', '/policies', withoutId(finished))
        : send('PUT', `/policies/${encodeURIComponent(policy.id)}`, finished),
    AFFECTED,
  );

  return (
    <div className="policy-edit">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined, { onSuccess: () => void navigate(listPage) });
        }}
      >
        <section className="card stack">
          <TextField
            label="Name"
            required
            value={draft.name}
            onChange={(event) => change({ name: event.target.value })}
          />
          <TextArea
            label="Description"
            rows={2}
            value={draft.description}
            onChange={(event) => change({ description: event.target.value })}
          />
          <div className="form-row">
            <SelectField
              label="Severity"
              value={draft.severity}
              options={SEVERITY_OPTIONS}
              onPick={(severity) => change({ severity: severity as Severity })}
            />
            <TextField
              label="Categories"
              value={categories}
              hint="Separated by commas"
              onChange={(event) => setCategories(event.target.value)}
            />
          </div>
          <Switch
            label="Switched on"
            checked={!draft.disabled}
            onChange={(on) => change({ disabled: !on })}
          />
        </section>
        <section className="card stack">
          <header className="row between">
            <h2>Fails if</h2>
            <div className="segmented" role="group" aria-label="Form of the rule">
              {FORMS.map(([form, label]) => (
                <button
                  key={form}
                  type="button"
                  aria-pressed={cel === (form === 'cel')}
                  onClick={() => setDraft((old) => inForm(old, form))}
                >
                  {label}
                </button>
              ))}
            </div>
          </header>
          {cel ? (
            <TextArea
              label="Expression"
              className="mono"
              rows={5}
              spellCheck={false}
              required
              value={draft.expression ?? ''}
              hint="True means that the policy is broken. Each criterion is a variable, as in: tls_version < 1.2 && destination_port == 443"
              onChange={(event) => change({ expression: event.target.value })}
            />
          ) : (
            <CriteriaEditor
              sections={draft.policySections ?? []}
              onChange={(policySections) => change({ policySections })}
            />
          )}
        </section>
        <section className="card stack">
          <h2>Where it applies</h2>
          <TextField
            label="Namespaces"
            value={(draft.scope ?? []).map((scope) => scope.namespace ?? '').join(', ')}
            hint="Separated by commas. Empty: everywhere."
            onChange={(event) => change({ scope: namespaces(event.target.value) })}
          />
          <ExclusionsEditor
            exclusions={draft.exclusions ?? []}
            onChange={(exclusions) => change({ exclusions })}
          />
        </section>
        <section className="card stack">
          <h2>Guidance and alerts</h2>
          <TextArea
            label="Why it matters"
            rows={2}
            value={draft.rationale ?? ''}
            onChange={(event) => change({ rationale: event.target.value })}
          />
          <TextArea
            label="What to do about it"
            rows={2}
            value={draft.remediation ?? ''}
            onChange={(event) => change({ remediation: event.target.value })}
          />
          <NotifierChoice
            notifiers={notifiers.data ?? []}
            chosen={draft.notifiers ?? []}
            onChange={(chosen) => change({ notifiers: chosen })}
          />
        </section>
        {save.error !== null && (
          <p className="notice bad" role="alert">
            {save.error.message}
          </p>
        )}
        <div className="row">
          <button type="submit" className="button primary" disabled={save.isPending}>
            {isNew ? 'Create policy' : 'Save changes'}
          </button>
          {!isNew && <DeletePolicy policy={policy} />}
        </div>
      </form>
      <DryRunCard policy={finished} />
    </div>
  );
}

interface ChoiceProps {
  notifiers: readonly Notifier[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}

function NotifierChoice({ notifiers, chosen, onChange }: ChoiceProps) {
  if (notifiers.length === 0) {
    return (
      <p className="muted">There is no notifier yet; administrators add them in the settings.</p>
    );
  }
  return (
    <fieldset className="field">
      <legend className="label muted">Notifiers</legend>
      {notifiers.map((notifier) => (
        <label key={notifier.id} className="check">
          <input
            type="checkbox"
            checked={chosen.includes(notifier.id)}
            onChange={(event) =>
              onChange(
                event.target.checked
                  ? [...chosen, notifier.id]
                  : chosen.filter((id) => id !== notifier.id),
              )
            }
          />
          {notifier.name}
        </label>
      ))}
    </fieldset>
  );
}

function namespaces(text: string) {
  // Blanks between commas stay while the person types; `finish` drops them.
  return text === '' ? [] : text.split(',').map((name) => ({ namespace: name.trimStart() }));
}

function inForm(policy: Policy, form: 'criteria' | 'cel'): Policy {
  const { expression, ...rest } = policy;
  return form === 'cel' ? { ...rest, expression: expression ?? '' } : rest;
}

/** The policy as it is sent: one form of the rule, and no blank entries. */
function finish(draft: Policy, categories: string): Policy {
  const { policySections, ...rest } = draft;
  return {
    ...rest,
    ...(rest.expression === undefined && policySections !== undefined ? { policySections } : {}),
    categories: categories
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    scope: (rest.scope ?? []).filter((scope) => (scope.namespace ?? 'any').trim() !== ''),
  };
}

function withoutId({ id: _, ...policy }: Policy): Omit<Policy, 'id'> {
  return policy;
}
