import { useState } from 'react';
import { address } from '../../api/client';
import { SelectField } from '../../components/Field';
import { Icon } from '../../components/Icon';
import { Page } from '../../shell/Page';
import { SPAN_LABELS, useTimeWindow } from '../../url/window';
import { exactTime } from '../../format/time';
import './reports.css';

interface Report {
  id: 'cbom' | 'pqc' | 'certificates' | 'pci';
  title: string;
  description: string;
  formats: readonly (readonly [format: string, label: string])[];
}

const TABLES = [
  ['html', 'HTML, to print'],
  ['csv', 'CSV'],
  ['json', 'JSON'],
] as const;

const REPORTS: readonly Report[] = [
  {
    id: 'cbom',
    title: 'Cryptography bill of materials',
    description:
      'All protocols, cipher suites, groups and certificates that were observed, as a CycloneDX CBOM.',
    formats: [
      ['json', 'CycloneDX JSON'],
      ['html', 'HTML, to print'],
      ['csv', 'CSV'],
    ],
  },
  {
    id: 'pqc',
    title: 'Post-quantum readiness',
    description:
      'The share of each key exchange class over time, by namespace and by owner, and what blocks each edge.',
    formats: TABLES,
  },
  {
    id: 'certificates',
    title: 'Certificate expiry calendar',
    description: 'Each certificate with the day on which it expires; also as a file for calendars.',
    formats: [...TABLES, ['ics', 'iCalendar']],
  },
  {
    id: 'pci',
    title: 'PCI DSS 12.3.3 inventory',
    description:
      'All cipher suites and protocols in use, where they are used, and when they were last seen.',
    formats: TABLES,
  },
];

const CBOM_VERSIONS = [
  ['1.6', 'CycloneDX 1.6'],
  ['1.7', 'CycloneDX 1.7'],
] as const;

const DATASETS = [
  ['sessions', 'Sessions'],
  ['edges', 'Edges'],
  ['certificates', 'Certificates'],
] as const;

export default function Reports() {
  const [timeWindow] = useTimeWindow();
  const [version, setVersion] = useState('1.6');
  const covered =
    'last' in timeWindow
      ? SPAN_LABELS[timeWindow.last].toLowerCase()
      : `${exactTime(timeWindow.from)} to ${exactTime(timeWindow.to)}`;

  return (
    <Page title="Reports" lead={`Each covers the time window above: ${covered}.`}>
      <div className="report-list">
        {REPORTS.map((report) => (
          <section key={report.id} className="card report">
            <div>
              <h2>{report.title}</h2>
              <p>{report.description}</p>
            </div>
            <div className="row">
              {report.id === 'cbom' && (
                <SelectField
                  label="Version of the CBOM"
                  value={version}
                  options={CBOM_VERSIONS}
                  onPick={setVersion}
                />
              )}
              {report.formats.map(([format, label]) => (
                <a
                  key={format}
                  className="button"
                  download
                  aria-label={`${report.title}: ${label}`}
                  href={address(`/reports/${report.id}`, {
                    ...timeWindow,
                    format,
                    ...(report.id === 'cbom' ? { version } : {}),
                  })}
                >
                  <Icon name="download" size={14} />
                  {label}
                </a>
              ))}
            </div>
          </section>
        ))}
        <section className="card report">
          <div>
            <h2>Raw data</h2>
            <p>All that was recorded, one JSON object a line (NDJSON), for your own tools.</p>
          </div>
          <div className="row">
            {DATASETS.map(([dataset, label]) => (
              <a
                key={dataset}
                className="button"
                download
                href={address('/export', { ...timeWindow, dataset })}
              >
                <Icon name="download" size={14} />
                {label}
              </a>
            ))}
          </div>
        </section>
      </div>
    </Page>
  );
}
