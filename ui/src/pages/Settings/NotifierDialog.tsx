import { useState } from 'react';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import type { Notifier, NotifierKind, Severity } from '../../api/types';
import { Dialog } from '../../components/Dialog';
import { SelectField, TextField } from '../../components/Field';
import { SEVERITIES, severityLabel } from '../../vocabulary/grades';
import { KIND_LABELS, KINDS } from './notifierKinds';

const KIND_OPTIONS = Object.entries(KIND_LABELS);
const SEVERITY_OPTIONS = SEVERITIES.map((severity) => [severity, severityLabel(severity)] as const);

interface Props {
  /** Absent: a new one. */
  notifier: Notifier | undefined;
  onClose: () => void;
}

export function NotifierDialog({ notifier, onClose }: Props) {
  const [name, setName] = useState(notifier?.name ?? '');
  const [kind, setKind] = useState<NotifierKind>(notifier?.kind ?? 'webhook');
  const [minimum, setMinimum] = useState<Severity>(notifier?.min_severity ?? 'medium');
  const [settings, setSettings] = useState<Record<string, string>>(notifier?.settings ?? {});
  const [secret, setSecret] = useState('');
  const terms = KINDS[kind];

  const save = useChange(() => {
    const kept = Object.fromEntries(
      terms.settings
        .map(({ key, choices }) => [key, settings[key] ?? choices?.[0] ?? ''] as const)
        .filter(([, value]) => value !== ''),
    );
    const body = {
      name,
      kind,
      min_severity: minimum,
      settings: kept,
      ...(secret === '' ? {} : { secret }),
    };
    return notifier === undefined
      ? send('POST', '/notifiers', body)
      : send('PUT', `/notifiers/${encodeURIComponent(notifier.id)}`, body);
  }, ['/notifiers']);

  return (
    <Dialog
      title={notifier === undefined ? 'Add a notifier' : `Edit ${notifier.name}`}
      action="Save"
      busy={save.isPending}
      error={save.error}
      onSubmit={() => save.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <TextField
        label="Name"
        required
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <SelectField
        label="Kind"
        value={kind}
        disabled={notifier !== undefined}
        options={KIND_OPTIONS}
        onPick={(value) => setKind(value as NotifierKind)}
      />
      <SelectField
        label="From severity"
        value={minimum}
        options={SEVERITY_OPTIONS}
        onPick={(value) => setMinimum(value as Severity)}
      />
      {terms.settings.map(({ key, label, hint, choices, optional }) =>
        choices === undefined ? (
          <TextField
            key={key}
            label={label}
            required={optional !== true}
            {...(hint === undefined ? {} : { hint })}
            value={settings[key] ?? ''}
            onChange={(event) => setSettings({ ...settings, [key]: event.target.value })}
          />
        ) : (
          <SelectField
            key={key}
            label={label}
            value={settings[key] ?? choices[0] ?? ''}
            options={choices.map((choice) => [choice, choice] as const)}
            onPick={(value) => setSettings({ ...settings, [key]: value })}
          />
        ),
      )}
      {terms.secret !== undefined && (
        <TextField
          label={terms.secret.label}
          type="password"
          autoComplete="off"
          value={secret}
          hint={
            notifier?.has_secret === true
              ? 'One is stored. Leave this empty to keep it.'
              : terms.secret.hint
          }
          onChange={(event) => setSecret(event.target.value)}
        />
      )}
    </Dialog>
  );
}
