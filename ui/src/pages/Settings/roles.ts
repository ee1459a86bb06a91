import type { Role } from '../../api/types';

export const ROLE_OPTIONS: readonly (readonly [Role, string])[] = [
  ['viewer', 'Viewer'],
  ['operator', 'Operator'],
  ['admin', 'Administrator'],
];
