import { useLive, type LiveState } from '../api/live';
import { count } from '../format/numbers';

const TERMS: Record<LiveState, [label: string, meaning: string]> = {
  connected: ['Live', 'New sessions and violations appear as they happen.'],
  connecting: ['Connecting', 'The event stream is being opened.'],
  behind: ['Behind', 'This page did not keep up; some events were left out of the live view.'],
  off: ['Not live', 'The event stream is closed. It is tried again every few seconds.'],
};

export function LiveIndicator() {
  const { state, dropped } = useLive();
  const [label, meaning] = TERMS[state];
  const lost = dropped > 0 ? ` ${count(dropped)} events left out since this page was opened.` : '';
  return (
    <span className={`live live-${state}`} role="status" title={meaning + lost}>
      <span className="live-dot" aria-hidden="true" />
      <span className="live-label">{label}</span>
    </span>
  );
}
