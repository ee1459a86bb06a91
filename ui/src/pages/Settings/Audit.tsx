import { useMemo } from 'react';
import { useApiList } from '../../api/hooks';
import type { AuditEntry } from '../../api/types';
import { MoreButton } from '../../components/MoreButton';
import { Empty, Failure, Loading } from '../../components/States';
import { clock, exactTime } from '../../format/time';

export function Audit() {
  const list = useApiList<AuditEntry>('/audit');
  const entries = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  return (
    <section className="card flush">
      <header>
        <h2>Audit log</h2>
        <p>Newest first</p>
      </header>
      {list.isPending && <Loading />}
      {list.data === undefined && list.error !== null && (
        <Failure error={list.error} retry={() => void list.refetch()} />
      )}
      {list.data !== undefined && entries.length === 0 && <Empty title="Nothing was done yet" />}
      {entries.length > 0 && (
        <div className="table-scroll">
          <table className="table stacked">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Who</th>
                <th scope="col">What</th>
                <th scope="col" className="wide-only">
                  Target
                </th>
                <th scope="col" className="wide-only">
                  From
                </th>
                <th scope="col">Outcome</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry, index) => (
                <tr key={`${entry.time} ${index}`}>
                  <td className="nowrap" title={exactTime(entry.time)}>
                    {clock(entry.time)}
                  </td>
                  <td className="wrap-anywhere">{entry.actor}</td>
                  <td className="mono wrap-anywhere">{entry.action}</td>
                  <td className="wrap-anywhere wide-only">{entry.target}</td>
                  <td className="mono wide-only">{entry.address}</td>
                  <td>
                    <span
                      className={`badge plain-label ${entry.outcome === 'ok' ? 'tone-neutral' : 'tone-bad'}`}
                    >
                      {entry.outcome === 'ok' ? 'Done' : 'Denied'}
                    </span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <MoreButton list={list} />
    </section>
  );
}
