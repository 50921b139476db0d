// What `blindsalt/client` and `blindsalt/client/node` have in common.
export { BlindsaltError, type ErrorCode } from '../../proto/errors.js';
export { CLOSE, retryAfterClose, type CloseCode, type Retry } from '../../proto/close-codes.js';
export type { SocketCloseEvent } from './events.js';
export type { Connector, LoginCredentials, SignupCredentials } from './connect.js';
export type { ConnectOptions, ServerKey, Stage } from './options.js';
export type { LazyCredentials } from './credentials.js';
export type { CredentialsSource } from './logins.js';
export {
  AuthenticatedWebSocket,
  FAILURE_CLOSE,
  LoginErrorEvent,
  type WebSocketClass,
  type WebSocketClassOptions,
} from './websocket-class.js';
export type { ExpiringEvent, UserChangedEvent } from './events.js';
export type { OverflowPolicy } from './outbox.js';
export { ReconnectingSocket, type ReconnectingOptions } from './reconnecting.js';
export type { ReconnectingEvent, ReconnectingEventMap, SessionEndEvent } from './reconnecting-events.js';
export { importTicketSecret, memoryTickets, type NewTicket, type Ticket, type TicketStore } from './tickets.js';
export {
  BlindsaltSocket,
  type FreshProof,
  type OpenSession,
  type PasswordChange,
  type SessionInfo,
  type SocketEventMap,
} from './websocket.js';
