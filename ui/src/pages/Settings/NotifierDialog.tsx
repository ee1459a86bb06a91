import { useState } from 'react';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import type { Notifier, NotifierKind, Severity } from '../../api/types';
import { Dialog } from '../../components/Dialog';
import { SelectField, TextArea, TextField } from '../../components/Field';
import { SEVERITIES, severityLabel } from '../../vocabulary/grades';
import { KIND_LABELS, KINDS, type Setting } from './notifierKinds';

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
      {terms.settings.map((setting) => (
        <SettingField
          key={setting.key}
          setting={setting}
          value={settings[setting.key]}
          onChange={(value) => setSettings({ ...settings, [setting.key]: value })}
        />
      ))}
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

interface FieldProps {
  setting: Setting;
  value: string | undefined;
  onChange: (value: string) => void;
}

function SettingField({ setting, value, onChange }: FieldProps) {
  const { label, hint, choices, optional, long } = setting;
  const shared = { label, ...(hint === undefined ? {} : { hint }) };
  if (choices !== undefined) {
    return (
      <SelectField
        {...shared}
        value={value ?? choices[0] ?? ''}
        options={choices.map((choice) => [choice, choice] as const)}
        onPick={onChange}
      />
    );
  }
  if (long === true) {
    return (
      <TextArea
        {...shared}
        className="mono"
        rows={3}
        spellCheck={false}
        value={value ?? ''}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  }
  return (
    <TextField
      {...shared}
      required={optional !== true}
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
