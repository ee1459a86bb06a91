import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router-dom';
import { shouldRetry } from './api/hooks';
import { router } from './router';
import { applyTheme } from './theme/theme';
import './theme/tokens.css';
import './theme/vendor.css';
import './theme/base.css';
import './theme/controls.css';
import './theme/blocks.css';

/** For how long an answer is fresh enough to be shown again without a request, in milliseconds. */
const STALE_MS = 10_000;

applyTheme();

const client = new QueryClient({
  defaultOptions: {
    queries: { retry: shouldRetry, staleTime: STALE_MS, refetchOnWindowFocus: false },
  },
});

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} future={{ v7_startTransition: true }} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
