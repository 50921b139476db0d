// @serenity-kit/opaque (RFC 9807 with 3DH in WebAssembly), as its README shows.
import * as opaque from '@serenity-kit/opaque';

const USERNAME = 'alice';
const password = 'correct horse battery';
/** The client's affair, and the cheapest: the server cannot tell. */
const keyStretching = { 'argon2id-custom': { memory: 8, iterations: 1, parallelism: 1 } };

export async function createServer() {
  await opaque.ready;
  const serverSetup = opaque.server.createSetup();
  const { clientRegistrationState, registrationRequest } = opaque.client.startRegistration({ password });
  const { registrationResponse } = opaque.server.createRegistrationResponse({
    ...{ serverSetup, userIdentifier: USERNAME, registrationRequest },
  });
  const { registrationRecord } = opaque.client.finishRegistration({
    ...{ clientRegistrationState, registrationResponse, password, keyStretching },
  });
  const records = new Map([[USERNAME, registrationRecord]]);

  return {
    accept() {
      let serverLoginState;
      return ({ userIdentifier, startLoginRequest, finishLoginRequest }) => {
        if (finishLoginRequest === undefined) {
          const registrationRecord = records.get(userIdentifier);
          const started = opaque.server.startLogin({
            ...{ userIdentifier, registrationRecord, serverSetup, startLoginRequest },
          });
          serverLoginState = started.serverLoginState;
          return { answer: { loginResponse: started.loginResponse } };
        }
        const { sessionKey } = opaque.server.finishLogin({ finishLoginRequest, serverLoginState });
        return { isDone: true, answer: { welcome: sessionKey.length > 0 } };
      };
    },
    /** startLogin and finishLogin. */
    measureCrypto(rounds) {
      const started = opaque.client.startLogin({ password });
      const { startLoginRequest } = started;
      const start = { userIdentifier: USERNAME, registrationRecord, serverSetup, startLoginRequest };
      const { loginResponse, serverLoginState } = opaque.server.startLogin(start);
      const { clientLoginState } = started;
      const { finishLoginRequest } = opaque.client.finishLogin({
        ...{ clientLoginState, loginResponse, password, keyStretching },
      });
      const { user: begin } = process.cpuUsage();
      for (let i = 0; i < rounds; i++) {
        opaque.server.startLogin(start);
        opaque.server.finishLogin({ finishLoginRequest, serverLoginState });
      }
      return (process.cpuUsage().user - begin) / rounds;
    },
  };
}

export async function createClient() {
  await opaque.ready;
  return {
    async login(exchange) {
      const { clientLoginState, startLoginRequest } = opaque.client.startLogin({ password });
      const { loginResponse } = await exchange({ userIdentifier: USERNAME, startLoginRequest });
      const result = opaque.client.finishLogin({ clientLoginState, loginResponse, password, keyStretching });
      if (!result) throw new Error('login failed');
      const { welcome } = await exchange({ finishLoginRequest: result.finishLoginRequest });
      if (!welcome) throw new Error('not welcome');
    },
  };
}
