import type { Fields } from '../../api/types';

/** Deeper than any event is; what lies below is shown as JSON, so that no nesting can overflow. */
const MAX_DEPTH = 12;
/** Long lists show this many items; the rest is counted. */
const MAX_ITEMS = 200;
/** Groups that are open at first: what says who spoke with whom, and how. */
const OPEN = new Set(['tls', 'tlsight', 'event', 'client', 'server', 'process']);

interface Props {
  event: Record<string, unknown>;
  fields: Fields;
}

/** An event as a tree; each field with what it means. */
export function EventTree({ event, fields }: Props) {
  return (
    <div className="tree">
      <Branch value={event} path="" fields={fields} depth={0} />
    </div>
  );
}

interface BranchProps {
  value: Record<string, unknown>;
  path: string;
  fields: Fields;
  depth: number;
}

function Branch({ value, path, fields, depth }: BranchProps) {
  const entries = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
  return (
    <ul>
      {entries.map(([name, item]) => (
        <Node
          key={name}
          name={name}
          value={item}
          path={path === '' ? name : `${path}.${name}`}
          fields={fields}
          depth={depth}
        />
      ))}
    </ul>
  );
}

interface NodeProps {
  name: string;
  value: unknown;
  path: string;
  fields: Fields;
  depth: number;
}

function Node({ name, value, path, fields, depth }: NodeProps) {
  const meaning = fields[path]?.description;
  if (isObject(value) && depth < MAX_DEPTH) {
    return (
      <li>
        <details open={OPEN.has(path)}>
          <summary>
            <span className="key">{name}</span>
            <Meaning text={meaning} />
          </summary>
          <Branch value={value} path={path} fields={fields} depth={depth + 1} />
        </details>
      </li>
    );
  }
  if (Array.isArray(value) && value.some(isObject) && depth < MAX_DEPTH) {
    return (
      <li>
        <details>
          <summary>
            <span className="key">{name}</span>
            <span className="meaning">{`${value.length} items`}</span>
          </summary>
          <Items values={value} path={path} fields={fields} depth={depth} />
        </details>
      </li>
    );
  }
  return (
    <li>
      <span className="leaf">
        <span>
          <span className="key">{name}</span> <span className="value">{text(value)}</span>
        </span>
        <Meaning text={meaning} />
      </span>
    </li>
  );
}

type ItemsProps = Omit<BranchProps, 'value'> & { values: unknown[] };

function Items({ values, path, fields, depth }: ItemsProps) {
  return (
    <ul>
      {values.slice(0, MAX_ITEMS).map((item, index) => (
        <Node
          // Items have no identity but their place.
          key={index}
          name={`${index}`}
          value={item}
          path={path}
          fields={fields}
          depth={depth + 1}
        />
      ))}
      {values.length > MAX_ITEMS && <li className="muted">{values.length - MAX_ITEMS} more</li>}
    </ul>
  );
}

/** A description, in which names stand between backticks. */
function Meaning({ text }: { text: string | undefined }) {
  if (text === undefined || text === '') return null;
  return (
    <span className="meaning">
      {text
        .split('`')
        .map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}
    </span>
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_ITEMS).map(text).join(', ');
    return value.length > MAX_ITEMS ? `${shown} and ${value.length - MAX_ITEMS} more` : shown;
  }
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
