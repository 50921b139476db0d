import { afterAll, beforeAll } from '@jest/globals';
import { authenticate, createSslApp } from '../../src/server/adapter/uws.js';
import { adapterSuite, type StartAdapter } from '../suites/adapter.js';
import { adapterSessionsSuite } from '../suites/adapter-sessions.js';
import { certificateFiles, describeUws, listen, type CertificateFiles } from '../support/uws.js';

describeUws('uWebSockets.js', () => {
  let certificate: CertificateFiles;
  beforeAll(async () => {
    certificate = await certificateFiles();
  });
  afterAll(() => certificate.remove());

  const start: StartAdapter = async ({ engine, application, protocols, trustedProxies, pingIntervalMs }) => {
    const { cert_file_name, key_file_name } = certificate;
    const app = await createSslApp({ cert_file_name, key_file_name });
    authenticate(
      app,
      '/ws',
      {
        // Its shortest; pings are sent within.
        ...(pingIntervalMs !== undefined && { idleTimeout: 8 }),
        open(ws) {
          const { session, subprotocol } = ws.getUserData();
          ws.subscribe('all');
          application.onConnection(session, subprotocol);
        },
        sessionChanged(_ws, change) {
          application.onSessionChanged?.(change);
        },
        message(ws, message, isBinary) {
          ws.send(message, isBinary);
        },
      },
      { engine, ...(protocols && { protocols }), ...(trustedProxies && { trustedProxies }) },
    );
    const { port } = listen(app);
    return {
      url: `wss://localhost:${port}/ws`,
      port,
      broadcast: (data) => app.publish('all', data, typeof data !== 'string'),
      count: () => app.numSubscribers('all'),
      stop: async () => void app.close(),
    };
  };

  adapterSuite('uws', start, { tlsExporter: 'uWebSockets.js has no TLS exporter' });
  adapterSessionsSuite('uws', start);
});
