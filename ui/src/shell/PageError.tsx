import { useRouteError } from 'react-router-dom';
import { Failure } from '../components/States';

/** Shown in place of a page whose code failed or could not be loaded. */
export function PageError() {
  const thrown = useRouteError();
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return (
    <main className="gate">
      <Failure error={error} retry={() => window.location.reload()} />
    </main>
  );
}
