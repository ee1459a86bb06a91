import { useSyncExternalStore } from 'react';

/** Too narrow for tables with many columns and for the graph; the same bounds are in the style sheets. */
export const NARROW = '(max-width: 60rem)';
export const PHONE = '(max-width: 40rem)';

/** Whether a media query holds; a component that uses it renders again when that changes. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = window.matchMedia(query);
      media.addEventListener('change', listener);
      return () => media.removeEventListener('change', listener);
    },
    () => window.matchMedia(query).matches,
  );
}
