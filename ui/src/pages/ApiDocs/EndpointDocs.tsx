import { Fragment } from 'react';
import { typeName, type Content, type Endpoint, type Parameter } from './document';
import { TypeLink } from './SchemaDocs';

export function EndpointDocs({ endpoint }: { endpoint: Endpoint }) {
  const { operation } = endpoint;
  return (
    <details className="endpoint">
      <summary>
        <span className={`method method-${endpoint.method}`}>{endpoint.method.toUpperCase()}</span>
        <code className="endpoint-path">{endpoint.path}</code>
        <span className="endpoint-summary">{operation.summary}</span>
      </summary>
      <div className="endpoint-body">
        {operation.description !== undefined && <p>{operation.description}</p>}
        <Parameters parameters={operation.parameters ?? []} />
        {operation.requestBody !== undefined && (
          <div>
            <h3>Body{operation.requestBody.required === true && ', required'}</h3>
            <Types content={operation.requestBody.content} />
          </div>
        )}
        <div>
          <h3>Answers</h3>
          <dl className="facts answers">
            {Object.entries(operation.responses ?? {}).map(([status, response]) => (
              <Fragment key={status}>
                <dt className="mono">{status}</dt>
                <dd>
                  {response?.description} <Types content={response?.content} />
                </dd>
              </Fragment>
            ))}
          </dl>
        </div>
      </div>
    </details>
  );
}

function Parameters({ parameters }: { parameters: readonly Parameter[] }) {
  if (parameters.length === 0) return null;
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Parameter</th>
            <th scope="col">In</th>
            <th scope="col">Type</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {parameters.map((parameter) => (
            <tr key={`${parameter.in} ${parameter.name}`}>
              <td className="mono">
                {parameter.name}
                {parameter.required === true && <small>required</small>}
              </td>
              <td>{parameter.in}</td>
              <td className="mono">
                {parameter.schema === undefined ? 'string' : <TypeLink schema={parameter.schema} />}
              </td>
              <td>
                {parameter.description}
                {parameter.schema?.default !== undefined && (
                  <small>Default: {JSON.stringify(parameter.schema.default)}</small>
                )}
                {parameter.schema?.maximum !== undefined && (
                  <small>At most {parameter.schema.maximum}</small>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Types({ content }: { content: Content | undefined }) {
  return (
    <>
      {Object.entries(content ?? {}).map(([media, value]) => (
        <span key={media} className="media">
          <span className="muted mono">{media}</span>{' '}
          {value?.schema === undefined ? (
            <span className="mono">{typeName(undefined)}</span>
          ) : (
            <TypeLink schema={value.schema} />
          )}
        </span>
      ))}
    </>
  );
}
