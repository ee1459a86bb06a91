import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router-dom';
import { send } from '../../api/client';
import type { Policy } from '../../api/types';
import { Dialog } from '../../components/Dialog';
import { useTarget } from '../../url/WindowLink';
import { AFFECTED } from './PackCard';

export function DeletePolicy({ policy }: { policy: Policy }) {
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  const listPage = useTarget('/policies');
  const client = useQueryClient();
  const path = `/policies/${encodeURIComponent(policy.id)}`;
  const remove = useMutation({
    mutationFn: () => send('DELETE', path),
    onSuccess: async () => {
      await navigate(listPage);
      // The policy itself is not asked for again: it is gone.
      client.removeQueries({ queryKey: [path] });
      for (const prefix of AFFECTED) void client.invalidateQueries({ queryKey: [prefix] });
    },
  });
  return (
    <>
      <button type="button" className="button danger" onClick={() => setAsking(true)}>
        Delete
      </button>
      {asking && (
        <Dialog
          title={`Delete “${policy.name}”?`}
          action="Delete"
          danger
          busy={remove.isPending}
          error={remove.error}
          onSubmit={() => remove.mutate()}
          onClose={() => setAsking(false)}
        >
          <p>
            Its violations are resolved. This cannot be undone; export the policy first to keep it.
          </p>
        </Dialog>
      )}
    </>
  );
}
