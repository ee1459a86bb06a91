import { useRef, useState } from 'react';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import type { Policy } from '../../api/types';
import { plural } from '../../format/numbers';
import { AFFECTED } from './PackCard';
import { fromStackrox, MAX_FILE_BYTES, toStackrox } from './stackrox';

/** Import and export of policies as StackRox writes them. */
export function Exchange({ policies }: { policies: readonly Policy[] }) {
  const file = useRef<HTMLInputElement>(null);
  const [told, setTold] = useState<{ text: string; bad: boolean } | null>(null);
  const own = policies.filter((policy) => policy.pack === undefined);

  const load = useChange(async (chosen: File) => {
    if (chosen.size > MAX_FILE_BYTES)
      throw new Error('The file is too large to be one of policies.');
    const read = fromStackrox(await chosen.text());
    for (const policy of read) await send('POST', '/policies', policy);
    return read.length;
  }, AFFECTED);

  const onFile = (chosen: File | undefined) => {
    if (chosen === undefined) return;
    load.mutate(chosen, {
      onSuccess: (count) =>
        setTold({ text: `${plural(count, 'policy', 'policies')} imported.`, bad: false }),
      onError: (error) => setTold({ text: `${chosen.name}: ${error.message}`, bad: true }),
    });
  };

  return (
    <>
      {told !== null && (
        <span className={told.bad ? 'outcome-bad' : 'muted'} role="status">
          {told.text}
        </span>
      )}
      <input
        ref={file}
        type="file"
        accept="application/json,.json"
        className="sr-only"
        tabIndex={-1}
        aria-label="File of policies to import"
        onChange={(event) => {
          onFile(event.target.files?.[0]);
          event.target.value = '';
        }}
      />
      <button
        type="button"
        className="button"
        disabled={load.isPending}
        onClick={() => file.current?.click()}
      >
        Import
      </button>
      <button
        type="button"
        className="button"
        disabled={own.length === 0}
        title="Your own policies, as a file that StackRox can read"
        onClick={() => save('tlsight-policies.json', toStackrox(own))}
      >
        Export
      </button>
    </>
  );
}

/** Hands a text to the browser as a download. */
export function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
