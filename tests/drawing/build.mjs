// Bundle the page that draws a dashboard, and what is injected into other pages: `node build.mjs FOLDER`, where FOLDER holds node_modules and gets the bundle.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = resolve(process.argv[2]);
const modules = join(folder, 'node_modules');
const here = dirname(fileURLToPath(import.meta.url));
const { build } = createRequire(join(folder, 'package.json'))('esbuild');

// The ES modules of these packages break the default imports of their dependencies; the CommonJS files work.
const grafana = {
  name: 'grafana',
  setup(bundle) {
    bundle.onResolve({ filter: /^@grafana\/(ui|data|runtime|schema|e2e-selectors)$/ }, ({ path }) => ({
      path: join(modules, path, 'dist/cjs/index.cjs'),
    }));
    bundle.onResolve({ filter: /^@grafana\/schema\/dist\/esm\/raw\// }, ({ path }) => ({
      path: ['', '.mjs', '.js'].map((ending) => join(modules, path + ending)).find((file) => existsSync(file)),
    }));
  },
};

await build({
  entryPoints: { page: join(here, 'page/main.jsx'), legibility: join(here, 'page/legibility.js') },
  inject: [join(here, 'page/process.js')],
  outdir: join(folder, 'bundle'),
  bundle: true,
  minify: true,
  format: 'iife',
  jsx: 'automatic',
  nodePaths: [modules],
  alias: { 'react-router-dom-v5-compat': 'react-router-dom' },
  mainFields: ['browser', 'module', 'main'],
  define: { 'process.env.NODE_ENV': '"production"', 'process.env.JEST_WORKER_ID': 'undefined', global: 'window' },
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
  plugins: [grafana],
  logLevel: 'error',
});
