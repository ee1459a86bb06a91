import type { AgentState } from '../../api/types';

/** What each state is called, and how bad it is. */
export const STATES: Record<AgentState, { label: string; tone: string }> = {
  ok: { label: 'OK', tone: 'tone-good' },
  outdated: { label: 'Older version', tone: 'tone-warn' },
  reduced: { label: 'Sees less', tone: 'tone-warn' },
  malformed: { label: 'Nonsense sent', tone: 'tone-warn' },
  policies_refused: { label: 'Policies refused', tone: 'tone-warn' },
  settings_refused: { label: 'Settings refused', tone: 'tone-warn' },
  late: { label: 'Late', tone: 'tone-warn' },
  clock_off: { label: 'Clock off', tone: 'tone-warn' },
  losing: { label: 'Losing', tone: 'tone-bad' },
  silent: { label: 'Silent', tone: 'tone-warn' },
  cut_off: { label: 'Cut off', tone: 'tone-bad' },
  revoked: { label: 'Revoked', tone: 'tone-bad' },
};

const CAPABILITIES: Record<string, string> = {
  sockets: 'Sockets, with processes',
  packets: 'Packets, with processes',
  packets_without_processes: 'Packets, without processes',
};

/** How much an agent sees, in words. */
export function capability(name: string): string {
  return CAPABILITIES[name] ?? name;
}
