import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { licences } from './tools/licences';

/** Where `npm run dev` finds the server: the fixture server's address unless told otherwise. */
const server = process.env.TLSIGHT_URL ?? 'http://127.0.0.1:4180';

export default defineConfig({
  plugins: [react(), licences()],
  build: {
    target: 'es2022',
    // Data URLs would need `img-src data:` in the content security policy.
    assetsInlineLimit: 0,
    // ECharts and Cytoscape are large by themselves, and each loads only on the pages that draw with it.
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        manualChunks: (id) => {
          if (/node_modules\/(echarts|zrender)\//.test(id)) return 'echarts';
          if (/node_modules\/(cytoscape|cytoscape-fcose|cose-base|layout-base)\//.test(id))
            return 'cytoscape';
          if (
            /node_modules\/(react|react-dom|react-router|react-router-dom|@remix-run|scheduler)\//.test(
              id,
            )
          )
            return 'react';
          return undefined;
        },
      },
    },
  },
  server: {
    proxy: {
      '/api/v1': { target: server, secure: false },
      '/openapi.json': { target: server, secure: false },
    },
  },
});
