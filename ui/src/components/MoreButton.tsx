interface Props {
  list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}

/** Fetches the next page of a list, if there is one. */
export function MoreButton({ list }: Props) {
  if (!list.hasNextPage) return null;
  return (
    <div className="more">
      <button
        type="button"
        className="button"
        disabled={list.isFetchingNextPage}
        onClick={() => list.fetchNextPage()}
      >
        {list.isFetchingNextPage ? 'Loading' : 'Show more'}
      </button>
    </div>
  );
}
