import { useCallback, useEffect, useMemo } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router-dom';
import { useApiList } from '../../api/hooks';
import { useLive } from '../../api/live';
import type { SessionRow } from '../../api/types';
import { Icon } from '../../components/Icon';
import { Empty, Failure, Loading } from '../../components/States';
import { count, plural } from '../../format/numbers';
import { Page } from '../../shell/Page';
import { useFilters } from '../../url/filters';
import { useTimeWindow } from '../../url/window';
import { SessionFilters } from './SessionFilters';
import { SessionPanel } from './SessionPanel';
import { SessionTable } from './SessionTable';
import { SESSION_FILTERS } from './matches';
import { useLiveSessions } from './useLiveSessions';
import './sessions.css';

export default function Sessions() {
  const { id } = useParams();
  const [parameters] = useSearchParams();
  const navigate = useNavigate();
  const [timeWindow] = useTimeWindow();
  const [filters, setFilters] = useFilters(SESSION_FILTERS);
  const list = useApiList<SessionRow>('/sessions', { ...timeWindow, ...filters });
  const stored = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const live = useLiveSessions(stored, filters, 'last' in timeWindow);
  const { refetch } = list;
  const { gaps } = useLive();
  useEffect(() => {
    if (gaps > 0) void refetch();
  }, [gaps, refetch]);
  const total = list.data?.pages[0]?.total;
  const filtered = Object.keys(filters).length > 0;

  const search = parameters.toString();
  const close = useCallback(() => {
    void navigate({ pathname: '/sessions', search });
  }, [navigate, search]);

  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  return (
    <Page
      title="Sessions"
      actions={
        <>
          <span className="muted" role="status">
            {total === undefined ? plural(live.rows.length, 'row') : plural(total, 'session')}
            {live.added > 0 && `, ${count(live.added)} new`}
          </span>
          <LiveControl live={live} refresh={() => void list.refetch()} />
        </>
      }
    >
      <SessionFilters filters={filters} onChange={setFilters} />
      <div className="card flush session-card">
        {list.data === undefined && list.error !== null && (
          <Failure error={list.error} retry={() => void list.refetch()} />
        )}
        {list.isPending && <Loading />}
        {list.data !== undefined && live.rows.length === 0 && (
          <NoSessions filtered={filtered} onClear={() => setFilters(cleared())} />
        )}
        {live.rows.length > 0 && (
          <SessionTable
            rows={live.rows}
            complete={!hasNextPage}
            selected={id}
            search={search}
            onNearEnd={more}
          />
        )}
      </div>
      {id !== undefined && <SessionPanel id={id} onClose={close} />}
    </Page>
  );
}

interface ControlProps {
  live: ReturnType<typeof useLiveSessions>;
  refresh: () => void;
}

function LiveControl({ live, refresh }: ControlProps) {
  if (!live.followed) {
    return (
      <button type="button" className="button" onClick={refresh} title={live.why}>
        Refresh
      </button>
    );
  }
  return (
    <button type="button" className="button" aria-pressed={live.paused} onClick={live.toggle}>
      <Icon name={live.paused ? 'play' : 'pause'} size={14} />
      {live.paused ? 'Resume' : 'Pause'}
      {live.paused && live.waiting > 0 && (
        <span className="chip">{`${count(live.waiting)} waiting`}</span>
      )}
    </button>
  );
}

function NoSessions({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (filtered) {
    return (
      <div className="state">
        <h3>No session matches</h3>
        <p>Widen the time window, or take a filter away.</p>
        <button type="button" className="button" onClick={onClear}>
          Clear all filters
        </button>
      </div>
    );
  }
  return (
    <Empty title="No sessions in this time window yet" command="tlsight up">
      This page fills as soon as an agent sends sessions. On this machine that is one command; then
      open any https address:
    </Empty>
  );
}

function cleared(): Record<string, string> {
  return Object.fromEntries(SESSION_FILTERS.map((name) => [name, '']));
}
