import type { TemplatedApp, WebSocketBehavior } from 'uWebSockets.js';
import type { Attributes } from '../store.js';
import { TrustedProxies } from './proxy.js';
import { checkBehavior, checkOptions, isTlsApp } from './uws-checks.js';
import { authenticatedOnly, UwsConnection, type Route } from './uws-connection.js';
import { preparePublish, publicTopic } from './uws-topics.js';
import type { AuthenticatedBehavior, AuthenticatedSocket, AuthenticateOptions } from './uws-types.js';
import { readRequest, refuseBusy, upgradeOf, type OpeningRequest } from './uws-upgrade.js';

export { createSslApp } from './uws-ssl-app.js';
export type {
  Authenticated,
  AuthenticatedBehavior,
  AuthenticatedSocket,
  AuthenticateOptions,
  SslAppOptions,
} from './uws-types.js';

const DEFAULT_MAX_BACKPRESSURE = 1024 * 1024;

/**
 * `app.ws(pattern, behavior)` of uWebSockets.js with a login in front: every handler but `upgrade` sees only sockets that
 * have authenticated, `open` comes when they have, and `getUserData()` has `session` and `subprotocol`. `publish` and
 * `numSubscribers` of the app, and the topics of its sockets, are then about authenticated sockets only, whatever other
 * routes the app has. May be called for several patterns of an app.
 * @returns the app, as `app.ws` does
 * @throws BlindsaltError `option-invalid`
 */
export function authenticate<UserData = object, A extends object = Attributes>(
  app: TemplatedApp,
  pattern: string,
  behavior: AuthenticatedBehavior<UserData, A>,
  options: AuthenticateOptions<A>,
): TemplatedApp {
  const isTls = isTlsApp(app);
  checkOptions(options);
  checkBehavior(behavior, options.engine.limits.maxMessageBytes);
  preparePublish(app);
  return app.ws<object>(pattern, wrap(behavior, options, isTls));
}

function wrap<UserData, A extends object>(
  behavior: AuthenticatedBehavior<UserData, A>,
  { engine, protocols, trustedProxies }: AuthenticateOptions<A>,
  isTls: boolean,
): WebSocketBehavior<object> {
  const proxies = new TrustedProxies(trustedProxies);
  const { maxLifetime, idleTimeout, sendPingsAutomatically } = behavior;
  const { upgrade, open, message: onMessage, close, sessionChanged } = behavior;
  const route: Route<A> = {
    engine,
    protocols,
    // A promise that it returns and that fails is an unhandled rejection, as with uWebSockets.js.
    onOpen: (ws) => void open?.(ws as AuthenticatedSocket<UserData, A>),
    onSessionChanged: (ws, change) => sessionChanged?.(ws as AuthenticatedSocket<UserData, A>, change),
  };
  /** Of the upgrade that is being carried out. */
  let opening: OpeningRequest | undefined;

  return {
    ...(maxLifetime !== undefined && { maxLifetime }),
    ...(idleTimeout !== undefined && { idleTimeout }),
    ...(sendPingsAutomatically !== undefined && { sendPingsAutomatically }),
    maxPayloadLength: engine.limits.maxMessageBytes,
    maxBackpressure: behavior.maxBackpressure ?? DEFAULT_MAX_BACKPRESSURE,
    closeOnBackpressureLimit: Number(behavior.closeOnBackpressureLimit ?? 1),
    ...watchers(behavior),

    upgrade(response, request, context) {
      if (!engine.hasRoom) return refuseBusy(response);
      const facts = readRequest(response, request, proxies, isTls);
      const carryOut = upgradeOf(response, facts, context);
      const start = (userData?: object): void => {
        opening = facts;
        try {
          carryOut(userData ?? {});
        } finally {
          opening = undefined;
        }
      };
      if (upgrade === undefined) return start();
      // The application's key, subprotocol and extensions are those of the request; ours replace them.
      response.upgrade = start as typeof response.upgrade;
      return upgrade(response, request, context);
    },
    open(ws) {
      const { peer } = opening!;
      opening = undefined;
      UwsConnection.accept<A>(ws, route, peer);
    },
    message(ws, message, isBinary) {
      const payload = UwsConnection.of(ws).receive(message, isBinary);
      if (payload !== undefined) return onMessage?.(ws as AuthenticatedSocket<UserData, A>, payload, isBinary);
    },
    close(ws, code, message) {
      const connection = UwsConnection.of(ws);
      connection.gone();
      if (connection.isAuthenticated) close?.(ws as AuthenticatedSocket<UserData, A>, code, message);
    },
  };
}

/** The handlers that need no more than a socket that has authenticated; absent ones stay absent. */
function watchers<UserData, A extends object>({
  dropped,
  drain,
  ping,
  pong,
  subscription,
}: AuthenticatedBehavior<UserData, A>): WebSocketBehavior<object> {
  type Socket = AuthenticatedSocket<UserData, A>;
  const only = (ws: object): Socket | undefined => authenticatedOnly(ws) as Socket | undefined;
  return {
    ...(dropped && {
      dropped(ws, message, isBinary) {
        const socket = only(ws);
        return socket && dropped(socket, message, isBinary);
      },
    }),
    ...(drain && {
      drain(ws) {
        const socket = only(ws);
        if (socket) drain(socket);
      },
    }),
    ...(ping && {
      ping(ws, message) {
        const socket = only(ws);
        if (socket) ping(socket, message);
      },
    }),
    ...(pong && {
      pong(ws, message) {
        const socket = only(ws);
        if (socket) pong(socket, message);
      },
    }),
    ...(subscription && {
      subscription(ws, topic, newCount, oldCount) {
        const socket = only(ws);
        if (socket) subscription(socket, publicTopic(topic), newCount, oldCount);
      },
    }),
  };
}
