import { referenced, typeName, type Schema } from './document';

/** The address of a schema on the page. */
function anchor(name: string): string {
  return `schema-${name}`;
}

/** The type of a schema; a named one leads to its description. */
export function TypeLink({ schema }: { schema: Schema }) {
  const name = referenced(schema) ?? (schema.items && referenced(schema.items));
  const text = typeName(schema);
  if (name === undefined) return <span className="mono">{text}</span>;
  return (
    <a className="mono" href={`#${anchor(name)}`} onClick={() => open(name)}>
      {text}
    </a>
  );
}

function open(name: string): void {
  const element = document.getElementById(anchor(name));
  if (element instanceof HTMLDetailsElement) element.open = true;
}

export function SchemaDocs({ name, schema }: { name: string; schema: Schema }) {
  const properties = Object.entries(schema.properties ?? {});
  const required = new Set(schema.required ?? []);
  const values = schema.enum ?? (schema.oneOf ?? []).map((part) => part.const).filter(Boolean);
  return (
    <details className="endpoint" id={anchor(name)}>
      <summary>
        <code className="endpoint-path">{name}</code>
        <span className="endpoint-summary">{schema.description}</span>
      </summary>
      <div className="endpoint-body">
        {properties.length === 0 && values.length === 0 && (
          <p className="mono wrap-anywhere">{typeName(schema)}</p>
        )}
        {values.length > 0 && (
          <p className="mono wrap-anywhere">
            {values.map((value) => JSON.stringify(value)).join(' | ')}
          </p>
        )}
        {properties.length > 0 && (
          <div className="table-scroll">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">Field</th>
                  <th scope="col">Type</th>
                  <th scope="col">Meaning</th>
                </tr>
              </thead>
              <tbody>
                {properties.map(([field, property]) => (
                  <tr key={field}>
                    <td className="mono">
                      {field}
                      {!required.has(field) && <small>optional</small>}
                    </td>
                    <td>
                      <TypeLink schema={property} />
                    </td>
                    <td>{property.description}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
    </details>
  );
}
