import type { ComponentProps } from 'react';
import { Link, NavLink, useLocation, type To } from 'react-router-dom';
import { windowSearch } from './window';

/** An address within the UI: a path and its own parameters. The time window comes along by itself. */
interface Target {
  to: string;
  filters?: Record<string, string | undefined>;
}

type LinkProps = Omit<ComponentProps<typeof Link>, 'to'> & Target;
type NavProps = Omit<ComponentProps<typeof NavLink>, 'to'> & Target;

export function WindowLink({ to, filters, ...rest }: LinkProps) {
  return <Link to={useTarget(to, filters)} {...rest} />;
}

export function WindowNavLink({ to, filters, ...rest }: NavProps) {
  return <NavLink to={useTarget(to, filters)} {...rest} />;
}

/** The whole address of a target, for `navigate`. */
export function useTarget(pathname: string, filters: Target['filters'] = {}): To {
  const search = windowSearch(useLocation().search);
  for (const [name, value] of Object.entries(filters)) {
    if (value !== undefined && value !== '') search.set(name, value);
  }
  return { pathname, search: search.toString() };
}
