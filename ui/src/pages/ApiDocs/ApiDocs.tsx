import { useQuery } from '@tanstack/react-query';
import { ApiError } from '../../api/client';
import { FilterBar, SearchFilter } from '../../components/FilterBar';
import { Empty, Loaded } from '../../components/States';
import { Page } from '../../shell/Page';
import { useFilters } from '../../url/filters';
import { endpointsByTag, type Document } from './document';
import { EndpointDocs } from './EndpointDocs';
import { SchemaDocs } from './SchemaDocs';
import './api-docs.css';

const FILTERS = ['q'] as const;

export default function ApiDocs() {
  const [filters, setFilters] = useFilters(FILTERS);
  const document = useQuery({ queryKey: ['openapi'], queryFn: readDocument, staleTime: Infinity });
  return (
    <Page
      title="API"
      lead="Everything on these pages comes from this API. Scripts use it with an API token from the settings."
      actions={
        <a className="button" href="/openapi.json" download>
          OpenAPI document
        </a>
      }
    >
      <section className="card">
        <pre>
          <code>{`curl -H "Authorization: Bearer $TLSIGHT_TOKEN" ${window.location.origin}/api/v1/overview`}</code>
        </pre>
      </section>
      <FilterBar>
        <SearchFilter
          wide
          label="Search"
          placeholder="Path, summary, parameter"
          value={filters.q}
          onChange={(q) => setFilters({ q })}
        />
      </FilterBar>
      <Loaded query={document}>
        {(data) => <Operations document={data} search={filters.q ?? ''} />}
      </Loaded>
    </Page>
  );
}

function Operations({ document, search }: { document: Document; search: string }) {
  const wanted = search.toLowerCase();
  const tags = [...endpointsByTag(document)]
    .map(([tag, endpoints]) => ({
      tag,
      endpoints: endpoints.filter((endpoint) =>
        JSON.stringify(endpoint).toLowerCase().includes(wanted),
      ),
    }))
    .filter(({ endpoints }) => endpoints.length > 0);
  const schemas = Object.entries(document.components?.schemas ?? {}).filter(([name]) =>
    name.toLowerCase().includes(wanted),
  );
  if (tags.length === 0 && schemas.length === 0) {
    return <Empty title="Nothing matches">Search for a part of a path, such as “sessions”.</Empty>;
  }
  return (
    <>
      {tags.map(({ tag, endpoints }) => (
        <section key={tag} className="card flush" aria-labelledby={`tag-${tag}`}>
          <header>
            <h2 id={`tag-${tag}`}>{tag}</h2>
          </header>
          {endpoints.map((endpoint) => (
            <EndpointDocs key={endpoint.id} endpoint={endpoint} />
          ))}
        </section>
      ))}
      {schemas.length > 0 && (
        <section className="card flush" aria-labelledby="schemas">
          <header>
            <h2 id="schemas">Schemas</h2>
          </header>
          {schemas.map(([name, schema]) => (
            <SchemaDocs key={name} name={name} schema={schema} />
          ))}
        </section>
      )}
    </>
  );
}

async function readDocument({ signal }: { signal: AbortSignal }): Promise<Document> {
  const response = await fetch('/openapi.json', { signal, credentials: 'same-origin' });
  if (!response.ok) {
    throw new ApiError({
      type: 'about:blank',
      title: 'The server does not describe its API',
      status: response.status,
    });
  }
  return (await response.json()) as Document;
}
