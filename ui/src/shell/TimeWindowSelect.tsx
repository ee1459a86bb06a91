import { useState } from 'react';
import { Dialog } from '../components/Dialog';
import { TextField } from '../components/Field';
import { clock, inputTime } from '../format/time';
import { SPANS, SPAN_LABELS, useTimeWindow, type Span } from '../url/window';

/** The time window of all pages: a span that ends now, or two ends of one's own. */
export function TimeWindowSelect() {
  const [window, setWindow] = useTimeWindow();
  const [asking, setAsking] = useState(false);
  const fixed = 'from' in window;

  return (
    <>
      <select
        className="input window-select"
        aria-label="Time window"
        value={fixed ? 'custom' : window.last}
        onChange={(event) => {
          if (event.target.value === 'custom') setAsking(true);
          else setWindow({ last: event.target.value as Span });
        }}
      >
        {SPANS.map((span) => (
          <option key={span} value={span}>
            {SPAN_LABELS[span]}
          </option>
        ))}
        <option value="custom">
          {fixed ? `${clock(window.from)} – ${clock(window.to)}` : 'From … to …'}
        </option>
      </select>
      {fixed && (
        <button type="button" className="button small" onClick={() => setAsking(true)}>
          Change
        </button>
      )}
      {asking && (
        <FixedWindow
          initial={fixed ? window : null}
          onClose={() => setAsking(false)}
          onPick={(from, to) => {
            setWindow({ from, to });
            setAsking(false);
          }}
        />
      )}
    </>
  );
}

interface FixedProps {
  initial: { from: string; to: string } | null;
  onPick: (from: string, to: string) => void;
  onClose: () => void;
}

const DAY_MS = 86_400_000;

function FixedWindow({ initial, onPick, onClose }: FixedProps) {
  const now = new Date();
  const [from, setFrom] = useState(() =>
    inputTime(initial === null ? new Date(now.getTime() - DAY_MS) : new Date(initial.from)),
  );
  const [to, setTo] = useState(() => inputTime(initial === null ? now : new Date(initial.to)));
  const valid = Date.parse(from) < Date.parse(to);
  const submit = () => {
    if (valid) onPick(new Date(from).toISOString(), new Date(to).toISOString());
  };

  return (
    <Dialog title="Time window" action="Apply" busy={!valid} onSubmit={submit} onClose={onClose}>
      <TextField
        label="From"
        type="datetime-local"
        required
        value={from}
        onChange={(event) => setFrom(event.target.value)}
      />
      <TextField
        label="To"
        type="datetime-local"
        required
        value={to}
        hint={valid ? 'In your time zone' : 'Must be later than the beginning'}
        onChange={(event) => setTo(event.target.value)}
      />
    </Dialog>
  );
}
