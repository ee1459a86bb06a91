import type { Edge, Entity } from '../api/types';

/** What a person calls an entity, with the namespace or executable that tells it from others. */
export function EntityName({ entity }: { entity: Entity }) {
  return (
    <span className="entity" title={entity.id}>
      <span className="entity-name">{entity.name}</span>
      {entity.namespace !== undefined && <span className="muted"> {entity.namespace}</span>}
    </span>
  );
}

export function EdgeName({
  edge,
}: {
  edge: Pick<Edge, 'source' | 'destination' | 'port' | 'protocol'>;
}) {
  return (
    <span className="edge-name">
      <EntityName entity={edge.source} />
      <span className="muted" aria-label="to">
        {' → '}
      </span>
      <EntityName entity={edge.destination} />
      <span className="mono muted"> {`:${edge.port}${edge.protocol === 'udp' ? '/udp' : ''}`}</span>
    </span>
  );
}
