import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type UseQueryOptions,
} from '@tanstack/react-query';
import { ApiError, get, type Query } from './client';
import type { Page } from './types';

/** Lists ask for this many items at a time: a few screens of rows. */
export const PAGE_SIZE = 100;
/** The most that the server gives at once. */
const MAX_ITEMS = 1000;

type Options<T> = Pick<UseQueryOptions<T>, 'refetchInterval' | 'staleTime' | 'enabled'>;

/** Reads one thing, and keeps the former answer on the screen while a new filter's is on its way. */
export function useApi<T>(path: string, query: Query = {}, options: Options<T> = {}) {
  return useQuery<T>({
    queryKey: [path, query],
    queryFn: ({ signal }) => get<T>(path, query, signal),
    placeholderData: keepPreviousData,
    ...options,
  });
}

/**
 * Reads a short list: what an operator made by hand (packs, policies, notifiers, users) or one row a
 * machine (agents). The server gives these whole or as one page.
 */
export function useApiItems<T>(path: string, query: Query = {}, options: Options<T[]> = {}) {
  return useQuery<T[]>({
    queryKey: [path, query, 'items'],
    queryFn: async ({ signal }) => {
      const answer = await get<T[] | Page<T>>(path, { limit: MAX_ITEMS, ...query }, signal);
      return Array.isArray(answer) ? answer : answer.items;
    },
    ...options,
  });
}

/** Reads a list page by page. */
export function useApiList<T>(
  path: string,
  query: Query = {},
  options: { enabled?: boolean } = {},
) {
  return useInfiniteQuery({
    queryKey: [path, query, 'pages'],
    queryFn: ({ signal, pageParam }) =>
      get<Page<T>>(path, { limit: PAGE_SIZE, ...query, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    ...options,
  });
}

/** Changes something; afterwards everything that was read under `paths` is read again. */
export function useChange<Input, Output>(
  change: (input: Input) => Promise<Output>,
  paths: readonly string[],
) {
  const client = useQueryClient();
  return useMutation<Output, Error, Input>({
    mutationFn: change,
    onSuccess: () =>
      client.invalidateQueries({
        predicate: ({ queryKey: [path] }) =>
          typeof path === 'string' && paths.some((prefix) => path.startsWith(prefix)),
      }),
  });
}

/** Whether another try may help: not when the server has understood and refused. */
export function shouldRetry(failures: number, error: Error): boolean {
  if (error instanceof ApiError && error.status >= 400 && error.status < 500) return false;
  return failures < 2;
}
