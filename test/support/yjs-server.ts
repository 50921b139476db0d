import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import * as awareness from 'y-protocols/awareness';
import * as sync from 'y-protocols/sync';
import * as Y from 'yjs';
import type { AuthenticatedWebSocket, WebSocketServer } from '../../src/server/adapter/ws.js';

const SYNC = 0;
const AWARENESS = 1;

/**
 * The server's half of y-websocket: one document for each path, in memory. `onEdit` hears of every message with an edit.
 * Returns what ends its timers.
 */
export function serveDocuments(wss: WebSocketServer, onEdit: (author: AuthenticatedWebSocket) => void): () => void {
  const rooms = new Map<string, Room>();
  wss.on('connection', (socket, request) => {
    const name = request.url ?? '/';
    const room = rooms.get(name) ?? new Room(onEdit);
    rooms.set(name, room);
    room.join(socket);
  });
  return () => {
    for (const room of rooms.values()) room.destroy();
  };
}

class Room {
  readonly #sockets = new Map<AuthenticatedWebSocket, Set<number>>();
  readonly #doc = new Y.Doc();
  readonly #awareness = new awareness.Awareness(this.#doc);

  constructor(onEdit: (author: AuthenticatedWebSocket) => void) {
    this.#awareness.setLocalState(null);
    this.#doc.on('update', (update: Uint8Array, author: AuthenticatedWebSocket) => {
      onEdit(author);
      this.#tell(frame(SYNC, (encoder) => sync.writeUpdate(encoder, update)));
    });
    this.#awareness.on('update', (change: Record<'added' | 'updated' | 'removed', number[]>, author: unknown) => {
      const owned = this.#sockets.get(author as AuthenticatedWebSocket);
      for (const client of change.added) owned?.add(client);
      this.#tell(this.#presence([...change.added, ...change.updated, ...change.removed]));
    });
  }

  join(socket: AuthenticatedWebSocket): void {
    this.#sockets.set(socket, new Set());
    socket.on('message', (data) => this.#receive(socket, data as Buffer));
    socket.on('close', () => {
      const owned = this.#sockets.get(socket) ?? [];
      this.#sockets.delete(socket);
      awareness.removeAwarenessStates(this.#awareness, [...owned], null);
    });
    socket.send(frame(SYNC, (encoder) => sync.writeSyncStep1(encoder, this.#doc)));
    if (this.#awareness.getStates().size > 0) socket.send(this.#presence([...this.#awareness.getStates().keys()]));
  }

  destroy(): void {
    this.#doc.destroy();
  }

  #receive(socket: AuthenticatedWebSocket, data: Buffer): void {
    const decoder = decoding.createDecoder(data);
    const type = decoding.readVarUint(decoder);
    if (type === AWARENESS) {
      awareness.applyAwarenessUpdate(this.#awareness, decoding.readVarUint8Array(decoder), socket);
    } else if (type === SYNC) {
      const answer = frame(SYNC, (encoder) => sync.readSyncMessage(decoder, encoder, this.#doc, socket));
      if (answer.length > 1) socket.send(answer);
    }
  }

  #presence(clients: number[]): Uint8Array {
    const update = awareness.encodeAwarenessUpdate(this.#awareness, clients);
    return frame(AWARENESS, (encoder) => encoding.writeVarUint8Array(encoder, update));
  }

  #tell(message: Uint8Array): void {
    for (const socket of this.#sockets.keys()) socket.send(message);
  }
}

function frame(type: number, write: (encoder: encoding.Encoder) => void): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, type);
  write(encoder);
  return encoding.toUint8Array(encoder);
}
