/** The parts of an OpenAPI 3.1 document that the viewer shows. */
export interface Document {
  openapi: string;
  info: { title: string; version: string; description?: string };
  paths?: Record<string, Record<string, Operation | undefined> | undefined>;
  components?: { schemas?: Record<string, Schema> };
}

export interface Operation {
  tags?: string[];
  operationId?: string;
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content?: Content };
  responses?: Record<string, { description?: string; content?: Content } | undefined>;
}

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

export type Content = Record<string, { schema?: Schema } | undefined>;

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

export interface Endpoint {
  id: string;
  method: string;
  path: string;
  operation: Operation;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const UNTAGGED = 'other';

/** All operations by their first tag, in the order of the document. */
export function endpointsByTag(document: Document): Map<string, Endpoint[]> {
  const tags = new Map<string, Endpoint[]>();
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS) {
      const operation = item?.[method];
      if (operation === undefined) continue;
      const tag = operation.tags?.[0] ?? UNTAGGED;
      const id = operation.operationId ?? `${method} ${path}`;
      tags.set(tag, [...(tags.get(tag) ?? []), { id, method, path, operation }]);
    }
  }
  return tags;
}

/** The name of a schema that a reference points to. */
export function referenced(schema: Schema): string | undefined {
  return /^#\/components\/schemas\/(.+)$/.exec(schema.$ref ?? '')?.[1];
}

/** The type of a schema in one line, without what it refers to. */
export function typeName(schema: Schema | undefined): string {
  if (schema === undefined) return 'any';
  const reference = referenced(schema);
  if (reference !== undefined) return reference;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const parts = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (parts !== undefined) return parts.map(typeName).join(schema.allOf ? ' & ' : ' | ');
  const types = [schema.type ?? 'any'].flat().filter((type) => type !== 'null');
  if (types.includes('array')) return `${typeName(schema.items)}[]`;
  const format = schema.format === undefined ? '' : ` (${schema.format})`;
  return types.join(' | ') + format;
}
