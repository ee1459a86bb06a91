import type { ViolationState } from '../../api/types';

export const STATE_LABELS: Record<ViolationState, string> = {
  active: 'Active',
  snoozed: 'Snoozed',
  excluded: 'Excluded',
  resolved: 'Resolved',
};
