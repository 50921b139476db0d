// A relay: ends the client's TLS with a certificate of its own, and speaks TLS to the server.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../../proto/index.js';

export interface RelayCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface Relay {
  readonly port: number;
  /** Bytes that went through, decrypted, towards the server. */
  readonly bytesSeen: () => number;
  stop(): Promise<void>;
}

/** Passes every byte on, as a TLS-terminating proxy does. */
export async function startByteRelay(certificate: RelayCertificate, serverPort: number): Promise<Relay> {
  let seen = 0;
  const open = new Set<tls.TLSSocket>();
  const relay = tls.createServer({ ...certificate, minVersion: 'TLSv1.3' }, (downstream) => {
    const upstream = tls.connect({
      host: 'localhost',
      port: serverPort,
      servername: 'localhost',
      rejectUnauthorized: false,
    });
    for (const socket of [downstream, upstream]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        downstream.destroy();
        upstream.destroy();
      });
    }
    downstream.on('data', (bytes: Buffer) => (seen += bytes.length));
    downstream.pipe(upstream);
    upstream.pipe(downstream);
  });
  relay.listen(0, 'localhost');
  await once(relay, 'listening');
  return {
    port: (relay.address() as AddressInfo).port,
    bytesSeen: () => seen,
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}

/** What a relay makes of a binary message. */
export interface Tampering {
  readonly toClient?: (frame: Uint8Array) => Uint8Array;
  readonly toServer?: (frame: Uint8Array) => Uint8Array;
}

/** Reads and rewrites WebSocket messages between both. */
export async function startFrameRelay(
  certificate: RelayCertificate,
  serverPort: number,
  tampering: Tampering,
): Promise<Relay> {
  let seen = 0;
  const server = createServer({ ...certificate, minVersion: 'TLSv1.3' });
  const relay = new WebSocketServer({ server, handleProtocols: () => SUBPROTOCOL });
  const open = new Set<WebSocket>();
  relay.on('connection', (client) => {
    const upstream = new WebSocket(`wss://localhost:${serverPort}/`, SUBPROTOCOL, { rejectUnauthorized: false });
    const waiting: (readonly [Buffer, boolean])[] = [];
    const pass = (data: Buffer, isBinary: boolean): void => {
      const changed = isBinary && tampering.toServer ? tampering.toServer(data) : data;
      upstream.send(changed, { binary: isBinary });
    };
    upstream.on('open', () => {
      for (const [data, isBinary] of waiting.splice(0)) pass(data, isBinary);
    });
    client.on('message', (data: Buffer, isBinary) => {
      seen += data.length;
      if (upstream.readyState === WebSocket.OPEN) pass(data, isBinary);
      else waiting.push([data, isBinary]);
    });
    upstream.on('message', (data: Buffer, isBinary) => {
      client.send(isBinary && tampering.toClient ? tampering.toClient(data) : data, { binary: isBinary });
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', (code) => {
        open.delete(socket);
        if (other.readyState === WebSocket.OPEN) other.close(code === 1005 || code === 1006 ? 1000 : code);
      });
    }
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    bytesSeen: () => seen,
    async stop() {
      for (const socket of open) socket.terminate();
      relay.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
