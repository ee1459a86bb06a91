import type { Entity, SessionRow } from '../../api/types';

/** The filters of the page, by the names that the API has for them. */
export const SESSION_FILTERS = [
  'q',
  'grade',
  'version',
  'cipher',
  'group',
  'class',
  'outcome',
  'server_name',
  'ip',
  'port',
  'namespace',
  'process',
  'certificate',
  'ja3',
  'ja4',
  'edge',
] as const;

export type SessionFilter = (typeof SESSION_FILTERS)[number];
export type SessionFilterValues = Partial<Record<SessionFilter, string>>;

/** What a row does not show, or what the server alone knows how to search. */
const SERVER_ONLY: readonly SessionFilter[] = ['q', 'process', 'certificate', 'ja3', 'ja4'];

/** Whether these filters can be applied to a row that the event stream brings. */
export function canFollow(filters: SessionFilterValues): boolean {
  return SERVER_ONLY.every((name) => filters[name] === undefined);
}

/** Whether a live row belongs to the filtered list. Only meaningful if [`canFollow`] says yes. */
export function matches(row: SessionRow, filters: SessionFilterValues): boolean {
  const { ip, port, namespace, server_name: serverName } = filters;
  const exact = (
    ['grade', 'version', 'cipher', 'group', 'class', 'outcome', 'edge'] as const
  ).every((name) => filters[name] === undefined || row[name] === filters[name]);
  return (
    exact &&
    (serverName === undefined || row.server_name === serverName) &&
    (ip === undefined || row.client_ip === ip || row.server_ip === ip) &&
    (port === undefined || String(row.server_port) === port || String(row.client_port) === port) &&
    (namespace === undefined ||
      inNamespace(row.source, namespace) ||
      inNamespace(row.destination, namespace))
  );
}

function inNamespace(entity: Entity, namespace: string): boolean {
  return entity.namespace === namespace;
}
