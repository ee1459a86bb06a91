import { useState } from 'react';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import type { Rollout, RolloutStage } from '../../api/types';
import { Dialog } from '../../components/Dialog';
import { TextArea, TextField } from '../../components/Field';
import { parseLabels } from './Labels';

interface Props {
  onClose: () => void;
}

/** Asks for settings and for the stages in which agents get them. */
export function AddRollout({ onClose }: Props) {
  const [settings, setSettings] = useState('');
  const [note, setNote] = useState('');
  const [stages, setStages] = useState('1%\n10%\n100%');
  const parsed = parseStages(stages);
  const add = useChange(
    () => send<Rollout>('POST', '/rollouts', { settings, note, stages: parsed ?? [] }),
    ['/rollouts', '/agents'],
  );
  const wrong =
    parsed === null ? new Error('A stage is a share, such as 10%, or labels NAME=VALUE.') : null;
  return (
    <Dialog
      title="Roll out settings"
      action="Begin with the first stage"
      busy={add.isPending}
      error={add.error ?? wrong}
      onSubmit={() => {
        if (parsed !== null) add.mutate(undefined, { onSuccess: onClose });
      }}
      onClose={onClose}
    >
      <TextArea
        label="Settings"
        required
        rows={6}
        className="mono"
        value={settings}
        placeholder={'group = "60s"'}
        hint="A part of the table [agent] of the configuration file, in TOML"
        onChange={(event) => setSettings(event.target.value)}
      />
      <TextField
        label="What for"
        maxLength={500}
        value={note}
        onChange={(event) => setNote(event.target.value)}
      />
      <TextArea
        label="Stages"
        required
        rows={4}
        className="mono"
        value={stages}
        hint="One a line: a share of the agents, or labels that they have. You begin each by hand."
        onChange={(event) => setStages(event.target.value)}
      />
    </Dialog>
  );
}

/** Stages, one a line; nothing if one of them makes no sense. */
function parseStages(text: string): RolloutStage[] | null {
  const stages: RolloutStage[] = [];
  for (const line of text.split('\n').map((line) => line.trim())) {
    if (line === '') continue;
    const share = /^(\d{1,3}(?:\.\d)?)\s*%$/.exec(line)?.[1];
    if (share !== undefined) {
      const perMille = Math.round(Number(share) * 10);
      if (perMille < 1 || perMille > 1000) return null;
      stages.push({ per_mille: perMille });
      continue;
    }
    const labels = parseLabels(line);
    if (labels === null) return null;
    stages.push({ labels });
  }
  return stages.length === 0 ? null : stages;
}
