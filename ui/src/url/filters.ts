import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router-dom';

/** The filters of a page: they are in its address, so that a view can be sent to a colleague. */
export function useFilters<K extends string>(
  names: readonly K[],
): [Partial<Record<K, string>>, (changes: Partial<Record<K, string>>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const key = names.map((name) => parameters.get(name) ?? '').join('\n');

  const filters = useMemo(() => {
    const found: Partial<Record<K, string>> = {};
    for (const name of names) {
      const value = parameters.get(name);
      if (value !== null && value !== '') found[name] = value;
    }
    return found;
    // The values are in the key; the object of parameters changes with every other parameter.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, names]);

  const change = useCallback(
    (changes: Partial<Record<K, string>>) =>
      setParameters(
        () => {
          // From the address itself: what the last render saw may be older than the last change.
          const next = new URLSearchParams(window.location.search);
          for (const [name, value] of Object.entries<string | undefined>(changes)) {
            if (value === undefined || value === '') next.delete(name);
            else next.set(name, value);
          }
          return next;
        },
        { replace: true },
      ),
    [setParameters],
  );
  return [filters, change];
}
