import { useState } from 'react';
import { Dialog } from './Dialog';

interface Props {
  label: string;
  /** What it is about, for screen readers: several such buttons stand in one list. */
  subject: string;
  question: string;
  consequence: string;
  busy: boolean;
  onConfirm: () => void;
}

/** A button for what cannot be undone: it asks first. */
export function ConfirmButton({ label, subject, question, consequence, busy, onConfirm }: Props) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button small danger"
        aria-label={`${label} ${subject}`}
        disabled={busy}
        onClick={() => setAsking(true)}
      >
        {label}
      </button>
      {asking && (
        <Dialog
          title={question}
          action={label}
          danger
          onClose={() => setAsking(false)}
          onSubmit={() => {
            setAsking(false);
            onConfirm();
          }}
        >
          <p>{consequence}</p>
        </Dialog>
      )}
    </>
  );
}
