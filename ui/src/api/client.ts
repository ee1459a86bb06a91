import type { Problem } from './types';

/** An answer other than 2xx, or none at all (`status` 0). */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = 'ApiError';
  }

  get status(): number {
    return this.problem.status;
  }
}

export type Query = Record<string, string | number | boolean | undefined>;

export const API = '/api/v1';

let csrfToken: string | undefined;
let onUnauthorised: () => void = () => undefined;

/** Keeps the token that each change carries; `undefined` after the log-out. */
export function setCsrfToken(token: string | undefined): void {
  csrfToken = token;
}

/** Says what to do when the server answers that nobody is logged in. */
export function setOnUnauthorised(handler: () => void): void {
  onUnauthorised = handler;
}

export function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return request<T>('GET', path, { query, signal });
}

export function send<T>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  return request<T>(method, path, { body });
}

/** The address of an endpoint, for downloads and the event stream. */
export function address(path: string, query?: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `${API}${path}${text === '' ? '' : `?${text}`}`;
}

interface Options {
  query?: Query | undefined;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

async function request<T>(method: string, path: string, options: Options): Promise<T> {
  const headers = new Headers({ Accept: 'application/json' });
  if (options.body !== undefined) headers.set('Content-Type', 'application/json');
  if (method !== 'GET' && csrfToken !== undefined) headers.set('X-CSRF-Token', csrfToken);
  let response: Response;
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers,
      credentials: 'same-origin',
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError({ type: 'about:blank', title: 'The server does not answer', status: 0 });
  }
  if (!response.ok) {
    const problem = await problemOf(response);
    if (response.status === 401 && path !== '/login') onUnauthorised();
    throw new ApiError(problem);
  }
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback: Problem = {
    type: 'about:blank',
    title: `${response.status} ${response.statusText}`.trim(),
    status: response.status,
  };
  const retryAfter = response.headers.get('Retry-After');
  try {
    const body = (await response.json()) as Partial<Problem>;
    const detail = body.detail ?? (retryAfter === null ? undefined : waitText(retryAfter));
    return {
      ...fallback,
      ...(typeof body.title === 'string' ? { title: body.title } : {}),
      ...(typeof detail === 'string' ? { detail } : {}),
    };
  } catch {
    return retryAfter === null ? fallback : { ...fallback, detail: waitText(retryAfter) };
  }
}

function waitText(retryAfter: string): string {
  return `Too many attempts. Try again in ${retryAfter} seconds.`;
}
