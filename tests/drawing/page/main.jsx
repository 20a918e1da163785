// Draw one dashboard: ?dashboard=NAME&prometheus=URL&theme=dark&width=1600, and var-NAME=VALUE as in Grafana.
import { ThemeContext } from '@grafana/data';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { MemoryRouter } from 'react-router-dom';
import { measure } from './measure.js';
import { registerPanels } from './panels.jsx';
import { Prometheus } from './prometheus.js';
import { failedPanelsOf, heightOf, itemsOf, sceneOf, waitingPanelsOf } from './scene.js';
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
  window.drawing = {
    isDrawn: () => !waitingPanelsOf(scene).length,
    findings: () => [...waitingPanelsOf(scene), ...failedPanelsOf(scene), ...prometheus.errors, ...measure(document.getElementById('dashboard'), itemsOf(scene))],
    emptyPanels: () => prometheus.emptyPanels(),
  };
}

draw();
