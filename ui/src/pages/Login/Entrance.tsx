import type { ReactNode } from 'react';
import './login.css';

/** The frame of what is shown before anybody is logged in. */
export function Entrance({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="entrance">
      <div className="entrance-card">
        <p className="wordmark">
          <img src="/favicon.svg" alt="" width="26" height="26" />
          tlsight
        </p>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
