import type { ComponentType } from 'react';
import { createBrowserRouter, type RouteObject } from 'react-router-dom';
import { Gate } from './shell/Gate';
import { NotFound } from './shell/NotFound';
import { PageError } from './shell/PageError';
import { Shell } from './shell/Shell';

/** A page is loaded when it is first opened. */
function page(path: string, load: () => Promise<{ default: ComponentType }>): RouteObject {
  return {
    path,
    errorElement: <PageError />,
    lazy: async () => ({ Component: (await load()).default }),
  };
}

export const router = createBrowserRouter(
  [
    {
      element: <Gate />,
      errorElement: <PageError />,
      hydrateFallbackElement: <></>,
      children: [
        page('/login', () => import('./pages/Login/Login')),
        page('/setup', () => import('./pages/Login/Setup')),
        {
          element: <Shell />,
          children: [
            page('/', () => import('./pages/Overview/Overview')),
            page('/network', () => import('./pages/Network/Network')),
            page('/sessions', () => import('./pages/Sessions/Sessions')),
            page('/sessions/:id', () => import('./pages/Sessions/Sessions')),
            page('/certificates', () => import('./pages/Certificates/Certificates')),
            page('/certificates/:fingerprint', () => import('./pages/Certificates/Certificates')),
            page('/pqc', () => import('./pages/Pqc/Pqc')),
            page('/policies', () => import('./pages/Policies/Policies')),
            page('/policies/new', () => import('./pages/Policies/EditPolicy')),
            page('/policies/:id', () => import('./pages/Policies/EditPolicy')),
            page('/violations', () => import('./pages/Violations/Violations')),
            page('/agents', () => import('./pages/Agents/Agents')),
            page('/reports', () => import('./pages/Reports/Reports')),
            page('/settings', () => import('./pages/Settings/Settings')),
            page('/settings/:tab', () => import('./pages/Settings/Settings')),
            page('/api', () => import('./pages/ApiDocs/ApiDocs')),
            { path: '*', element: <NotFound /> },
          ],
        },
      ],
    },
  ],
  {
    future: {
      v7_relativeSplatPath: true,
      v7_fetcherPersist: true,
      v7_normalizeFormMethod: true,
      v7_partialHydration: true,
      v7_skipActionErrorRevalidation: true,
    },
  },
);
