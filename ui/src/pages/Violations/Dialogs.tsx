import { useState } from 'react';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import { Dialog } from '../../components/Dialog';
import { SelectField, TextField } from '../../components/Field';
import { inputTime } from '../../format/time';

const DAY_MS = 86_400_000;
const SPANS = [
  ['1', 'One day'],
  ['3', 'Three days'],
  ['7', 'One week'],
  ['30', '30 days'],
] as const;

interface Props {
  path: string;
  affected: readonly string[];
  onDone: () => void;
  onClose: () => void;
}

export function SnoozeDialog({ path, affected, onDone, onClose }: Props) {
  const [days, setDays] = useState('7');
  const [reason, setReason] = useState('');
  const snooze = useChange(
    () =>
      send('POST', `${path}/snooze`, {
        until: new Date(Date.now() + Number(days) * DAY_MS).toISOString(),
        reason,
      }),
    affected,
  );
  return (
    <Dialog
      title="Snooze this violation"
      action="Snooze"
      busy={snooze.isPending}
      error={snooze.error}
      onSubmit={() => snooze.mutate(undefined, { onSuccess: onDone })}
      onClose={onClose}
    >
      <SelectField label="For" value={days} options={SPANS} onPick={setDays} />
      <TextField
        label="Reason"
        required
        value={reason}
        hint="It is shown beside the violation and kept in the audit log."
        onChange={(event) => setReason(event.target.value)}
      />
    </Dialog>
  );
}

export function ExcludeDialog({ path, affected, onDone, onClose }: Props) {
  const [reason, setReason] = useState('');
  const [expiration, setExpiration] = useState('');
  const exclude = useChange(
    () =>
      send('POST', `${path}/exclude`, {
        reason,
        ...(expiration === '' ? {} : { expiration: new Date(expiration).toISOString() }),
      }),
    affected,
  );
  return (
    <Dialog
      title="Exclude this edge from the policy"
      action="Exclude"
      busy={exclude.isPending}
      error={exclude.error}
      onSubmit={() => exclude.mutate(undefined, { onSuccess: onDone })}
      onClose={onClose}
    >
      <TextField
        label="Reason"
        required
        value={reason}
        hint="It is shown beside the policy and kept in the audit log."
        onChange={(event) => setReason(event.target.value)}
      />
      <TextField
        label="Expires"
        type="datetime-local"
        min={inputTime(new Date())}
        value={expiration}
        hint="Empty: the exclusion stays until it is taken away."
        onChange={(event) => setExpiration(event.target.value)}
      />
    </Dialog>
  );
}
