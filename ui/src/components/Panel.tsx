import { useEffect, useRef, type ReactNode } from 'react';
import { Icon } from './Icon';
import './panel.css';

interface Props {
  title: ReactNode;
  /** What screen readers announce. */
  label: string;
  onClose: () => void;
  children: ReactNode;
}

/** A side panel beside the list that it belongs to. Esc closes it, and the focus returns to where it was. */
export function Panel({ title, label, onClose, children }: Props) {
  const heading = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;

  useEffect(() => {
    const before = document.activeElement;
    heading.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const inDialog = document.querySelector('dialog[open]') !== null;
      if (event.key === 'Escape' && !event.defaultPrevented && !inDialog) close.current();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  return (
    <aside className="panel" aria-label={label}>
      <header className="panel-head">
        <div ref={heading} tabIndex={-1} className="panel-title">
          {title}
        </div>
        <button
          type="button"
          className="button quiet icon"
          onClick={onClose}
          aria-label="Close panel"
          title="Close (Esc)"
        >
          <Icon name="close" />
        </button>
      </header>
      {/* The region scrolls, so the keyboard must reach it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="panel-body" tabIndex={0} role="region" aria-label={`${label}, content`}>
        {children}
      </div>
    </aside>
  );
}
