/** The engine's default, so that bare servers have the same. */
export const MAX_MESSAGE_BYTES = 65_536;

/** Listens on loopback; answers the port. */
export async function listenUws(app) {
  const uws = (await import('uWebSockets.js')).default;
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (token) => {
      if (token) resolve(uws.us_socket_local_port(token));
      else reject(new Error('cannot listen'));
    });
  });
}
