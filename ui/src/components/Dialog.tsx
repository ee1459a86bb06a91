import { useEffect, useId, useRef, type FormEvent, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import './dialog.css';

interface Props {
  title: string;
  /** The word on the button that does it. */
  action: string;
  danger?: boolean;
  busy?: boolean;
  error?: Error | null;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** A question that must be answered first: a native modal dialog, which keeps the focus and knows Esc. */
export function Dialog(props: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();

  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A dialog may be opened from within a form, which React would submit too.
    event.stopPropagation();
    props.onSubmit();
  };

  return createPortal(
    <dialog ref={dialog} className="dialog" aria-labelledby={titleId} onClose={props.onClose}>
      <form onSubmit={submit} className="stack">
        <h2 id={titleId}>{props.title}</h2>
        {props.children}
        {props.error && (
          <p className="notice bad" role="alert">
            {props.error.message}
          </p>
        )}
        <div className="row end">
          <button type="button" className="button" onClick={props.onClose}>
            Cancel
          </button>
          <button
            type="submit"
            className={props.danger === true ? 'button danger' : 'button primary'}
            disabled={props.busy}
          >
            {props.action}
          </button>
        </div>
      </form>
    </dialog>,
    document.body,
  );
}
