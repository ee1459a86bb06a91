import { Navigate, Outlet, useLocation } from 'react-router-dom';
import { AuthProvider, useAuth } from '../api/auth';
import { Failure, Loading } from '../components/States';

/** Lets nobody past it who is not logged in, and sends each to the page that is next for them. */
export function Gate() {
  return (
    <AuthProvider
      pending={(error, retry) => (
        <main className="gate">
          {error === null ? <Loading /> : <Failure error={error} retry={retry} />}
        </main>
      )}
    >
      <Direction />
    </AuthProvider>
  );
}

function Direction() {
  const { info } = useAuth();
  const location = useLocation();
  const outside = location.pathname === '/login' || location.pathname === '/setup';
  if (info.setup_needed) {
    return location.pathname === '/setup' ? <Outlet /> : <Navigate to="/setup" replace />;
  }
  if (info.user === undefined) {
    if (location.pathname === '/login') return <Outlet />;
    const next = outside ? '/' : location.pathname + location.search;
    return <Navigate to={`/login?next=${encodeURIComponent(next)}`} replace />;
  }
  if (outside) return <Navigate to={nextPage(location.search)} replace />;
  return <Outlet />;
}

/** Where to go after the log-in: only ever to a path of this origin. */
function nextPage(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  const target = new URL(next, window.location.origin);
  const own = target.origin === window.location.origin && next.startsWith('/');
  return own ? target.pathname + target.search : '/';
}
