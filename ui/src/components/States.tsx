import type { ReactNode } from 'react';
import { ApiError } from '../api/client';

export function Loading({ label = 'Loading' }: { label?: string }) {
  return (
    <div className="skeleton" role="status" aria-label={label}>
      <span />
      <span />
      <span />
    </div>
  );
}

interface FailureProps {
  error: Error;
  retry?: (() => void) | undefined;
}

/** Says what went wrong and, where it may help, offers another try. */
export function Failure({ error, retry }: FailureProps) {
  const title = error instanceof ApiError ? error.problem.title : 'Something went wrong';
  return (
    <div className="state" role="alert">
      <h3>{title}</h3>
      {error.message !== title && <p>{error.message}</p>}
      {retry !== undefined && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

interface EmptyProps {
  title: string;
  children?: ReactNode;
  /** What to run to fill this page. */
  command?: string;
}

/** Says why there is nothing, and what to do. */
export function Empty({ title, children, command }: EmptyProps) {
  return (
    <div className="state">
      <h3>{title}</h3>
      {children !== undefined && <p>{children}</p>}
      {command !== undefined && (
        <pre>
          <code>{command}</code>
        </pre>
      )}
    </div>
  );
}

interface QueryLike<T> {
  data: T | undefined;
  error: Error | null;
  isPending: boolean;
  refetch: () => unknown;
}

interface LoadedProps<T> {
  query: QueryLike<T>;
  children: (data: T) => ReactNode;
}

/** Shows the answer of a query, or the state that it is in. */
export function Loaded<T>({ query, children }: LoadedProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error !== null) return <Failure error={query.error} retry={() => query.refetch()} />;
  return <Loading />;
}
