import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react';
import { Link } from 'react-router-dom';
import type { SessionRow } from '../../api/types';
import { GradeBadge, OutcomeText } from '../../components/Badges';
import { clock, exactTime } from '../../format/time';
import { NARROW, useMedia } from '../../theme/media';
import { versionLabel } from '../../vocabulary/grades';

const WIDE_ROW_PX = 38;
const NARROW_ROW_PX = 92;
/** Rows above and below the visible ones that are kept in the page. */
const OVERSCAN = 12;
/** The next page is fetched when this few rows are left. */
const NEAR_END = 20;
const COLUMNS = [
  'Time',
  'Grade',
  'Client',
  'Server',
  'Version',
  'Cipher',
  'Key exchange',
  'Outcome',
];

interface Props {
  rows: readonly SessionRow[];
  /** No more rows can be fetched. */
  complete: boolean;
  selected: string | undefined;
  /** The address's parameters, which the links to single sessions keep. */
  search: string;
  onNearEnd: () => void;
}

/** The list of sessions, of which only the visible rows are in the page. */
export function SessionTable({ rows, complete, selected, search, onNearEnd }: Props) {
  const narrow = useMedia(NARROW);
  const table = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => setOffset(table.current?.offsetTop ?? 0), [narrow]);

  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => (narrow ? NARROW_ROW_PX : WIDE_ROW_PX),
    overscan: OVERSCAN,
    scrollMargin: offset,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  useEffect(() => virtual.measure(), [virtual, narrow]);

  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (!complete && last >= rows.length - NEAR_END) onNearEnd();
  }, [last, rows.length, complete, onNearEnd]);

  return (
    <div
      className="session-table"
      role="table"
      aria-label="Sessions"
      aria-rowcount={complete ? rows.length + 1 : -1}
    >
      <div role="rowgroup" className="session-head">
        <div role="row" className="session-row" aria-rowindex={1}>
          {COLUMNS.map((name) => (
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
        </div>
      </div>
      <div
        ref={table}
        role="rowgroup"
        className="session-body"
        style={{ height: virtual.getTotalSize() }}
      >
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <Row
              key={item.key}
              row={row}
              index={item.index}
              top={item.start - offset}
              selected={row.id === selected}
              search={search}
            />
          );
        })}
      </div>
    </div>
  );
}

interface RowProps {
  row: SessionRow;
  index: number;
  top: number;
  selected: boolean;
  search: string;
}

const Row = memo(function Row({ row, index, top, selected, search }: RowProps) {
  const server = row.server_name ?? row.destination.name;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={selected ? 'session-row selected' : 'session-row'}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="cell" className="cell-time">
        <Link
          to={{ pathname: `/sessions/${encodeURIComponent(row.id)}`, search }}
          className="row-link"
          title={exactTime(row.time)}
          aria-current={selected ? 'true' : undefined}
          preventScrollReset
          onKeyDown={moveFocus}
        >
          {clock(row.time)}
        </Link>
      </span>
      <span role="cell" className="cell-grade">
        <GradeBadge grade={row.grade} short />
      </span>
      <span
        role="cell"
        className="cell-client truncate"
        title={`${row.source.name} ${row.client_ip}`}
      >
        {row.source.name}
        {row.source.name !== row.client_ip && <span className="muted mono"> {row.client_ip}</span>}
      </span>
      <span role="cell" className="cell-server truncate" title={`${server}:${row.server_port}`}>
        {server}
        <span className="muted mono">:{row.server_port}</span>
      </span>
      <span role="cell" className="cell-version">
        {versionLabel(row.version)}
      </span>
      <span role="cell" className="cell-cipher mono truncate" title={row.cipher}>
        {row.cipher ?? '–'}
      </span>
      <span role="cell" className="cell-group mono truncate" title={row.group}>
        {row.group ?? (row.resumed ? 'resumed' : '–')}
      </span>
      <span role="cell" className="cell-outcome truncate" title={row.alert}>
        <OutcomeText outcome={row.outcome} alert={row.alert} />
      </span>
    </div>
  );
});

/** Up and down go from row to row. */
function moveFocus(event: KeyboardEvent<HTMLAnchorElement>) {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const index = Number(event.currentTarget.closest('[role=row]')?.getAttribute('aria-rowindex'));
  const next = index + (event.key === 'ArrowDown' ? 1 : -1);
  const link = document.querySelector<HTMLElement>(`[aria-rowindex="${next}"] .row-link`);
  if (link === null) return;
  event.preventDefault();
  link.focus();
}
