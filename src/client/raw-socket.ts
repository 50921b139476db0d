/** What is used of the platform's WebSocket, and of `ws`. */
export interface RawSocket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  readonly url: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** An event of the raw socket, reduced to what matters. */
export type RawEvent =
  | { readonly type: 'message'; readonly data: string | ArrayBuffer }
  | { readonly type: 'close'; readonly code: number; readonly reason: string; readonly wasClean: boolean }
  | { readonly type: 'error' };

/** Sends the events of a raw socket to one function. */
export function listenTo(raw: RawSocket, listener: (event: RawEvent) => void): void {
  raw.onmessage = ({ data }: { data: string | ArrayBuffer }) => listener({ type: 'message', data });
  raw.onclose = ({ code, reason, wasClean }: { code: number; reason: string; wasClean: boolean }) =>
    listener({ type: 'close', code, reason, wasClean });
  raw.onerror = () => listener({ type: 'error' });
}
