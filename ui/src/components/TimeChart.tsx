import { lazy, Suspense } from 'react';
import { count } from '../format/numbers';
import { exactTime } from '../format/time';
import './chart.css';

const StackedBars = lazy(() => import('./StackedBars'));

export interface Series<K extends string> {
  key: K;
  label: string;
  /** The colour token. */
  fill: string;
  /** Drawn with stripes, so that colour is not the only signal. */
  striped?: boolean;
}

interface Props<K extends string> {
  label: string;
  points: readonly (Record<K, number> & { time: string })[];
  /** Bottom of the stack first. */
  series: readonly Series<K>[];
}

/** Counts over time as stacked bars, with the same numbers as a table for who cannot see bars. */
export function TimeChart<K extends string>({ label, points, series }: Props<K>) {
  const shown = series.filter(({ key }) => points.some((point) => point[key] > 0));
  if (shown.length === 0) return <p className="muted">Nothing in this time window.</p>;
  return (
    <figure className="chart">
      <ul className="chart-legend" aria-hidden="true">
        {shown.map((item) => (
          <li key={item.key}>
            <span
              className={`swatch swatch-${item.fill}${item.striped === true ? ' striped' : ''}`}
            />
            {item.label}
          </li>
        ))}
      </ul>
      <div
        className="chart-canvas"
        role="img"
        aria-label={`${label}. The numbers are in the table below.`}
      >
        <Suspense fallback={null}>
          <StackedBars points={points} series={shown} />
        </Suspense>
      </div>
      <details className="chart-table">
        <summary>Show as a table</summary>
        {/* The region scrolls, so the keyboard must reach it. */}
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
        <div className="table-scroll" tabIndex={0} role="region" aria-label={`${label}, table`}>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">From</th>
                {shown.map((item) => (
                  <th key={item.key} scope="col" className="num">
                    {item.label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {points.map((point) => (
                <tr key={point.time}>
                  <td className="nowrap">{exactTime(point.time)}</td>
                  {shown.map((item) => (
                    <td key={item.key} className="num">
                      {count(point[item.key])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
