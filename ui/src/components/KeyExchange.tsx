import type { Posture } from '../api/types';
import { className } from '../vocabulary/grades';

/** The group of a key exchange and its class, as far as these were seen. */
export function KeyExchange({ of }: { of: Pick<Posture, 'group' | 'class' | 'resumed'> }) {
  const { group, class: name, resumed } = of;
  const rest = [...(name === undefined ? [] : [className(name)]), ...(resumed ? ['resumed'] : [])];
  if (group === undefined && rest.length === 0) return '–';
  return (
    <>
      {group !== undefined && <span className="mono">{group}</span>}
      {group !== undefined && rest.length > 0 && ', '}
      <span className="muted">{rest.join(', ')}</span>
    </>
  );
}
