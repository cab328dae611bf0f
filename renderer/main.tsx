import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <p>Switchyard is running. Until this window can do more, use the command line: switchyard status</p>
    </StrictMode>,
  );
}
