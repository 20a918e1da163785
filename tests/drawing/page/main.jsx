// Draw one dashboard: ?dashboard=NAME&prometheus=URL&theme=dark&width=1600, and var-NAME=VALUE as in Grafana.
import { ThemeContext } from '@grafana/data';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { MemoryRouter } from 'react-router-dom';
import { measure } from './measure.js';
import { registerPanels } from './panels.jsx';
import { Prometheus } from './prometheus.js';
import { eventsOf, failedPanelsOf, heightOf, itemsOf, sceneOf, waitingOf } from './scene.js';
import { startServices } from './services.js';

const parameters = new URLSearchParams(location.search);
const theme = startServices(parameters.get('theme') ?? 'dark');
const prometheus = new Prometheus(parameters.get('prometheus'), parameters.get('scrape') ?? '1m');
prometheus.register();
registerPanels(theme);

async function draw() {
  const dashboard = await (await fetch(`/dashboards/${parameters.get('dashboard')}.json`)).json();
  const scene = sceneOf(dashboard, parameters);
  const style = {
    width: Number(parameters.get('width') ?? 1600),
    height: heightOf(scene) + 90,
    padding: 16,
    boxSizing: 'border-box',
    display: 'flex',
    flexDirection: 'column',
    background: theme.colors.background.canvas,
  };
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <MemoryRouter>
        <PortalContainer />
        <div id="dashboard" style={style}>
          <scene.Component model={scene} />
        </div>
      </MemoryRouter>
    </ThemeContext.Provider>
  );
  const root = () => document.getElementById('dashboard');
  // Annotations reach a graph after its data.
  const hasMarks = () => !eventsOf(scene) || !root().querySelector('.uplot') || root().querySelector('[data-annotation]');
  const complete = parameters.has('complete'); // whether a panel without data is a fault
  window.drawing = {
    isDrawn: () => !waitingOf(scene).length && hasMarks(),
    findings: () => [
      ...waitingOf(scene),
      ...failedPanelsOf(scene),
      ...prometheus.errors,
      ...(complete ? prometheus.emptyPanels().map((title) => `${title}: has no data`) : []),
      ...measure(root(), itemsOf(scene)),
    ],
    annotations: () => [...root().querySelectorAll('[data-annotation]')].map(({ dataset, title }) => `${dataset.annotation}: ${title}`),
    links: () => [...root().querySelectorAll('section a[href*="/d/"]')].map(({ textContent, href }) => [textContent, new URL(href).pathname + new URL(href).search]),
  };
}

draw();
