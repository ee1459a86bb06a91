import type { Edge, Entity } from '../api/types';

interface Props {
  entity: Entity;
  /** Of a server: stands with its name. */
  port?: string;
}

/** What a person calls an entity, with the namespace that tells it from others. */
export function EntityName({ entity, port }: Props) {
  return (
    <span className="entity" title={entity.id}>
      <span className="entity-name">{entity.name}</span>
      {port !== undefined && <span className="muted">{port}</span>}
      {entity.namespace !== undefined && <span className="muted"> {entity.namespace}</span>}
    </span>
  );
}

type EdgeEnds = Pick<Edge, 'source' | 'destination' | 'port'> & { protocol: string };

export function EdgeName({ edge }: { edge: EdgeEnds }) {
  const port = `:${edge.port}${edge.protocol === 'udp' ? '/udp' : ''}`;
  return (
    <span className="edge-name">
      <EntityName entity={edge.source} />
      <span className="muted"> → </span>
      <EntityName entity={edge.destination} port={port} />
    </span>
  );
}
