import type { Labels as LabelMap } from '../../api/types';

/** Labels of an agent, of a token or of a stage. */
export function Labels({ labels }: { labels: LabelMap }) {
  const entries = Object.entries(labels);
  if (entries.length === 0) return <span className="muted">None</span>;
  return (
    <span className="row wrap">
      {entries.map(([name, value]) => (
        <span key={name} className="badge plain-label mono wrap-anywhere">
          {name}={value}
        </span>
      ))}
    </span>
  );
}

/** Labels as a person writes them: `cluster=prod, tenant=blue`. Nothing if one of them makes no sense. */
export function parseLabels(text: string): LabelMap | null {
  const labels: LabelMap = {};
  for (const part of text.split(/[\s,]+/).filter((part) => part !== '')) {
    const at = part.indexOf('=');
    if (at < 1 || at === part.length - 1) return null;
    labels[part.slice(0, at)] = part.slice(at + 1);
  }
  return labels;
}
