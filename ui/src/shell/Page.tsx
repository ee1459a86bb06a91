import { useEffect, type ReactNode } from 'react';

interface Props {
  title: string;
  /** Beside the title: what can be done on this page. */
  actions?: ReactNode;
  /** A sentence under the title, where the title alone does not say what this is. */
  lead?: ReactNode;
  children: ReactNode;
}

/** What each page has: its heading, its actions, its content. */
export function Page({ title, actions, lead, children }: Props) {
  useEffect(() => {
    document.title = `${title} · tlsight`;
  }, [title]);
  return (
    <div className="page">
      <header className="page-head">
        <div>
          <h1>{title}</h1>
          {lead !== undefined && <p className="page-lead">{lead}</p>}
        </div>
        {actions !== undefined && <div className="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
