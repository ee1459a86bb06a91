import { useState } from 'react';
import { useNavigate } from 'react-router-dom';
import { send } from '../../api/client';
import { useChange } from '../../api/hooks';
import type { Policy } from '../../api/types';
import { Dialog } from '../../components/Dialog';
import { useTarget } from '../../url/WindowLink';
import { AFFECTED } from './PackCard';

export function DeletePolicy({ policy }: { policy: Policy }) {
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  const listPage = useTarget('/policies');
  const remove = useChange(
    () => send('DELETE', `/policies/${encodeURIComponent(policy.id)}`),
    AFFECTED.filter((path) => path !== '/policies'),
  );
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
          onSubmit={() => remove.mutate(undefined, { onSuccess: () => void navigate(listPage) })}
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
