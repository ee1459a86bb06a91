import { Suspense, useEffect, useRef, useState } from 'react';
import { Outlet, useLocation, useNavigation } from 'react-router-dom';
import { LiveProvider } from '../api/live';
import { Icon } from '../components/Icon';
import { Loading } from '../components/States';
import { DemoMark } from './DemoMark';
import { LiveIndicator } from './LiveIndicator';
import { Navigation } from './Navigation';
import { TimeWindowSelect } from './TimeWindowSelect';
import { UserMenu } from './UserMenu';
import './shell.css';

/** The sections of the address whose pages show a time window of what was observed. */
const WINDOWED = new Set([
  '',
  'network',
  'sessions',
  'certificates',
  'pqc',
  'violations',
  'reports',
]);

/** The frame of every page: navigation, time window, live indicator, and who is logged in. */
export function Shell() {
  const [open, setOpen] = useState(false);
  const { pathname } = useLocation();
  const busy = useNavigation().state !== 'idle';
  const main = useRef<HTMLElement>(null);
  const menu = useRef<HTMLButtonElement>(null);
  const section = pathname.split('/')[1] ?? '';
  const before = useRef(section);

  useEffect(() => {
    if (before.current === section) return;
    before.current = section;
    setOpen(false);
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [section]);

  useEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      menu.current?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [open]);

  return (
    <LiveProvider>
      <a className="skip-link" href="#content">
        Skip to content
      </a>
      <div className={open ? 'shell nav-open' : 'shell'}>
        <Navigation onNavigate={() => setOpen(false)} />
        {open && <div className="nav-backdrop" onClick={() => setOpen(false)} aria-hidden="true" />}
        <div className="shell-main">
          <header className="topbar">
            <button
              ref={menu}
              type="button"
              className="button quiet icon nav-toggle"
              aria-label="Navigation"
              aria-expanded={open}
              aria-controls="navigation"
              onClick={() => setOpen(!open)}
            >
              <Icon name="menu" />
            </button>
            {WINDOWED.has(section) && <TimeWindowSelect />}
            <LiveIndicator />
            <DemoMark />
            <div className="topbar-space" />
            <UserMenu />
          </header>
          <main id="content" ref={main} tabIndex={-1} aria-busy={busy}>
            <Suspense fallback={<Loading />}>
              <Outlet />
            </Suspense>
          </main>
        </div>
      </div>
    </LiveProvider>
  );
}
