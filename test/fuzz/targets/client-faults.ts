// Cores that are broken on purpose: what the search has to find.
import { decodeControl, encodeControl } from '../../../proto/codec.js';
import type { Action } from '../../../src/client/core.js';
import { ClientCore } from '../../../src/client/core.js';
import type { Core, CreateCore } from './client.js';

/** The real core, with its actions changed. */
const changed =
  (change: (actions: Action[], call: 'receive' | 'stretched' | 'fail', core: ClientCore) => Action[]): CreateCore =>
  (crypto, options): Core => {
    const core = new ClientCore(crypto, options);
    return {
      receive: (frame) => change(core.receive(frame), 'receive', core),
      stretched: (result) => change(core.stretched(result), 'stretched', core),
      fail: (error) => change(core.fail(error), 'fail', core),
      dispose: () => core.dispose(),
    };
  };

/** What each does wrong. */
export const CLIENT_FAULTS: Readonly<Record<string, CreateCore>> = {
  'keeps the password': (crypto, options) => {
    const password = options.password.slice();
    const core = new ClientCore(crypto, { ...options, password });
    return core;
  },
  'throws what it should report': changed((actions) => {
    for (const action of actions)
      if (action.kind === 'failed' && action.error.reason === 'server-key-id') throw action.error;
    return actions;
  }),
  'fails twice': changed((actions, call) =>
    call === 'fail' && actions[0]?.kind === 'failed' ? [actions[0], actions[0]] : actions,
  ),
  'stretches with what the server likes': changed((actions) =>
    actions.map((action) =>
      action.kind === 'stretch' ? { ...action, ksf: { ...action.ksf, iterations: action.ksf.iterations - 2 } } : action,
    ),
  ),
  'does not look at the envelope and the server’s proof': (crypto, options) => {
    const core = new ClientCore(crypto, options);
    return {
      receive: (frame) => core.receive(frame),
      fail: (error) => core.fail(error),
      dispose: () => core.dispose(),
      stretched(result) {
        const actions = core.stretched(result);
        const [action] = actions;
        return action?.kind === 'failed' && action.error.code === 'login-failed'
          ? [{ kind: 'send', frame: encodeControl({ kind: 'loginFinish', proof: new Uint8Array(64).fill(7) }) }]
          : actions;
      },
    };
  },
  'takes anybody’s welcome': (crypto, options) => {
    const core = new ClientCore(crypto, options);
    let connection: (Action & { kind: 'done' })['connection'] | undefined;
    return {
      stretched: (result) => core.stretched(result),
      fail: (error) => core.fail(error),
      dispose: () => core.dispose(),
      receive(frame) {
        const actions = core.receive(frame);
        const [action] = actions;
        if (action?.kind === 'done') connection = action.connection;
        if (action?.kind === 'failed' && action.error.reason === 'username') {
          const welcome = decodeControl(frame, 'server');
          connection ??= { head: new Uint8Array(80), binding: { type: '', value: new Uint8Array(0) }, nonces: [] };
          if (welcome.kind === 'welcome') return [{ kind: 'done', welcome, connection }];
        }
        return actions;
      },
    };
  },
};
